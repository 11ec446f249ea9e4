/** Models that a client's protocol cannot reach without translation, and what the tests of all SDKs say about them. */
import { expect } from "vitest";
import type { Protocol } from "../../src/protocols/protocol.ts";
import { type Dict, objectOf, objectsOf } from "../fakes/inspect.ts";
import { REASONING_TEXT } from "../fakes/scenarios/chat.ts";
import { signatureFor, THOUGHT } from "../fakes/scenarios/messages.ts";
import { REASONING } from "../fakes/scenarios/responses.ts";
import type { Scene, UpstreamRequest } from "./scene.ts";

/** A model whose provider speaks one protocol only. */
export interface Target {
  readonly to: Protocol;
  readonly account: "claude" | "codex" | "copilot";
  readonly id: string;
  readonly path: string;
  /** The scenario with one tool call after reasoning, and what the model's reasoning reads as. */
  readonly reasons: string;
  readonly reasoning: string;
  /** The scenarios that end a stream with an error, and that refuse a conversation that is too long. */
  readonly fails: string;
  readonly overflows: string;
}

const CLAUDE: Target = {
  to: "messages",
  account: "claude",
  id: "claude-sonnet-5",
  path: "/v1/messages",
  reasons: "thinking-tool",
  reasoning: THOUGHT,
  fails: "error-mid",
  overflows: "error:too-long",
};
const PLAN: Target = {
  to: "responses",
  account: "codex",
  id: "gpt-5.5",
  path: "/backend-api/codex/responses",
  reasons: "reasoning-tool",
  reasoning: REASONING,
  fails: "failed",
  overflows: "error:context-length",
};
const CHAT: Target = {
  to: "chat",
  account: "copilot",
  id: "grok-4.5",
  path: "/chat/completions",
  reasons: "reasoning-tool",
  reasoning: REASONING_TEXT,
  fails: "error-mid",
  overflows: "error:prompt-too-long",
};

/** The models that a client of a protocol reaches by translation. */
export function targetsOf(from: Protocol): Target[] {
  return [CLAUDE, PLAN, CHAT].filter(({ to }) => to !== from);
}

/** Queues scenarios for a target's provider. */
export function script(scene: Scene, { account }: Target, ...scenarios: readonly unknown[]): void {
  for (const scenario of scenarios) scene.fakes[account].script(scenario as "text");
}

/** A turn that reasons and calls a tool; `sealed` is its proof where the protocol lets it be any text. */
export const reasoningTurn = ({ reasons }: Target, sealed: string) => ({ scenario: reasons, sealed });

/** The conversation as the provider got it, without what moves from turn to turn by design. */
export function itemsOf({ body }: UpstreamRequest): string[] {
  return objectsOf(body.messages ?? body.input).map((item) =>
    JSON.stringify(item, (key, value: unknown) => (key === "cache_control" ? undefined : value)),
  );
}

/** Proves that the provider got back all that it sealed, whole and in order. */
export function expectReasoning({ to }: Target, request: UpstreamRequest, sealed: readonly string[]): void {
  expect(PROOFS[to](request.body)).toEqual(sealed.map((proof) => EXPECTED[to](proof)));
}

const PROOFS: Record<Protocol, (body: Dict) => unknown[]> = {
  messages: ({ messages }) =>
    objectsOf(messages)
      .flatMap(({ content }) => objectsOf(content))
      .filter(({ type }) => type === "thinking"),
  responses: ({ input }) => objectsOf(input).filter(({ type }) => type === "reasoning"),
  chat: ({ messages }) =>
    objectsOf(messages).flatMap(({ reasoning_opaque, reasoning_text }) =>
      reasoning_opaque === undefined ? [] : [{ reasoning_opaque, reasoning_text }],
    ),
};

const EXPECTED: Record<Protocol, (sealed: string) => unknown> = {
  messages: () => ({ type: "thinking", thinking: THOUGHT, signature: signatureFor(THOUGHT) }),
  responses: (sealed) => ({
    type: "reasoning",
    summary: [{ type: "summary_text", text: REASONING }],
    encrypted_content: sealed,
  }),
  chat: (sealed) => ({ reasoning_opaque: sealed, reasoning_text: REASONING_TEXT }),
};

/** The schema of a structured answer, as the provider got it. */
export function answerSchema({ body }: UpstreamRequest): Dict | null {
  const format =
    objectOf(objectOf(body.output_config)?.format) ??
    objectOf(objectOf(body.text)?.format) ??
    objectOf(objectOf(body.response_format)?.json_schema);
  return objectOf(format?.schema);
}
