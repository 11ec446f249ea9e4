/** One prepared Claude request, as the pipeline would send it: the smallest world for the provider's tests. */

import { testKeyOf } from "../../harness/secrets.ts";
import type { Config } from "../../src/config.ts";
import { readConfig } from "../../src/environment.ts";
import type { JsonObject } from "../../src/json.ts";
import { applyEdits } from "../../src/protocols/json-edit.ts";
import type { Operation } from "../../src/protocols/protocol.ts";
import type { CredentialKind } from "../../src/providers/account.ts";
import { claude } from "../../src/providers/claude/index.ts";
import type { PreparedRequest } from "../../src/providers/provider.ts";

export const IDENTITY = "You are Claude Code, Anthropic's official CLI for Claude.";

export function configOf(environment: Record<string, string> = {}): Config {
  const result = readConfig({
    ADMIN_TOKEN: "q7-vX2pLk9rTz4mWc8bNs1yHd5",
    ENCRYPTION_KEY: testKeyOf("fixture"),
    ...environment,
  });
  if (!result.ok) throw new Error(result.problems.join("; "));
  return result.config;
}

/** With Kleis's own name for plans too, so that tests see the other changes alone. */
export const CONFIG: Config = configOf({ CLAUDE_USER_AGENT: "" });

export interface Asked {
  body: JsonObject | string;
  kind?: CredentialKind;
  operation?: Operation;
  headers?: Record<string, string>;
  query?: string;
  config?: Config;
}

export interface Sent {
  request: PreparedRequest;
  /** The bytes that go upstream, as text. */
  text: string;
  body: JsonObject;
  headers: Record<string, string>;
  /** The names that `x-kleis-changes` would hold. */
  changes: string[];
}

export async function send(asked: Asked): Promise<Sent> {
  const kind = asked.kind ?? "oauth";
  const source = typeof asked.body === "string" ? asked.body : JSON.stringify(asked.body);
  const bytes = new TextEncoder().encode(source);
  const request = await claude.prepare({
    operation: asked.operation ?? "messages",
    body: { bytes, value: JSON.parse(source) },
    model: "claude-sonnet-4-6",
    query: asked.query ?? "",
    headers: new Headers(asked.headers),
    account: { id: "a1", kind, externalId: "u1", metadata: {} },
    credential: { kind, token: kind === "oauth" ? "sk-ant-oat01-AAA" : "sk-ant-api03-AAA" },
    keyId: "k1",
    keyCreatedAt: 1_790_000_000_000,
    now: 1_790_000_000_000,
    config: asked.config ?? CONFIG,
  });
  const text = new TextDecoder().decode(applyEdits(bytes, request.edits));
  return {
    request,
    text,
    body: JSON.parse(text),
    headers: Object.fromEntries(request.headers.entries()),
    changes: [...new Set([...request.edits.map((edit) => edit.change), ...(request.changes ?? [])])].sort(),
  };
}

/** A JSON answer as the client gets it. */
export function answered({ request }: Sent, answer: string | JsonObject): string {
  const source = typeof answer === "string" ? answer : JSON.stringify(answer);
  const edits = request.response.json?.(JSON.parse(source)) ?? [];
  return new TextDecoder().decode(applyEdits(new TextEncoder().encode(source), edits));
}

/** The event of a stream, in the form that Anthropic sends. */
export function sseEvent(data: JsonObject, newline = "\n"): Uint8Array {
  return new TextEncoder().encode(
    `event: ${data.type}${newline}data: ${JSON.stringify(data)}${newline}${newline}`,
  );
}
