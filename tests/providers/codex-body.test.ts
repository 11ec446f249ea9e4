import { expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { refusals, type Sent, send } from "./codex-fixture.ts";

/** A body that the backend takes as it is. */
const FITS: JsonObject = {
  model: "gpt-5.5",
  instructions: "Be brief.",
  input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] }],
  include: ["reasoning.encrypted_content"],
  store: false,
  stream: true,
};
const user = (text: string) => ({ role: "user", content: [{ type: "input_text", text }] });

async function sendFitting(source: string | JsonObject): Promise<Sent> {
  const sent = await send(source);
  expect(refusals(sent.body)).toEqual([]);
  return sent;
}

test("a body that fits goes as the bytes that came", async () => {
  const source = JSON.stringify(FITS, null, 1);
  const sent = await sendFitting(source);
  expect(sent.text).toBe(source);
  expect(sent.changes).toEqual([]);
});

test.each([
  "max_output_tokens max_completion_tokens max_tokens temperature top_p frequency_penalty presence_penalty stop",
  "truncation user metadata safety_identifier previous_response_id context_management prompt_cache_retention",
  "prompt_cache_options background conversation prompt generate seed n logprobs __proto__",
])("fields that the backend refuses are taken out: %s", async (names) => {
  const extra = names.split(" ").map((name) => `${JSON.stringify(name)}:1`);
  const source = JSON.stringify(FITS);
  const sent = await sendFitting(`{${extra.join(",")},${source.slice(1)}`);
  expect(sent.text).toBe(source);
  expect(sent.changes).toEqual(["codex-fields"]);
});

test("a priority tier stays, any other goes", async () => {
  expect((await sendFitting({ ...FITS, service_tier: "priority" })).changes).toEqual([]);
  expect((await sendFitting({ ...FITS, service_tier: "flex" })).body).toEqual(FITS);
  expect((await sendFitting({ ...FITS, service_tier: null })).body).toEqual(FITS);
});

test("of stream_options only the summary delivery stays", async () => {
  const kept = { reasoning_summary_delivery: "sequential" };
  const both = await sendFitting({ ...FITS, stream_options: { include_obfuscation: false, ...kept } });
  expect(both.body.stream_options).toEqual(kept);
  expect((await sendFitting({ ...FITS, stream_options: { include_usage: true } })).body).toEqual(FITS);
  expect((await sendFitting({ ...FITS, stream_options: null })).body).toEqual(FITS);
});

test("store becomes false and stream true, each declared", async () => {
  const source =
    '{"model":"gpt-5.5","instructions":"x","input":[],"include":["reasoning.encrypted_content"],"store":true}';
  const sent = await sendFitting(source);
  expect(sent.text).toBe(`${source.replace('"store":true', '"store":false').slice(0, -1)},"stream":true}`);
  expect(sent.changes).toEqual(["codex-store", "codex-stream"]);
  expect((await sendFitting({ ...FITS, stream: false })).changes).toEqual(["codex-stream"]);
});

test("encrypted reasoning is asked for beside what the client asks for", async () => {
  const sent = await sendFitting({ ...FITS, include: ["web_search_call.action.sources"] });
  expect(sent.body.include).toEqual(["web_search_call.action.sources", "reasoning.encrypted_content"]);
  expect(sent.changes).toEqual(["codex-include"]);
  expect((await sendFitting({ ...FITS, include: null })).body.include).toEqual([
    "reasoning.encrypted_content",
  ]);
});

test("a plain string becomes one user message", async () => {
  const sent = await sendFitting({ ...FITS, input: "hi" });
  expect(sent.body).toEqual(FITS);
  expect(sent.changes).toEqual(["codex-input"]);
});

test("ids of replayed items go, call ids and everything else stay byte for byte", async () => {
  const source =
    '{"model":"gpt-5.5","instructions":"x","include":["reasoning.encrypted_content"],"store":false,"stream":true,"input":[' +
    '{"role":"user","content":"q"},' +
    '{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"AAA"},' +
    '{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"\\u0061","annotations":[]}]},' +
    '{"type":"function_call","call_id":"call_1","name":"f","arguments":"{}","id":"fc_1"},' +
    '{"type":"function_call_output","call_id":"call_1","output":"1.0"}]}';
  const sent = await sendFitting(source);
  expect(sent.text).toBe(
    source.replace('"id":"rs_1",', "").replace('"id":"msg_1",', "").replace(',"id":"fc_1"', ""),
  );
  expect(sent.changes).toEqual(["codex-item-ids"]);
});

test("references to items that nobody kept are left out", async () => {
  const input = [user("q"), { type: "item_reference", id: "msg_1" }, { id: "msg_2" }, user("r")];
  const sent = await sendFitting({ ...FITS, input });
  expect(sent.body.input).toEqual([user("q"), user("r")]);
  expect(sent.changes).toEqual(["codex-item-ids"]);
});

test("a tool's answer whose call is only referred to is refused with the way out", async () => {
  const input = [
    user("q"),
    { type: "item_reference", id: "fc_1" },
    { type: "function_call_output", call_id: "call_1", output: "x" },
  ];
  await expect(send({ ...FITS, input })).rejects.toMatchObject({
    code: "invalid_request",
    param: "input[2]",
    message: expect.stringContaining("store"),
  });
});

test("reasoning that the backend cannot read is left out", async () => {
  const readable = { type: "reasoning", summary: [], encrypted_content: "AAA" };
  const input = [
    user("q"),
    { type: "reasoning", id: "rs_1", summary: [] },
    { type: "reasoning", summary: [], encrypted_content: null },
    readable,
  ];
  const sent = await sendFitting({ ...FITS, input });
  expect(sent.body.input).toEqual([user("q"), readable]);
  expect(sent.changes).toEqual(["codex-input"]);
});

test("replayed reasoning loses its status and its content, an empty content may stay", async () => {
  const bare = { type: "reasoning", summary: [], encrypted_content: "AAA" };
  const input = [
    { ...bare, status: "completed", content: [{ type: "reasoning_text", text: "t" }] },
    { ...bare, content: [] },
  ];
  const sent = await sendFitting({ ...FITS, input });
  expect(sent.body.input).toEqual([bare, { ...bare, content: [] }]);
});

test("system messages beside instructions speak as developer", async () => {
  const sent = await sendFitting({ ...FITS, input: [{ role: "system", content: "s" }, user("q")] });
  expect(sent.body.input).toEqual([{ role: "developer", content: "s" }, user("q")]);
  expect(sent.body.instructions).toBe("Be brief.");
  expect(sent.changes).toEqual(["codex-input"]);
});

test("cache hints go from items, parts and tools, but not from what a tool's own schema calls so", async () => {
  const hint = { prompt_cache_breakpoint: { mode: "explicit" } };
  const schema = { type: "object", properties: { prompt_cache_breakpoint: { type: "string" } } };
  const sent = await sendFitting({
    ...FITS,
    input: [
      { ...hint, role: "user", content: [{ type: "input_text", text: "a", ...hint }] },
      { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: [{ type: "input_text", text: "b", ...hint }] },
    ],
    tools: [{ type: "function", name: "f", parameters: schema, ...hint }],
  });
  expect(sent.body.tools).toEqual([{ type: "function", name: "f", parameters: schema }]);
  expect(JSON.stringify(sent.body.input)).not.toContain("prompt_cache_breakpoint");
  expect(sent.changes).toEqual(["codex-fields"]);
});

test("web search is called by its present name", async () => {
  const sent = await sendFitting({
    ...FITS,
    tools: [{ type: "web_search_preview_2025_03_11", search_context_size: "low" }, { type: "web_search" }],
    tool_choice: { type: "web_search_preview" },
  });
  expect(sent.body.tools).toEqual([
    { type: "web_search", search_context_size: "low" },
    { type: "web_search" },
  ]);
  expect(sent.body.tool_choice).toEqual({ type: "web_search" });
});

test("parallel calls are only spoken of beside tools", async () => {
  expect((await sendFitting({ ...FITS, parallel_tool_calls: true })).body).toEqual(FITS);
  expect((await sendFitting({ ...FITS, parallel_tool_calls: true, tools: [] })).body).toEqual({
    ...FITS,
    tools: [],
  });
  const tools = [{ type: "function", name: "f", parameters: {} }];
  expect((await sendFitting({ ...FITS, parallel_tool_calls: true, tools })).changes).toEqual([]);
});

test.each([undefined, null, 7, {}])("input that is no input gets a clear refusal: %j", async (input) => {
  await expect(send({ ...FITS, input } as JsonObject)).rejects.toMatchObject({
    code: "invalid_request",
    param: "input",
  });
});

test("an item that is no object gets a clear refusal that names it", async () => {
  await expect(send({ ...FITS, input: [user("q"), "x"] })).rejects.toMatchObject({ param: "input[1]" });
});

test("shapes nobody expects elsewhere do not break the preparation", async () => {
  const odd = {
    ...FITS,
    tools: { a: 1 },
    include: "x",
    tool_choice: [],
    stream_options: 3,
    reasoning: "high",
  };
  const sent = await send({ ...odd, input: [{ role: 4, content: [null, 3], output: 5, type: 6 }] });
  expect(sent.body.include).toBe("x");
});

test("the spark model is asked for no summaries and no parallel calls; other models keep both", async () => {
  const body = (model: string) =>
    `{"model":"${model}","instructions":"x","input":[],"tools":[{"type":"function","name":"f"}],"parallel_tool_calls":true,"reasoning":{"effort":"low","summary":"auto"},"store":false,"stream":true,"include":["reasoning.encrypted_content"]}`;
  const spark = await send(body("gpt-5.3-codex-spark"));
  expect(spark.text).toBe(
    body("gpt-5.3-codex-spark").replace('"parallel_tool_calls":true,', "").replace(',"summary":"auto"', ""),
  );
  expect(spark.changes).toEqual(["codex-fields"]);
  expect((await send(body("gpt-5.5"))).text).toBe(body("gpt-5.5"));
});
