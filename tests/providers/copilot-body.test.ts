import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { applyEdits } from "../../src/protocols/json-edit.ts";
import type { Operation } from "../../src/protocols/protocol.ts";
import { prepared } from "./copilot-setup.ts";

/** The body as it goes upstream, and the changes declared. */
async function sent(operation: Operation, source: string): Promise<{ body: string; changes: string[] }> {
  const { edits } = await prepared(source, { operation });
  const bytes = applyEdits(new TextEncoder().encode(source), edits);
  return { body: new TextDecoder().decode(bytes), changes: [...new Set(edits.map((edit) => edit.change))] };
}

async function untouched(operation: Operation, source: string): Promise<void> {
  expect(await sent(operation, source)).toEqual({ body: source, changes: [] });
}

describe("a chat body", () => {
  test("asks for usage where a stream did not, and keeps every other byte", async () => {
    expect(
      await sent("chat", '{ "model":"grok-4.6",\n "messages":[{"content":"caf\\u00e9"}], "stream": true }'),
    ).toEqual({
      body: '{ "model":"grok-4.6",\n "messages":[{"content":"caf\\u00e9"}], "stream": true,"stream_options":{"include_usage":true} }',
      changes: ["copilot-usage"],
    });
  });

  test("keeps the stream options it has", async () => {
    expect((await sent("chat", '{"stream":true,"stream_options":{"include_obfuscation":false}}')).body).toBe(
      '{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}',
    );
    expect((await sent("chat", '{"stream":true,"stream_options":null}')).body).toBe(
      '{"stream":true,"stream_options":{"include_usage":true}}',
    );
  });

  test("passes as it came when nothing is missing", async () => {
    await untouched("chat", '{"stream":true,"stream_options":{"include_usage":true}}');
    await untouched("chat", '{"stream":true,"stream_options":{"include_usage":false}}');
    await untouched("chat", '{"stream":false,"messages":[]}');
    await untouched("chat", '{"messages":[],"service_tier":"auto","future_field":{"$schema":1}}');
  });
});

describe("a responses body", () => {
  const GOOD = '"store":false,"include":["reasoning.encrypted_content"]';

  test("passes as it came when the backend takes it", async () => {
    await untouched(
      "responses",
      `{"model":"gpt-5.6-sol","input":"hi",${GOOD},"stream":true,"max_output_tokens":32000}`,
    );
  });

  test("is not stored, and brings its reasoning along", async () => {
    expect(await sent("responses", '{"input":"hi"}')).toEqual({
      body: '{"input":"hi","store":false,"include":["reasoning.encrypted_content"]}',
      changes: ["copilot-store", "copilot-include"],
    });
    expect((await sent("responses", '{"store":true,"include":["x"]}')).body).toBe(
      '{"store":false,"include":["x","reasoning.encrypted_content"]}',
    );
  });

  test("loses the service tier", async () => {
    expect(await sent("responses", `{"service_tier":"priority",${GOOD}}`)).toEqual({
      body: `{${GOOD}}`,
      changes: ["copilot-fields"],
    });
  });

  test("loses hosted web search and keeps the other tools", async () => {
    const tool = '{"type":"function","name":"web_search"}';
    const choice = '"tool_choice":"auto"';
    expect(
      (
        await sent(
          "responses",
          `{${GOOD},"tools":[{"type":"web_search"},${tool},{"type":"web_search_preview_2025_03_11"}],${choice}}`,
        )
      ).body,
    ).toBe(`{${GOOD},"tools":[${tool}],${choice}}`);
    expect(
      (
        await sent(
          "responses",
          `{${GOOD},"tools":[{"type":"web_search"},${tool}],"tool_choice":{"type":"web_search"}}`,
        )
      ).body,
    ).toBe(`{${GOOD},"tools":[${tool}]}`);
    expect(
      (await sent("responses", `{${GOOD},"tools":[{"type":"web_search"}],"tool_choice":"required"}`)).body,
    ).toBe(`{${GOOD}}`);
  });

  test("loses the ids of replayed items, and only those", async () => {
    const input = (id: string, nullId: string) =>
      `[{"type":"reasoning",${id}"encrypted_content":"gAAAA","summary":[]},` +
      `{"type":"function_call",${id}"call_id":"call_1","name":"f","arguments":"{\\"id\\":1}"},` +
      `{"type":"function_call_output",${nullId}"call_id":"call_1","output":[{"id":"kept"}]},` +
      `{"role":"user","content":"hi"}]`;
    expect(await sent("responses", `{${GOOD},"input":${input('"id":"rs_1",', '"id":null,')}}`)).toEqual({
      body: `{${GOOD},"input":${input("", "")}}`,
      changes: ["copilot-item-ids"],
    });
  });

  test("loses references to items that are not stored", async () => {
    const input = (...items: string[]) =>
      `{${GOOD},"input":[{"role":"user","content":"q"},${items.join("")}{"role":"user","content":"r"}]}`;
    const references = ['{"type":"item_reference","id":"msg_1"},', '{"id":"msg_2"},'];
    expect(await sent("responses", input(...references))).toEqual({
      body: input(),
      changes: ["copilot-item-ids"],
    });
  });

  test("is refused with the way out where a tool's answer has its call only referred to", async () => {
    const input = [
      null,
      { type: "item_reference", id: "fc_1" },
      { type: "function_call_output", call_id: "call_1", output: "x" },
    ];
    await expect(prepared({ input }, { operation: "responses" })).rejects.toMatchObject({
      code: "invalid_request",
      param: "input[2]",
      message: expect.stringMatching(/GitHub Copilot keeps no earlier items.*`store`/),
    });
    const call = { type: "function_call", call_id: "call_1", name: "f", arguments: "{}" };
    await prepared({ input: [call, ...input] }, { operation: "responses" });
  });

  test("asks for images in a detail that the backend knows", async () => {
    const input = (first: string, second: string) =>
      `[{"role":"user","content":[{"type":"input_text","text":"see"},{"type":"input_image","detail":${first}},` +
      `{"type":"input_image","detail":"low"},{"type":"input_image"}]},` +
      `{"type":"function_call_output","output":[{"type":"input_image","detail":${second}}]}]`;
    expect(await sent("responses", `{${GOOD},"input":${input('"auto"', '"original"')}}`)).toEqual({
      body: `{${GOOD},"input":${input('"high"', '"high"')}}`,
      changes: ["copilot-images"],
    });
  });
});

describe.each<Operation>(["messages", "count_tokens"])("a %s body", (operation) => {
  test("loses the tool fields that the backend refuses, at the schema's top only", async () => {
    const tools = (schema: string, eager: string) =>
      `[{"name":"bash","input_schema":{${schema}"type":"object","properties":{"$schema":{"type":"string"}}}${eager}},` +
      `{"name":"read","input_schema":{"type":"object"}}]`;
    expect(
      await sent(
        operation,
        `{"tools":${tools('"$schema":"https://json-schema.org/draft/2020-12/schema",', ',"eager_input_streaming":true')}}`,
      ),
    ).toEqual({ body: `{"tools":${tools("", "")}}`, changes: ["copilot-fields"] });
  });

  test("passes as it came otherwise, thinking and cache marks included", async () => {
    await untouched(
      operation,
      '{"model":"claude-opus-4.8","stream":true,"system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}],' +
        '"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"s"}]}],"tools":[]}',
    );
  });
});

const value = async (operation: Operation, body: JsonObject, headers: Record<string, string> = {}) => {
  const source = JSON.stringify(body);
  const request = await prepared(source, { operation, headers });
  const bytes = applyEdits(new TextEncoder().encode(source), request.edits);
  return {
    body: JSON.parse(new TextDecoder().decode(bytes)) as JsonObject,
    changes: [...new Set(request.edits.map((edit) => edit.change))],
    betas: request.headers.get("anthropic-beta"),
  };
};

describe("the hosted tools that Copilot lacks", () => {
  const FUNCTION = { type: "function", name: "f", parameters: {} };
  const GOOD = { store: false, include: ["reasoning.encrypted_content"], input: "hi" };
  const allowed = (...tools: JsonObject[]) => ({ type: "allowed_tools", mode: "auto", tools });

  test.each([
    "web_search",
    "web_search_preview_2025_03_11",
    "file_search",
    "code_interpreter",
    "image_generation",
    "mcp",
    "programmatic_tool_calling",
  ])("leave with all that speaks of them: %s", async (type) => {
    const hosted = { type, server_label: "x" };
    const include = [`${type}_call.results`, ...GOOD.include];
    const some = await value("responses", {
      ...GOOD,
      include,
      tools: [hosted, FUNCTION],
      tool_choice: allowed(FUNCTION, hosted),
    });
    expect(some.body).toEqual({
      ...GOOD,
      include: expect.anything(),
      tools: [FUNCTION],
      tool_choice: allowed(FUNCTION),
    });
    const forced = await value("responses", { ...GOOD, tools: [FUNCTION, hosted], tool_choice: hosted });
    expect(forced.body).toEqual({ ...GOOD, tools: [FUNCTION] });
    const none = await value("responses", {
      ...GOOD,
      tools: [hosted],
      tool_choice: "required",
      parallel_tool_calls: true,
    });
    expect(none).toMatchObject({ body: GOOD, changes: ["copilot-fields"] });
    expect(Object.keys(none.body)).toEqual(Object.keys(GOOD));
    const inside = { type: "additional_tools", tools: [hosted] };
    const lite = await value("responses", {
      ...GOOD,
      input: [inside, { role: "user", content: "hi" }],
      tool_choice: "auto",
    });
    expect(lite.body).toEqual({ ...GOOD, input: [{ role: "user", content: "hi" }] });
  });

  test("are not asked for by include", async () => {
    const include = [
      "file_search_call.results",
      "web_search_call.action.sources",
      "message.input_image.image_url",
    ];
    expect((await value("responses", { ...GOOD, include })).body.include).toEqual([
      include[2],
      ...GOOD.include,
    ]);
  });

  test("are told from what the client runs and from what nobody knows", async () => {
    const types = [
      "local_shell",
      "shell",
      "apply_patch",
      "tool_search",
      "computer",
      "custom",
      "something_new",
    ];
    const tools = types.map((type) => ({ type, name: type }));
    expect((await value("responses", { ...GOOD, tools, tool_choice: "auto" })).changes).toEqual([]);
  });

  test.each([undefined, null, "", " "])(
    "a namespace described by %j is described by its name",
    async (description) => {
      const namespace = { type: "namespace", name: "shell", tools: [FUNCTION], description } as JsonObject;
      const described = { ...namespace, description: "Tools of shell." };
      const input = [
        { type: "additional_tools", tools: [namespace] },
        { role: "user", content: "hi" },
      ];
      const { body } = await value("responses", { ...GOOD, input, tools: [namespace] });
      expect(body.tools).toEqual([described]);
      expect(body.input).toEqual([{ ...input[0], tools: [described] }, input[1]]);
    },
  );

  test.each([
    "web_search_20250305",
    "web_fetch_20250910",
    "code_execution_20250825",
    "mcp_toolset",
    "advisor_20260301",
  ])("leave a Messages request, and the choice of them: %s", async (type) => {
    const hosted = { type, name: "w" };
    const own = { name: "f", input_schema: {} };
    const search = { type: "tool_search_tool_regex_20251119", name: "tool_search_tool_regex" };
    const choice = { type: "tool", name: "w" };
    const base = { messages: [] };
    expect(
      (await value("messages", { ...base, tools: [hosted, own, search], tool_choice: choice })).body,
    ).toEqual({
      ...base,
      tools: [own, search],
    });
    expect((await value("messages", { ...base, tools: [hosted], tool_choice: choice })).body).toEqual(base);
    const kept = { ...base, tools: [own], tool_choice: { type: "tool", name: "f" } };
    expect((await value("messages", kept)).changes).toEqual([]);
  });
});

describe("an input for Copilot", () => {
  const sealed = { type: "reasoning", summary: [], encrypted_content: "AAA" };
  const lost = [
    { type: "reasoning", summary: [] },
    { ...sealed, encrypted_content: null },
    { ...sealed, encrypted_content: "" },
  ];
  const said = { role: "user", content: "hi" };

  test("loses reasoning without its sealed content, and keeps the other", async () => {
    expect((await value("responses", { input: [...lost, sealed, said] })).body.input).toEqual([sealed, said]);
  });

  test("of which nothing would be left is refused in words", async () => {
    for (const input of [lost, [{ type: "item_reference", id: "x" }]]) {
      await expect(prepared({ input }, { operation: "responses" })).rejects.toMatchObject({
        code: "invalid_request",
        param: "input",
      });
    }
  });
});

describe("an Anthropic beta", () => {
  const control = (more: JsonObject = {}) => ({ type: "ephemeral", ...more });
  const base = { max_tokens: 9, messages: [{ role: "user", content: "hi" }] };

  /** Each field with a body that holds it, and the same body without it. */
  const FIELDS: [string, JsonObject, JsonObject][] = [
    ["context_management", { ...base, context_management: { edits: [] } }, base],
    ["safeguards", { ...base, safeguards: [{ type: "dangerous_tool_use" }] }, base],
    ["speed", { ...base, speed: "fast" }, base],
    ["output_format", { ...base, output_format: { type: "json_schema", schema: {} } }, base],
    ["mcp_servers", { ...base, mcp_servers: [] }, base],
    ["fallbacks", { ...base, fallbacks: [{ model: "x" }] }, base],
    ["diagnostics", { ...base, diagnostics: { previous_message_id: null } }, base],
    [
      "thinking.display",
      { ...base, thinking: { type: "adaptive", display: "updates" } },
      { ...base, thinking: { type: "adaptive" } },
    ],
    [
      "thinking.block_binding",
      { ...base, thinking: { type: "adaptive", display: "omitted", block_binding: {} } },
      { ...base, thinking: { type: "adaptive", display: "omitted" } },
    ],
    [
      "output_config.task_budget",
      { ...base, output_config: { effort: "low", task_budget: { type: "tokens" } } },
      { ...base, output_config: { effort: "low" } },
    ],
    [
      "messages.*.clear_at",
      { ...base, messages: [{ role: "system", content: "x", clear_at: "never" }] },
      { ...base, messages: [{ role: "system", content: "x" }] },
    ],
    ...[{ scope: "global" }, { ttl: "1h" }, { scope: "global", ttl: "1h" }].map(
      (more): [string, JsonObject, JsonObject] => {
        const marked = (mark: JsonObject) => ({
          cache_control: mark,
          tools: [{ name: "f", input_schema: {}, cache_control: mark }],
          system: [{ type: "text", text: "s", cache_control: mark }],
          messages: [
            {
              role: "user",
              content: [
                {
                  type: "tool_result",
                  tool_use_id: "t",
                  content: [{ type: "text", text: "r", cache_control: mark }],
                  cache_control: mark,
                },
              ],
            },
          ],
        });
        return [`cache_control.${Object.keys(more)}`, marked(control(more)), marked(control())];
      },
    ),
  ];

  test.each(FIELDS)("that stays behind takes its field along: %s", async (name, body, without) => {
    for (const operation of ["messages", "count_tokens"] as const) {
      const headers: Record<string, string> =
        name === "context_management"
          ? {}
          : { "anthropic-beta": "fast-mode-2026-02-01,context-1m-2025-08-07" };
      expect(await value(operation, body, headers)).toEqual({
        body: without,
        changes: ["copilot-fields"],
        betas: "interleaved-thinking-2025-05-14",
      });
    }
  });

  test("that goes along keeps its field, from the header or from the body", async () => {
    const body = { ...base, context_management: { edits: [] } };
    const beta = "context-management-2025-06-27";
    const betas = `interleaved-thinking-2025-05-14,${beta}`;
    expect(await value("messages", body, { "anthropic-beta": beta })).toEqual({ body, changes: [], betas });
    expect(await value("messages", { ...body, betas: ["x-1", beta] })).toEqual({
      body,
      changes: ["copilot-betas"],
      betas,
    });
    expect((await value("messages", { ...base, betas: [] })).body).toEqual(base);
  });

  test("leaves what needs none: a short ttl, summaries, an effort", async () => {
    const body = {
      ...base,
      cache_control: control({ ttl: "5m" }),
      thinking: { type: "adaptive", display: "summarized" },
      output_config: { effort: "high" },
      tools: [
        {
          name: "f",
          input_schema: { properties: { speed: {}, cache_control: { scope: "x" } } },
          defer_loading: true,
        },
      ],
    };
    expect((await value("messages", body)).changes).toEqual([]);
  });
});
