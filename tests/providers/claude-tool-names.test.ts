import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../../src/json.ts";
import { toolNames } from "../../src/providers/claude/tool-names.ts";
import { answered, IDENTITY, type Sent, send, sseEvent } from "./claude-fixture.ts";

const BASE: JsonObject = { model: "claude-sonnet-4-6", max_tokens: 9, system: "", messages: [] };

/** The upstream names of custom tools declared under these names. */
function mapped(names: string[], further: JsonObject[] = []): (string | undefined)[] {
  const table = toolNames({ tools: [...further, ...names.map((name) => ({ name }))] });
  return names.map((name) => table.forward.get(name));
}

function rewriteOne(sent: Sent, event: Uint8Array): Uint8Array | null {
  const rewriter = sent.request.response.stream?.();
  return rewriter === undefined ? event : rewriter.rewrite(event);
}

describe("a tool's upstream name", () => {
  it.each([
    [
      "is canonical for a known word in any casing",
      ["read", "TODOWRITE", "Bash"],
      ["Read", "TodoWrite", "Bash"],
    ],
    ["gets the prefix otherwise", ["find", "my-tool"], ["mcp_find", "mcp_my-tool"]],
    ["stays when it has the prefix", ["mcp_x", "mcp__srv__tool"], ["mcp_x", "mcp__srv__tool"]],
    ["is its own when the canonical one is taken", ["Read", "read"], ["Read", "read"]],
    ["is numbered when its own is taken too", ["read", "Read", "READ"], ["Read", "Read_2", "READ"]],
    ["is numbered behind a prefixed one", ["x", "mcp_x", "mcp_x_2"], ["mcp_x", "mcp_x_2", "mcp_x_2_2"]],
    ["is its own behind one that had the prefix", ["mcp_x", "x"], ["mcp_x", "x"]],
    ["is prefixed up to 64 characters", ["a".repeat(60)], [`mcp_${"a".repeat(60)}`]],
    ["is its own beyond 64 characters", ["a".repeat(61), "b".repeat(128)], ["a".repeat(61), "b".repeat(128)]],
    [
      "is left to Anthropic's refusal when malformed",
      ["", "my.tool", "c".repeat(200)],
      ["", "my.tool", "c".repeat(200)],
    ],
  ])("%s", (_promise, names, expected) => {
    expect(mapped(names)).toEqual(expected);
  });

  it("keeps within 64 characters when it is numbered", () => {
    const own = `mcp_${"a".repeat(60)}`;
    expect(mapped(["a".repeat(60), own])).toEqual([own, `mcp_${"a".repeat(58)}_2`]);
  });

  it("never takes one that Anthropic defines, wherever that is declared", () => {
    const reserved = [
      { type: "custom_thing_1", name: "Read" },
      { type: "mcp_toolset", mcp_server_name: "s" },
    ];
    expect(mapped(["read"], reserved)).toEqual(["read"]);
    const table = toolNames({ tools: [{ name: "read" }, { type: "x_1", name: "Read" }] });
    expect([...table.forward]).toEqual([
      ["Read", "Read"],
      ["read", "read"],
    ]);
  });
});

const TOOLS: JsonObject[] = [
  { name: "read", input_schema: { properties: { name: { const: "read" } } } },
  { type: "custom", name: "grab" },
  { type: null, name: "todowrite" },
  { type: "bash_20250124", name: "bash" },
  { type: "web_search_20250305", name: "web_search" },
  {
    type: "web_fetch_20260318",
    name: "web_fetch",
    url_sources: { client_tool_results: { type: "only", tools: [{ type: "tool_reference", name: "grab" }] } },
  },
];

describe("a request's tool names", () => {
  it("are mapped in every place where they live, and nowhere else", async () => {
    const { body, changes } = await send({
      body: {
        ...BASE,
        tools: TOOLS,
        tool_choice: { type: "tool", name: "grab", disable_parallel_tool_use: true },
        context_management: {
          edits: [
            {
              type: "clear_tool_uses_20250919",
              exclude_tools: ["read", "web_search"],
              clear_tool_inputs: ["grab"],
            },
            { type: "clear_tool_uses_20250919", clear_tool_inputs: true },
            { type: "other", exclude_tools: ["read"] },
          ],
        },
        messages: [
          { role: "user", content: "read grab" },
          {
            role: "assistant",
            content: [
              { type: "text", text: "read", name: "read" },
              { type: "tool_use", id: "t1", name: "read", input: { name: "read", type: "tool_use" } },
              { type: "tool_use", id: "t2", name: "bash", input: {} },
              { type: "tool_use", id: "t3", name: "gone", input: {} },
              { type: "tool_use", id: "t4", name: "find", toolset_name: "browser", input: {} },
              { type: "server_tool_use", id: "s1", name: "read", input: {} },
              { type: "mcp_tool_use", id: "m1", name: "read", server_name: "s", input: {} },
              {
                type: "tool_search_tool_result",
                content: { tool_references: [{ type: "tool_reference", tool_name: "grab" }] },
              },
            ],
          },
          {
            role: "user",
            content: [
              { type: "tool_reference", tool_name: "read" },
              {
                type: "tool_result",
                tool_use_id: "t1",
                content: [
                  { type: "tool_reference", tool_name: "grab" },
                  { type: "text", text: "grab" },
                  { type: "tool_use", name: "read" },
                ],
              },
              { type: "tool_result", tool_use_id: "t2", content: "grab" },
            ],
          },
          {
            role: "system",
            content: [
              { type: "tool_addition", tool: { type: "tool_reference", name: "grab" } },
              { type: "tool_addition", tool: { type: "tool_definition", definition: { name: "late" } } },
              {
                type: "tool_addition",
                tool: { type: "tool_definition", definition: { type: "memory_1", name: "memory" } },
              },
              { type: "tool_removal", tool: { type: "tool_reference", name: "read" } },
              { type: "tool_removal", tool: { type: "mcp_tool_reference", server_name: "s", name: "read" } },
            ],
          },
        ],
      },
    });
    expect(changes).toEqual(["claude-identity", "claude-tool-names"]);
    expect(body.tools).toEqual([
      { name: "Read", input_schema: { properties: { name: { const: "read" } } } },
      { type: "custom", name: "mcp_grab" },
      { type: null, name: "TodoWrite" },
      ...TOOLS.slice(3, 5),
      {
        type: "web_fetch_20260318",
        name: "web_fetch",
        url_sources: {
          client_tool_results: { type: "only", tools: [{ type: "tool_reference", name: "mcp_grab" }] },
        },
      },
    ]);
    expect(body.tool_choice).toEqual({ type: "tool", name: "mcp_grab", disable_parallel_tool_use: true });
    expect(body.context_management).toEqual({
      edits: [
        {
          type: "clear_tool_uses_20250919",
          exclude_tools: ["Read", "web_search"],
          clear_tool_inputs: ["mcp_grab"],
        },
        { type: "clear_tool_uses_20250919", clear_tool_inputs: true },
        { type: "other", exclude_tools: ["read"] },
      ],
    });
    expect(body.messages).toEqual([
      { role: "user", content: "read grab" },
      {
        role: "assistant",
        content: [
          { type: "text", text: "read", name: "read" },
          { type: "tool_use", id: "t1", name: "Read", input: { name: "read", type: "tool_use" } },
          { type: "tool_use", id: "t2", name: "bash", input: {} },
          { type: "tool_use", id: "t3", name: "mcp_gone", input: {} },
          { type: "tool_use", id: "t4", name: "find", toolset_name: "browser", input: {} },
          { type: "server_tool_use", id: "s1", name: "read", input: {} },
          { type: "mcp_tool_use", id: "m1", name: "read", server_name: "s", input: {} },
          {
            type: "tool_search_tool_result",
            content: { tool_references: [{ type: "tool_reference", tool_name: "mcp_grab" }] },
          },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_reference", tool_name: "Read" },
          {
            type: "tool_result",
            tool_use_id: "t1",
            content: [
              { type: "tool_reference", tool_name: "mcp_grab" },
              { type: "text", text: "grab" },
              { type: "tool_use", name: "read" },
            ],
          },
          { type: "tool_result", tool_use_id: "t2", content: "grab" },
        ],
      },
      {
        role: "system",
        content: [
          { type: "tool_addition", tool: { type: "tool_reference", name: "mcp_grab" } },
          { type: "tool_addition", tool: { type: "tool_definition", definition: { name: "mcp_late" } } },
          {
            type: "tool_addition",
            tool: { type: "tool_definition", definition: { type: "memory_1", name: "memory" } },
          },
          { type: "tool_removal", tool: { type: "tool_reference", name: "Read" } },
          { type: "tool_removal", tool: { type: "mcp_tool_reference", server_name: "s", name: "read" } },
        ],
      },
    ]);
  });

  it("change nothing but their own bytes", async () => {
    const source =
      '{"system":[{"type":"text","text":"%"}],"tools":[ {"input_schema":{"maximum":1e400,"x":"\\u00e9"} ,"name" : "grab"} ]}';
    const { text } = await send({ body: source.replace("%", IDENTITY) });
    expect(text).toBe(source.replace("%", IDENTITY).replace('"grab"', '"mcp_grab"'));
  });

  it("need no look at the answer when none is mapped", async () => {
    const { request } = await send({ body: { ...BASE, tools: [{ name: "Read" }, { name: "mcp_x" }] } });
    expect(request.response).toEqual({ sendsKeepAlive: true });
  });

  it("do not trip over shapes that are not what they should be", async () => {
    const odd = {
      tools: [1, null, { name: 3 }, "x"],
      messages: [null, { content: [null, 4, { type: "tool_use" }] }],
    };
    const { body } = await send({ body: { ...BASE, ...odd, tool_choice: "any", context_management: [] } });
    expect(body).toMatchObject(odd);
  });
});

describe("an answer's tool names", () => {
  const asked = { ...BASE, tools: TOOLS };
  const block = (name: string): JsonObject => ({
    type: "tool_use",
    id: "toolu_1",
    name,
    input: { name: "mcp_grab" },
  });

  it("are the client's own again in JSON, and only they", async () => {
    const sent = await send({ body: asked });
    const content: Json[] = [
      { type: "text", text: "mcp_grab Read" },
      block("mcp_grab"),
      block("bash"),
      block("Unknown"),
      { type: "server_tool_use", name: "Read", input: {} },
      { type: "tool_use", name: "Read", toolset_name: "browser", input: {} },
      {
        type: "tool_search_tool_result",
        content: { tool_references: [{ type: "tool_reference", tool_name: "TodoWrite" }] },
      },
      { type: "tool_reference", tool_name: "Read" },
    ];
    const answer: JsonObject = { type: "message", name: "Read", content };
    expect(JSON.parse(answered(sent, answer))).toEqual({
      type: "message",
      name: "Read",
      content: [
        { type: "text", text: "mcp_grab Read" },
        block("grab"),
        block("bash"),
        block("Unknown"),
        { type: "server_tool_use", name: "Read", input: {} },
        { type: "tool_use", name: "Read", toolset_name: "browser", input: {} },
        {
          type: "tool_search_tool_result",
          content: { tool_references: [{ type: "tool_reference", tool_name: "todowrite" }] },
        },
        { type: "tool_reference", tool_name: "read" },
      ],
    });
    const { json } = sent.request.response;
    expect(json?.({ type: "message", content: [block("bash")] })).toEqual([]);
    expect(json?.({ type: "error", error: { type: "api_error" } })).toEqual([]);
    expect(json?.({ input_tokens: 3 })).toEqual([]);
  });

  it("are restored in JSON byte for byte otherwise: numbers, keys and spaces of the arguments stay", async () => {
    const sent = await send({ body: asked });
    const answer = (name: string) =>
      `{ "content":[ {"type":"tool_use","id":"t","input":{"id":12345678901234567890,"f":1.0,"e":1e400,"10":1,"2":-0,"d":1,"d":2,"s":"\\u00e9\\ud800"},"name" : "${name}"}],"usage":{"n":1E2} }`;
    expect(answered(sent, answer("mcp_grab"))).toBe(answer("grab"));
  });

  it("are restored in the event that begins a block, byte for byte otherwise", async () => {
    const sent = await send({ body: asked });
    const bytes = (name: string) =>
      new TextEncoder().encode(
        `id: 7\r\nevent: content_block_start\r\ndata: {"type": "content_block_start","index":2.0, "content_block":{"type":"tool_use","name" : "${name}","input":{"name":"Read","e":"\\u00e9é"}}}\r\n\r\n`,
      );
    expect(rewriteOne(sent, bytes("Read"))).toEqual(bytes("read"));
  });

  it("are restored in the references of a tool search", async () => {
    const sent = await send({ body: asked });
    const event = (name: string) =>
      sseEvent({
        type: "content_block_start",
        index: 0,
        content_block: {
          type: "tool_search_tool_result",
          tool_use_id: "t",
          content: { tool_references: [{ type: "tool_reference", tool_name: name }] },
        },
      });
    expect(rewriteOne(sent, event("mcp_grab"))).toEqual(event("grab"));
  });

  it.each<JsonObject>([
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    {
      type: "content_block_start",
      index: 0,
      content_block: { type: "text", text: '{"type":"tool_use","name":"Read"}' },
    },
    {
      type: "content_block_start",
      index: 0,
      content_block: { type: "server_tool_use", name: "Read", input: {} },
    },
    { type: "content_block_start", index: 0, content_block: { type: "tool_use", name: "bash", input: {} } },
    {
      type: "content_block_delta",
      delta: { type: "input_json_delta", partial_json: '"content_block_start" "tool_use" Read' },
    },
    {
      type: "content_block_delta",
      content_block: { type: "tool_use", name: "Read", note: "content_block_start" },
    },
    { type: "message_stop" },
  ])("leave every other event the very same: %j", async (data) => {
    const sent = await send({ body: asked });
    const event = sseEvent(data);
    expect(rewriteOne(sent, event)).toBe(event);
  });

  it("leave an event that is not JSON the very same", async () => {
    const sent = await send({ body: asked });
    const event = new TextEncoder().encode('data: {"content_block_start" "tool_use"\n\n');
    expect(rewriteOne(sent, event)).toBe(event);
  });
});

const word = fc.constantFrom(
  "read",
  "Read",
  "READ",
  "bash",
  "Bash",
  "todowrite",
  "x",
  "X",
  "find",
  "x_2",
  "memory",
  "web_search",
);
const toolName = fc.oneof(
  word,
  word.map((name) => `mcp_${name}`),
  fc.tuple(word, fc.integer({ min: 2, max: 4 })).map(([name, number]) => `mcp_${name}_${number}`),
  fc.tuple(word, fc.integer({ min: 2, max: 4 })).map(([name, number]) => `${name}_${number}`),
  fc.integer({ min: 58, max: 66 }).map((length) => "l".repeat(length)),
  fc.integer({ min: 58, max: 64 }).map((length) => `mcp_${"l".repeat(length - 4)}`),
  fc.stringMatching(/^[a-zA-Z0-9_-]{1,128}$/),
);
const clientTool = toolName.chain((name) =>
  fc.constantFrom<JsonObject>({ name }, { name, type: "custom" }, { type: null, name, description: name }),
);
const anthropicTool = fc.constantFrom<JsonObject>(
  { type: "bash_20250124", name: "bash" },
  { type: "memory_20250818", name: "memory" },
  { type: "web_search_20250305", name: "web_search" },
  { type: "odd_1", name: "Read" },
  { type: "odd_1", name: "mcp_x" },
  { type: "mcp_toolset", mcp_server_name: "s" },
);
const toolSet = fc.uniqueArray(
  fc.oneof({ weight: 4, arbitrary: clientTool }, { weight: 1, arbitrary: anthropicTool }),
  {
    selector: (tool) => tool.name,
    maxLength: 14,
  },
);
const turn = fc.tuple(toolName, fc.string()).map(([name, said]): JsonObject[] => [
  { role: "user", content: said },
  {
    role: "assistant",
    content: [
      { type: "text", text: name },
      { type: "tool_use", id: "t", name, input: { name, said } },
    ],
  },
  {
    role: "user",
    content: [{ type: "tool_result", content: [{ type: "tool_reference", tool_name: name }] }],
  },
]);

function names(tools: Json | undefined): string[] {
  return (Array.isArray(tools) ? tools : []).flatMap((tool) => {
    const name = (tool as JsonObject).name;
    return typeof name === "string" ? [name] : [];
  });
}

describe("whatever the tools are called", () => {
  it("their upstream names are unique, well formed, no longer than allowed, and Anthropic's own stay", async () => {
    await fc.assert(
      fc.asyncProperty(toolSet, fc.array(turn, { maxLength: 4 }), async (tools, turns) => {
        const body = { ...BASE, tools, messages: turns.flat() };
        const table = toolNames(body);
        expect(new Set(table.forward.values()).size).toBe(table.forward.size);
        expect(table.inverse.size).toBe(table.forward.size);
        for (const [name, upstream] of table.forward) {
          expect(table.inverse.get(upstream)).toBe(name);
          expect(upstream).toMatch(/^[a-zA-Z0-9_-]+$/);
          expect(upstream.length).toBeLessThanOrEqual(Math.max(64, name.length));
        }
        const sent = await send({ body });
        const upstreamNames = names(sent.body.tools);
        expect(new Set(upstreamNames).size).toBe(upstreamNames.length);
        tools.forEach((tool, index) => {
          const isFixed = typeof tool.type === "string" && tool.type !== "custom";
          if (isFixed) expect((sent.body.tools as Json[])[index]).toEqual(tool);
        });
      }),
    );
  });

  it("the client sees its own names again, in JSON and in a stream, with text and arguments untouched", async () => {
    await fc.assert(
      fc.asyncProperty(toolSet, fc.string(), async (tools, said) => {
        const sent = await send({ body: { ...BASE, tools } });
        const own = names(tools);
        const upstream = names(sent.body.tools);
        const use = (list: string[]): JsonObject[] =>
          list.map((name, index) => ({
            type: "tool_use",
            id: "t",
            name,
            input: { name: upstream[index], said, type: "tool_use" },
          }));
        const text: JsonObject = { type: "text", text: upstream.join(" ") + said };
        const answer: JsonObject = { content: [text, ...use(upstream)] };
        expect(JSON.parse(answered(sent, answer))).toEqual({ content: [text, ...use(own)] });

        const start = (content_block: JsonObject) =>
          sseEvent({ type: "content_block_start", index: 0, content_block });
        const expected = use(own);
        use(upstream).forEach((block, index) => {
          expect(rewriteOne(sent, start(block))).toEqual(start(expected[index] ?? {}));
        });
        const other = start(text);
        expect(rewriteOne(sent, other)).toBe(other);
      }),
    );
  });

  it("the same request gives the same bytes", async () => {
    await fc.assert(
      fc.asyncProperty(toolSet, fc.array(turn, { maxLength: 4 }), async (tools, turns) => {
        const body = { ...BASE, system: "You are OpenCode.", tools, messages: turns.flat() };
        expect((await send({ body })).text).toBe((await send({ body })).text);
      }),
    );
  });

  it("a growing conversation keeps what was sent before, so that the prompt cache and thinking stay valid", async () => {
    await fc.assert(
      fc.asyncProperty(
        toolSet,
        fc.array(turn, { minLength: 1, maxLength: 6 }),
        toolName,
        async (tools, turns, chosen) => {
          let before: Sent | null = null;
          for (let length = 1; length <= turns.length; length++) {
            const sent: Sent = await send({
              body: {
                ...BASE,
                system: [{ type: "text", text: "You are OpenCode." }],
                tools,
                messages: turns.slice(0, length).flat(),
                tool_choice: { type: "tool", name: chosen },
              },
            });
            if (before !== null) {
              const earlier = before.body.messages as Json[];
              expect(sent.body.system).toEqual(before.body.system);
              expect(sent.body.tools).toEqual(before.body.tools);
              expect((sent.body.messages as Json[]).slice(0, earlier.length)).toEqual(earlier);
            }
            before = sent;
          }
        },
      ),
    );
  });

  it("Claude Code's own stay as they are", async () => {
    await fc.assert(
      fc.asyncProperty(toolSet, fc.array(turn, { maxLength: 3 }), async (tools, turns) => {
        const system = [{ type: "text", text: "x-anthropic-billing-header: a=b" }];
        const source = JSON.stringify({ ...BASE, system, tools, messages: turns.flat() });
        const sent = await send({ body: source });
        expect(sent.text).toBe(source);
        expect(sent.request.response).toEqual({ sendsKeepAlive: true });
      }),
    );
  });
});
