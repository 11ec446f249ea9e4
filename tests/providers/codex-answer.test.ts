import { expect, test } from "vitest";
import type { ErrorResponse } from "../../src/providers/provider.ts";
import { send } from "./codex-fixture.ts";

const { response } = (await send({ model: "gpt-5.5", input: "hi", stream: true })).prepared;

function errorOf(
  status: number,
  body: string,
  contentType = "application/json",
): ErrorResponse | null | undefined {
  return response.error?.(status, contentType, body);
}

test("the backend's detail becomes an OpenAI error with the same words", () => {
  expect(errorOf(400, '{"detail":"Unsupported parameter: foo"}')).toEqual({
    body: {
      error: {
        message: "Unsupported parameter: foo",
        type: "invalid_request_error",
        code: null,
        param: null,
      },
    },
  });
});

test.each([
  [429, '{"error":{"type":"usage_limit_reached","message":"m","plan_type":"pro","resets_at":1790000000}}'],
  [401, '{"error":{"code":"token_expired","type":"invalid_request_error","message":"m"}}'],
  [403, '{"error":{"code":"codex_entitlement_missing","message":"m"}}'],
  [403, '{"detail":{"code":"codex_workspace_access_denied"}}'],
  [502, "<html>bad gateway</html>"],
  [500, ""],
])("every other error passes as it came: %i %s", (status, body) => {
  expect(errorOf(status, body)).toBeNull();
});

test("a page of Cloudflare's becomes our own error with advice, and none of the page", () => {
  const blocked = errorOf(403, "<!DOCTYPE html><title>Just a moment...</title>", "text/html");
  expect(blocked?.status).toBe(503);
  expect(blocked?.body).toMatchObject({ error: { code: "upstream_blocked" } });
  expect(JSON.stringify(blocked?.body)).toMatch(/CODEX_API_URL/);
  expect(JSON.stringify(blocked?.body)).not.toMatch(/Just a moment/);
});

const encode = (text: string) => new TextEncoder().encode(text);
const rewritten = (text: string) => {
  const event = encode(text);
  const out = response.stream?.().rewrite(event);
  return { text: new TextDecoder().decode(out ?? undefined), isSame: out === event };
};

test.each([
  'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r"}}\n\n',
  'data: {"type":"response.output_text.delta","delta":"response.done"}\n\n',
  ": keepalive\n\n",
  "data: [DONE]\n\n",
  "data: response.done\n\n",
])("an event that clients know passes as the bytes that came: %j", (event) => {
  expect(rewritten(event)).toEqual({ text: event, isSame: true });
});

test.each([
  ["completed", "response.completed"],
  ["incomplete", "response.incomplete"],
  ["failed", "response.failed"],
])("response.done of a %s response gets the name that clients wait for", (status, name) => {
  const event = `event: response.done\r\ndata: {"type":"response.done", "response":{"id":"r","10":1.0,"2":12345678901234567890,"status":"${status}"}}\r\n\r\n`;
  expect(rewritten(event).text).toBe(event.replaceAll("response.done", name));
});

test("response.done gets it also where its type comes last, behind a long response and without an event line", () => {
  const event = `data: {"response":{"id":"r","instructions":"${"x".repeat(5000)}"},"type":"response.done"}\n\n`;
  expect(rewritten(event).text).toBe(event.replace("response.done", "response.completed"));
});
