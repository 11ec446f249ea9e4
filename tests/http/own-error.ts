/** What every refusal of Kleis's own has in common, whatever its case: one place that tests ask. */
import { expect } from "vitest";
import type { Door } from "../support/door.ts";
import type { WireAnswer } from "./wire.ts";

/** The routes of one protocol each, with a small body that a connected provider answers. */
export const OPERATIONS = {
  chat: {
    path: "/v1/chat/completions",
    body: { model: "gpt-5-mini", messages: [{ role: "user", content: "Hello" }] },
  },
  responses: { path: "/v1/responses", body: { model: "gpt-5.5", input: "Hello" } },
  messages: {
    path: "/v1/messages",
    body: { model: "claude-sonnet-5", max_tokens: 64, messages: [{ role: "user", content: "Hello" }] },
  },
  count_tokens: {
    path: "/v1/messages/count_tokens",
    body: { model: "claude-sonnet-5", messages: [{ role: "user", content: "Hello" }] },
  },
} as const;

export type OperationName = keyof typeof OPERATIONS;

export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];

/** The words of an error and the facts that clients act upon. */
export interface OwnError {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  readonly param?: string | null;
}

/**
 * Asserts status, code, the protocol's shape, `x-should-retry`, the request id, and that the answer gives away neither
 * a stack nor a secret. Gives the error for what is peculiar to a case.
 */
export function expectOwnError(
  answer: WireAnswer,
  shape: "openai" | "anthropic",
  status: number,
  code: string,
  secrets: readonly string[] = [],
): OwnError {
  const body = answer.json as { type?: string; error: OwnError; request_id?: string };
  expect({ status: answer.status, code: body?.error?.code, text: answer.text }).toEqual({
    status,
    code,
    text: answer.text,
  });
  expect(answer.headers["content-type"]).toMatch(/^application\/json\b/);
  const requestId = answer.headers["x-request-id"];
  expect(requestId).toMatch(/^req_[\w-]{8,}$/);
  expect(answer.headers["x-should-retry"]).toBe(status < 500 ? "false" : undefined);
  if (shape === "anthropic") {
    expect(Object.keys(body)).toEqual(["type", "error", "request_id"]);
    expect(body.type).toBe("error");
    expect(body.request_id).toBe(requestId);
    expect(Object.keys(body.error)).toEqual(["type", "message", "code"]);
  } else {
    expect(Object.keys(body)).toEqual(["error"]);
    expect(Object.keys(body.error)).toEqual(expect.arrayContaining(["message", "type", "param", "code"]));
  }
  expect(body.error.message.length).toBeGreaterThan(15);
  expect(answer.text).not.toMatch(/\n\s+at |\.[mc]?[jt]s:\d|node_modules|\bstack\b/);
  for (const secret of secrets) expect(answer.text.includes(secret)).toBe(false);
  return body.error;
}

export function shapeOf(operation: OperationName): "openai" | "anthropic" {
  return operation === "messages" || operation === "count_tokens" ? "anthropic" : "openai";
}

/** Every secret that the door's world holds: the admin token and what the fakes have issued. */
export function secretsOf(door: Door, ...more: string[]): string[] {
  const { claude, codex, copilot } = door.fakes;
  const tokens = [claude, codex, copilot].flatMap((fake) => fake.tokens.list().map(({ token }) => token));
  return [door.adminToken, ...tokens, ...more];
}
