import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { refusals, type Sent, sendUnkeyed } from "./codex-fixture.ts";

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
  const sent = await sendUnkeyed(source);
  expect(refusals(sent.body)).toEqual([]);
  return sent;
}

test("a body that fits goes as the bytes that came", async () => {
  const source = JSON.stringify(FITS, null, 1);
  const sent = await sendFitting(source);
  expect(sent.text).toBe(source);
  expect(sent.changes).toEqual([]);
});

const TUNING = [
  "max_output_tokens max_completion_tokens max_tokens max_tool_calls temperature top_p top_k top_logprobs logprobs",
  "frequency_penalty presence_penalty seed stop truncation context_management user metadata safety_identifier",
  "moderation image prompt_cache_retention prompt_cache_options",
];

test.each(TUNING)("fields that only tune an answer are taken out: %s", async (names) => {
  const extra = names.split(" ").map((name) => `${JSON.stringify(name)}:1`);
  const source = JSON.stringify(FITS);
  const sent = await sendFitting(`{${extra.join(",")},${source.slice(1)}`);
  expect(sent.text).toBe(source);
  expect(sent.changes).toEqual(["codex-fields"]);
});

const STATE: [string, unknown][] = [
  ["previous_response_id", "resp_1"],
  ["conversation", "conv_1"],
  ["conversation", { id: "conv_1" }],
  ["prompt", { id: "pmpt_1", version: "2", variables: { city: "Bonn" } }],
  ["background", true],
  ["generate", false],
  ["n", 2],
];

test.each(STATE)("a field that changes what is asked is refused by name: %s %j", async (name, value) => {
  await expect(sendUnkeyed({ ...FITS, [name]: value } as JsonObject)).rejects.toMatchObject({
    code: "invalid_request",
    param: name,
    message: expect.stringContaining(name),
  });
});

test.each([
  ...["previous_response_id", "conversation", "prompt", "background", "generate", "n", "a_new_one"].flatMap(
    (name) => [null, "", [], {}, { id: null, list: [""] }].map((value): [string, unknown] => [name, value]),
  ),
  ["background", false],
  ["generate", true],
  ["n", 1],
])("a field that asks for nothing is as absent: %s %j", async (name, value) => {
  const sent = await sendFitting({ ...FITS, [name]: value } as JsonObject);
  expect(sent.body).toEqual(FITS);
  expect(sent.changes).toEqual(["codex-fields"]);
});

test("an unknown field is forwarded unchanged", async () => {
  const source = `{"a_new_one":{"x":1.0},"__proto__":1,${JSON.stringify(FITS).slice(1)}`;
  const sent = await sendUnkeyed(source);
  expect(sent.text).toBe(source);
  expect(sent.changes).toEqual([]);
});

test.each([
  ["priority", "priority", []],
  ["fast", "priority", ["codex-fields"]],
  ["ultrafast", "ultrafast", []],
  ["flex", undefined, ["codex-fields"]],
  ["auto", undefined, ["codex-fields"]],
  [null, undefined, ["codex-fields"]],
])("the service tier %j is asked for as %j", async (asked, tier, changes) => {
  const sent = await sendFitting({ ...FITS, service_tier: asked });
  expect(sent.body.service_tier).toBe(tier);
  expect(sent.changes).toEqual(changes);
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

test("references to items that are not stored are left out", async () => {
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
  await expect(sendUnkeyed({ ...FITS, input })).rejects.toMatchObject({
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
  await expect(sendUnkeyed({ ...FITS, input } as JsonObject)).rejects.toMatchObject({
    code: "invalid_request",
    param: "input",
  });
});

test("an item that is no object gets a clear refusal that names it", async () => {
  await expect(sendUnkeyed({ ...FITS, input: [user("q"), "x"] })).rejects.toMatchObject({
    param: "input[1]",
  });
});

test("unexpected shapes elsewhere do not break the preparation", async () => {
  const odd = {
    ...FITS,
    tools: { a: 1 },
    include: "x",
    tool_choice: [],
    stream_options: 3,
    reasoning: "high",
  };
  const sent = await sendUnkeyed({ ...odd, input: [{ role: 4, content: [null, 3], output: 5, type: 6 }] });
  expect(sent.body.include).toBe("x");
});

test("the spark model is asked for no summaries and no parallel calls; other models keep both", async () => {
  const body = (model: string) =>
    `{"model":"${model}","instructions":"x","input":[],"tools":[{"type":"function","name":"f"}],"parallel_tool_calls":true,"reasoning":{"effort":"low","summary":"auto"},"store":false,"stream":true,"include":["reasoning.encrypted_content"]}`;
  const spark = await sendUnkeyed(body("gpt-5.3-codex-spark"));
  expect(spark.text).toBe(
    body("gpt-5.3-codex-spark").replace('"parallel_tool_calls":true,', "").replace(',"summary":"auto"', ""),
  );
  expect(spark.changes).toEqual(["codex-fields"]);
  expect((await sendUnkeyed(body("gpt-5.5"))).text).toBe(body("gpt-5.5"));
});

const HOSTED = [
  "file_search",
  "code_interpreter",
  "mcp",
  "programmatic_tool_calling",
  "file_search_2027_01_01",
];
const FUNCTION = { type: "function", name: "f", parameters: {} };

test.each(HOSTED)(
  "a hosted tool that the backend lacks leaves with all that speaks of it: %s",
  async (type) => {
    const lacking = { type, server_label: "x" };
    const allowed = (...tools: JsonObject[]) => ({ type: "allowed_tools", mode: "auto", tools });
    const asked = {
      ...FITS,
      include: ["file_search_call.results", "web_search_call.results", "code_interpreter_call.outputs"],
      parallel_tool_calls: true,
    };
    const some = await sendFitting({
      ...asked,
      tools: [lacking, FUNCTION],
      tool_choice: allowed(lacking, FUNCTION),
    });
    expect(some.body.tools).toEqual([FUNCTION]);
    expect(some.body.tool_choice).toEqual(allowed(FUNCTION));
    expect(some.body.include).toEqual(["web_search_call.results", "reasoning.encrypted_content"]);
    const chosen = await sendFitting({ ...asked, tools: [FUNCTION, lacking], tool_choice: lacking });
    expect(chosen.body.tool_choice).toBeUndefined();
    const none = await sendFitting({ ...asked, tools: [lacking], tool_choice: "required" });
    expect(Object.keys(none.body)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(tools|tool_choice|parallel_tool_calls)$/)]),
    );
    expect(none.changes).toEqual(["codex-fields", "codex-include"]);
  },
);

test("hosted tools that the backend runs stay, less those that the spark model lacks", async () => {
  const tools = [{ type: "image_generation" }, { type: "web_search" }, FUNCTION];
  expect((await sendFitting({ ...FITS, tools })).changes).toEqual([]);
  const spark = await sendFitting({ ...FITS, model: "gpt-5.3-codex-spark", tools });
  expect(spark.body.tools).toEqual(tools.slice(1));
});

test("hosted tools that stand inside the input leave as well, and an item of nothing else with them", async () => {
  const inside = (...tools: JsonObject[]) => ({ type: "additional_tools", tools });
  const some = await sendFitting({ ...FITS, input: [inside(FUNCTION, { type: "mcp" }), user("q")] });
  expect(some.body.input).toEqual([inside(FUNCTION), user("q")]);
  const none = await sendFitting({
    ...FITS,
    tool_choice: "auto",
    input: [inside({ type: "mcp" }), user("q")],
  });
  expect(none.body).toEqual({ ...FITS, input: [user("q")] });
});

describe("an input keeps something to answer:", () => {
  const bare: JsonObject = { ...FITS };
  delete bare.instructions;
  const system = (text: string) => ({ role: "system", content: text });
  const developer = (text: string) => ({ role: "developer", content: text });
  const lost = [
    { type: "item_reference", id: "msg_1" },
    { type: "reasoning", summary: [], encrypted_content: null },
  ];

  test.each([
    ["a system message alone", [system("Say hi")], [developer("Say hi")]],
    ["a developer message alone", [developer("Say hi")], [developer("Say hi")]],
    ["a list of text", [{ role: "system", content: [{ type: "input_text", text: "Say hi" }] }], undefined],
    ["beside what is left out", [system("Say hi"), ...lost], [developer("Say hi")]],
    ["two prompts", [system("Be brief"), system("Say hi")], [developer("Say hi")]],
  ])("%s", async (_case, input, expected) => {
    const sent = await sendFitting({ ...bare, input });
    expect(sent.body.input).toEqual(expected ?? [{ ...input[0], role: "developer" }]);
  });

  test.each([[bare], [FITS]])("what holds nothing at all is refused in words", async (body) => {
    await expect(sendUnkeyed({ ...body, input: lost })).rejects.toMatchObject({
      code: "invalid_request",
      param: "input",
    });
  });
});
