/** Answers in one piece through the whole app: what Kleis need not change reaches the client as the provider wrote it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AccountName } from "../support/accounts.ts";
import { createTestApp, type TestApp } from "./support/test-app.ts";

let kleis: TestApp;
beforeAll(async () => {
  kleis = await createTestApp();
});
afterAll(() => kleis.close());

/** What a parser does not give back: big and odd numbers, keys like integers, a key twice, escapes. */
const ODD =
  '{"id":12345678901234567890,"f":1.0, "e":1e400,"10":1,"2":-0,"d":1,"d":2,"s":"\\u00e9\\/\\ud800"}';

async function answered(path: string, as: AccountName, body: object, type: string, answer: string) {
  kleis.serve(() => new Response(answer, { headers: { "content-type": type } }));
  const response = await kleis.post(path, body, { as });
  expect(response.status).toBe(200);
  return response.text();
}

test("a Claude answer whose tool names are mapped back and whose model is put back", async () => {
  const answer = (name: string, model: string) =>
    `{ "id":"m","type":"message","model":"${model}","content":[{"type":"tool_use","id":"t","name": "${name}","input":${ODD}}],"usage":{"n":1E2} }`;
  const asked = {
    model: "claude/claude-sonnet-4-6",
    max_tokens: 9,
    messages: [{ role: "user", content: "Hi" }],
    tools: [{ name: "lookup", input_schema: {} }],
  };
  const raw = answer("mcp_lookup", "claude-sonnet-4-6");
  expect(await answered("/v1/messages", "claude", asked, "application/json", raw)).toBe(
    answer("lookup", "claude/claude-sonnet-4-6"),
  );
});

test.each(["response.completed", "response.done"])(
  "a ChatGPT answer that is gathered from a stream which ends with %s",
  async (end) => {
    const item = `{"id":"ts_1","type":"tool_search_call","arguments": ${ODD}}`;
    const begun = (model: string) => `"id":"resp_1","model":"${model}","tools":[{"parameters":${ODD}}]`;
    const events = [
      `{"type":"response.created","response":{${begun("gpt-5.5")},"status":"in_progress","output":[]}}`,
      `{"type":"response.output_item.done","output_index":0,"item":${item}}`,
      `{"type":"${end}","response":{"status":"completed","output":[],"metadata":${ODD}}}`,
    ];
    const raw = events.map((data) => `data: ${data}\n\n`).join("");
    const asked = { model: "codex/gpt-5.5", input: "Hi" };
    expect(await answered("/v1/responses", "codex", asked, "text/event-stream", raw)).toBe(
      `{${begun("codex/gpt-5.5")},"status":"completed","output":[${item}],"metadata":${ODD}}`,
    );
  },
);

test("a Copilot answer whose choices are folded, but for its message", async () => {
  const call = '"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\\"n\\":1.0}"}}]';
  const answer = (choices: string) =>
    `{ "id":"c","choices":[${choices}],"usage":{"total_tokens":1.0},"odd":${ODD} }`;
  const raw = answer(
    `{"index":0,"message":{"content":"a"}} , {"index":1,"finish_reason":"tool_calls","message":{${call}}}`,
  );
  const asked = { model: "gpt-4.1", messages: [{ role: "user", content: "Hi" }] };
  expect(await answered("/copilot/v1/chat/completions", "copilot", asked, "application/json", raw)).toBe(
    answer(`{"index":0,"message":{${call},"content":"a"},"finish_reason":"tool_calls"}`),
  );
});
