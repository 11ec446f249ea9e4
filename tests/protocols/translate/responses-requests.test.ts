/** Responses requests to the model and back: each row of what is carried, declared or refused. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/json.ts";
import { accountTag, writeCarrier } from "../../../src/protocols/translate/carriers/carrier.ts";
import { changesOf, refusalOf } from "../../../src/protocols/translate/losses.ts";
import { RESPONSES } from "../../../src/protocols/translate/responses/index.ts";
import type { TargetTraits } from "../../../src/protocols/translate/traits.ts";

const TARGET: TargetTraits = {
  model: "gpt-5.5",
  owner: { provider: "codex", tag: accountTag("acc_1"), scope: "gpt-5.5" },
  maxOutput: 128_000,
  reasoning: { style: "effort", levels: ["low", "medium", "high", "xhigh"], off: true, byDefault: true },
  sampling: "not-reasoning",
  webSearch: "web_search",
  forcedToolChoice: true,
  cacheMarks: false,
  cacheKey: true,
  priority: true,
  customTools: true,
  messages: undefined,
};

const SEALED = writeCarrier(TARGET.owner, {
  from: "responses",
  encrypted: "gAAAAx",
  summary: ["First.", "Second."],
});

function body(more: JsonObject = {}): JsonObject {
  return { model: "gpt-5.5", input: "hi", ...more };
}

function item(...items: JsonObject[]): JsonObject {
  return body({ input: [...items, { role: "user", content: "go on" }] });
}

function decode(source: JsonObject) {
  const { request, losses } = RESPONSES.decodeRequest(source);
  return { request, losses, changes: changesOf(losses) };
}

function roundTrip(source: JsonObject, traits: Partial<TargetTraits> = {}) {
  const { request, losses } = RESPONSES.decodeRequest(source);
  const encoded = RESPONSES.encodeRequest(request, { ...TARGET, ...traits });
  return { ...encoded, changes: changesOf([...losses, ...encoded.losses]) };
}

describe("what no other model can be asked", () => {
  test.each<[string, JsonObject, string, RegExp]>([
    [
      "an earlier response",
      body({ previous_response_id: "resp_1" }),
      "previous_response_id",
      /keeps no conversations\. Send the whole input\./,
    ],
    ["a stored conversation", body({ conversation: "conv_1" }), "conversation", /keeps no conversations/],
    [
      "a stored prompt",
      body({ prompt: { id: "pmpt_1" } }),
      "prompt",
      /stored prompts are known to OpenAI alone/,
    ],
    ["a response in the background", body({ background: true }), "background", /Leave `background` out/],
    ["a connection that only warms up", body({ generate: false }), "generate", /Leave `generate` out/],
    [
      "an uploaded image",
      item({ role: "user", content: [{ type: "input_image", file_id: "file-1" }] }),
      "input.0.content.0.file_id",
      /known to OpenAI alone\. Send the file itself as a data URL/,
    ],
    [
      "an uploaded file",
      item({ role: "user", content: [{ type: "input_file", file_id: "file-1" }] }),
      "input.0.content.0.file_id",
      /known to OpenAI alone/,
    ],
    [
      "a sealed message of another agent",
      item({ type: "agent_message", content: [{ type: "encrypted_content", encrypted_content: "x" }] }),
      "input.0.content.0",
      /only OpenAI's models can read it/,
    ],
    [
      "a compacted conversation",
      item({ type: "compaction", encrypted_content: "x" }),
      "input.0",
      /Start a new session, or compact on this model/,
    ],
    [
      "a hosted tool that must be called",
      body({ tools: [{ type: "image_generation" }], tool_choice: { type: "image_generation" } }),
      "tool_choice",
      /no tool of the type `image_generation`/,
    ],
  ])("%s is refused by name", (_, source, param, words) => {
    const refusal = refusalOf(decode(source).losses, { model: "claude-sonnet-5", protocol: "messages" });
    expect(refusal).toMatchObject({ code: "untranslatable", status: 400, param });
    expect(refusal?.message).toContain(`\`${param}\` cannot be carried to \`claude-sonnet-5\``);
    expect(refusal?.message).toMatch(words);
  });
});

describe("a request that is malformed in its own protocol", () => {
  test.each<[string, JsonObject, string]>([
    ["input that is a number", body({ input: 5 }), "input"],
    ["an item that is a text", body({ input: ["hi"] }), "input.0"],
    ["an unknown role", item({ role: "tool", content: "x" }), "input.0.role"],
    ["a call without a name", item({ type: "function_call", call_id: "c", arguments: "{}" }), "input.0.name"],
    ["a result without a call", item({ type: "function_call_output", output: "x" }), "input.0.call_id"],
    ["a tool without a name", body({ tools: [{ type: "function" }] }), "tools.0.name"],
    ["tools that are an object", body({ tools: {} }), "tools"],
    ["an unknown format", body({ text: { format: { type: "xml" } } }), "text.format.type"],
    ["a temperature in words", body({ temperature: "hot" }), "temperature"],
  ])("%s is an invalid request", (_, source, param) => {
    expect(() => decode(source)).toThrow(expect.objectContaining({ code: "invalid_request", param }));
  });

  test("a result whose call is only referred to is refused in the words of native requests", () => {
    const input = [
      { type: "item_reference", id: "fc_1" },
      { type: "function_call_output", call_id: "c", output: "x" },
    ];
    expect(() => decode(body({ input }))).toThrow(/Kleis keeps no earlier items/);
  });
});

describe("what is left out is declared", () => {
  test.each<[string, JsonObject, string]>([
    [
      "tools that OpenAI runs",
      body({ tools: [{ type: "code_interpreter", container: {} }] }),
      "dropped:code_interpreter",
    ],
    ["file search", body({ tools: [{ type: "file_search", vector_store_ids: [] }] }), "dropped:file_search"],
    ["remote MCP", body({ tools: [{ type: "mcp", server_label: "x" }] }), "dropped:mcp"],
    ["a shell of OpenAI's", body({ tools: [{ type: "local_shell" }] }), "dropped:local_shell"],
    ["a tool search that OpenAI runs", body({ tools: [{ type: "tool_search" }] }), "dropped:tool_search"],
    [
      "a search in an offline index",
      body({ tools: [{ type: "web_search", external_web_access: false }] }),
      "dropped:web_search",
    ],
    ["a limit on tool calls", body({ max_tool_calls: 3 }), "dropped:max_tool_calls"],
    [
      "context management",
      body({ context_management: [{ type: "compaction" }] }),
      "dropped:context_management",
    ],
    [
      "an allowlist of tools",
      body({ tool_choice: { type: "allowed_tools", mode: "auto", tools: [] } }),
      "dropped:allowed_tools",
    ],
    [
      "an image that was generated",
      item({ type: "image_generation_call", id: "ig", result: "x" }),
      "dropped:image_generation",
    ],
    ["a call of a remote MCP server", item({ type: "mcp_call", id: "m" }), "dropped:mcp"],
    ["the use of a computer", item({ type: "computer_call", id: "c", call_id: "c" }), "dropped:computer"],
    ["its result", item({ type: "computer_call_output", call_id: "c", output: {} }), "dropped:computer"],
    ["a reference to an item", item({ type: "item_reference", id: "msg_1" }), "dropped:item_reference"],
    ["an unknown item", item({ type: "hologram" }), "dropped:unknown"],
    ["an unknown member", body({ holograms: true }), "dropped:unknown"],
    ["an unknown part", item({ role: "user", content: [{ type: "hologram" }] }), "dropped:unknown"],
    ["an unknown tier", body({ service_tier: "platinum" }), "dropped:service_tier"],
    ["an unknown effort", body({ reasoning: { effort: "colossal" } }), "dropped:effort"],
  ])("%s", (_, source, change) => {
    expect(decode(source).changes).toEqual([change]);
  });

  test("hints, labels and what OpenAI keeps for itself go without a word", () => {
    const source = body({
      client_metadata: { a: "b" },
      include: ["reasoning.encrypted_content"],
      metadata: {},
      prompt_cache_retention: "24h",
      safety_identifier: "x",
      store: false,
      stream_options: { include_obfuscation: false },
      truncation: "auto",
      user: "me",
      background: false,
      service_tier: "auto",
    });
    expect(decode(source).changes).toEqual([]);
  });
});

describe("the conversation", () => {
  test("system texts before everything else are the system prompt; later ones stay in place", () => {
    const { request } = decode(
      body({
        instructions: "Be brief.",
        input: [
          { type: "additional_tools", tools: [{ type: "function", name: "late", parameters: null }] },
          { role: "developer", content: [{ type: "input_text", text: "Use tabs." }] },
          { role: "user", content: "hi" },
          { role: "system", content: "Now use spaces." },
        ],
      }),
    );
    expect(request.system.map(({ text }) => text)).toEqual(["Be brief.", "Use tabs."]);
    expect(request.items).toMatchObject([
      { role: "user", parts: [{ text: "hi" }] },
      { role: "developer", parts: [{ text: "Now use spaces." }] },
    ]);
    expect(request.tools).toMatchObject([{ name: "late", schema: { type: "object", properties: {} } }]);
  });

  test("tools in namespaces, free-form tools with grammars and client tool search are told apart", () => {
    const { request } = decode(
      body({
        tools: [
          { type: "namespace", name: "mcp", tools: [{ type: "function", name: "read", parameters: {} }] },
          {
            type: "custom",
            name: "apply_patch",
            format: { type: "grammar", syntax: "lark", definition: "start: X" },
          },
          { type: "tool_search", execution: "client", parameters: { type: "object" } },
        ],
      }),
    );
    expect(request.tools).toMatchObject([
      { type: "function", namespace: "mcp", name: "read" },
      { type: "custom", name: "apply_patch", grammar: { syntax: "lark", definition: "start: X" } },
      { type: "function", kind: "search", name: "tool_search" },
    ]);
  });

  test("marks that have OpenAI encrypt an argument are cut, a property of that name stays", () => {
    const parameters = {
      type: "object",
      properties: { encrypted: { type: "boolean" }, task: { type: "string", encrypted: true } },
    };
    const { request } = decode(body({ tools: [{ type: "function", name: "spawn", parameters }] }));
    expect(request.tools).toMatchObject([{ schema: { type: "object" } }]);
    expect(JSON.stringify(request.tools[0])).toContain(
      '"properties":{"encrypted":{"type":"boolean"},"task":{"type":"string"}}',
    );
  });

  test("a search that found tools adds them, and its result names them", () => {
    const { request } = decode(
      item(
        { type: "tool_search_call", call_id: "s1", execution: "client", arguments: { query: "read" } },
        {
          type: "tool_search_output",
          call_id: "s1",
          tools: [{ type: "function", name: "read", parameters: {} }],
        },
      ),
    );
    expect(request.items).toMatchObject([
      { type: "call", kind: "search", id: "s1", input: '{"query":"read"}' },
      { type: "result", callId: "s1", parts: [{ text: "Found tools: read" }] },
      { type: "message" },
    ]);
    expect(request.tools).toMatchObject([{ name: "read" }]);
  });

  test("shells, patches, searches and other agents' messages of earlier turns are carried", () => {
    const { request, changes } = decode(
      item(
        { type: "local_shell_call", call_id: "l", action: { type: "exec", command: ["ls"] } },
        { type: "local_shell_call_output", call_id: "l", output: "a.ts" },
        {
          type: "web_search_call",
          id: "ws",
          action: { type: "search", query: "q", sources: [{ url: "https://a" }] },
        },
        { type: "agent_message", author: "/root", content: [{ type: "input_text", text: "done" }] },
      ),
    );
    expect(request.items).toMatchObject([
      { type: "call", name: "local_shell", input: '{"type":"exec","command":["ls"]}' },
      { type: "result", parts: [{ text: "a.ts" }] },
      { type: "search", queries: ["q"], results: [{ url: "https://a", title: "" }] },
      { role: "user", parts: [{ text: "Message from /root:" }, { text: "done" }] },
      { role: "user" },
    ]);
    expect(changes).toEqual([]);
  });

  test("a text file is text, a PDF is a document, a data URL is its bytes", () => {
    const parts = [
      { type: "input_file", filename: "a.txt", file_data: `data:text/plain;base64,${btoa("hello")}` },
      { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" },
      { type: "input_image", image_url: "data:image/png;base64,iVBO" },
      { type: "input_image", image_url: "https://a/b.png" },
    ];
    expect(decode(item({ role: "user", content: parts })).request.items[0]).toMatchObject({
      parts: [
        { type: "text", text: "hello" },
        { type: "document", name: "a.pdf", source: { mediaType: "application/pdf", data: "JVBERi0=" } },
        { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBO" } },
        { type: "image", source: { kind: "url", url: "https://a/b.png" } },
      ],
    });
  });
});

describe("reasoning of earlier turns", () => {
  const reasoning = (encrypted_content: string): JsonObject => ({
    type: "reasoning",
    summary: [
      { type: "summary_text", text: "First." },
      { type: "summary_text", text: "Second." },
    ],
    encrypted_content,
  });

  test("goes back as it came to the account and model that sealed it", () => {
    const { value, changes } = roundTrip(item(reasoning(SEALED)));
    expect((value.input as JsonObject[])[0]).toEqual(reasoning("gAAAAx"));
    expect(changes).toEqual([]);
    // Clients cut the text that they show, or keep none of it.
    const shown = roundTrip(item({ ...reasoning(SEALED), summary: [] }));
    expect((shown.value.input as JsonObject[])[0]).toEqual(reasoning("gAAAAx"));
  });

  test.each<[string, string, Partial<TargetTraits>]>([
    ["another account", SEALED, { owner: { ...TARGET.owner, tag: accountTag("acc_2") } }],
    ["another model", SEALED, { owner: { ...TARGET.owner, scope: "gpt-6-sol" } }],
    ["another provider", SEALED, { owner: { ...TARGET.owner, provider: "copilot" } }],
    ["a carrier that is cut", SEALED.slice(0, -9), {}],
    ["what no carrier holds", "gAAAAAB", {}],
    ["nothing sealed", "", {}],
  ])("is left out, and declared, for %s", (_, sealed, traits) => {
    const { value, changes } = roundTrip(item(reasoning(sealed)), traits);
    expect(JSON.stringify(value)).not.toMatch(/First|gAAAA|kls1/);
    expect(changes).toEqual(["dropped:reasoning"]);
  });
});

describe("towards OpenAI", () => {
  test("strict is written for every function, and a tool choice only where there are tools", () => {
    const { value } = roundTrip(
      body({ tools: [{ type: "function", name: "f", parameters: {} }], tool_choice: "required" }),
    );
    expect(value.tools).toEqual([
      { type: "function", name: "f", parameters: { type: "object", properties: {} }, strict: false },
    ]);
    expect(value.tool_choice).toBe("required");
    expect(roundTrip(body({ tool_choice: "required", parallel_tool_calls: false })).value).not.toHaveProperty(
      "tool_choice",
    );
  });

  test("free-form tools are wrapped in functions where the target has none, their results as well", () => {
    const source = item(
      { type: "custom_tool_call", call_id: "c", name: "apply_patch", input: "*** Begin" },
      { type: "custom_tool_call_output", call_id: "c", output: "ok" },
    );
    source.tools = [{ type: "custom", name: "apply_patch" }];
    const { value, changes } = roundTrip(source, { customTools: false });
    expect(changes).toEqual(["wrapped:tools"]);
    expect(value.tools).toMatchObject([{ type: "function", name: "apply_patch" }]);
    expect(value.input).toMatchObject([
      { type: "function_call", call_id: "c", arguments: '{"input":"*** Begin"}' },
      { type: "function_call_output", call_id: "c", output: "ok" },
      { role: "user" },
    ]);
    const native = roundTrip(source).value.input;
    expect(native).toMatchObject([{ type: "custom_tool_call" }, { type: "custom_tool_call_output" }, {}]);
  });

  test("effort and sampling fit the model; encrypted reasoning is asked for", () => {
    const { value, changes } = roundTrip(
      body({ reasoning: { effort: "max", summary: "auto" }, temperature: 0.2 }),
    );
    expect(value).toMatchObject({
      reasoning: { effort: "xhigh", summary: "auto" },
      include: ["reasoning.encrypted_content"],
      store: false,
    });
    expect(value).not.toHaveProperty("temperature");
    expect(changes.toSorted()).toEqual(["dropped:temperature", "lowered:effort"]);
  });

  test("a limit below 16 tokens is raised to it", () => {
    expect(roundTrip(body({ max_output_tokens: 1 })).value.max_output_tokens).toBe(16);
  });

  test("audio is refused", () => {
    const { losses } = roundTrip(
      item({
        role: "user",
        content: [{ type: "input_audio", input_audio: { data: "UklG", format: "wav" } }],
      }),
    );
    expect(refusalOf(losses, { model: "gpt-5.5", protocol: "responses" })?.message).toMatch(/takes no audio/);
  });
});

const text = fc.string({ minLength: 1, maxLength: 12 }).filter((value) => value.trim() !== "");
const turn = fc.record({
  ask: text,
  developer: fc.option(text, { nil: undefined }),
  say: fc.option(text, { nil: undefined }),
  thinks: fc.boolean(),
  calls: fc.array(
    fc.record({
      name: fc.constantFrom("read", "write"),
      custom: fc.boolean(),
      output: fc.string(),
      image: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
});

/** A conversation as Codex CLI writes it. */
function conversation(
  turns: readonly (typeof turn extends fc.Arbitrary<infer T> ? T : never)[],
): JsonObject[] {
  return turns.flatMap(({ ask, developer, say, thinks, calls }, at) => [
    { type: "message", role: "user", content: [{ type: "input_text", text: ask }] },
    ...(developer === undefined
      ? []
      : [{ type: "message", role: "developer", content: [{ type: "input_text", text: developer }] }]),
    ...(thinks
      ? [
          {
            type: "reasoning",
            summary: [
              { type: "summary_text", text: "First." },
              { type: "summary_text", text: "Second." },
            ],
            encrypted_content: SEALED,
          },
        ]
      : []),
    ...(say === undefined
      ? []
      : [{ type: "message", role: "assistant", content: [{ type: "output_text", text: say }] }]),
    ...calls.map(({ name, custom }, index): JsonObject => {
      const call_id = `call_${at}_${index}`;
      return custom
        ? { type: "custom_tool_call", call_id, name, input: "x" }
        : { type: "function_call", call_id, namespace: "mcp", name, arguments: "{}" };
    }),
    ...calls.map(({ custom, output, image }, index): JsonObject => {
      const parts = [
        { type: "input_text", text: "see" },
        { type: "input_image", image_url: "data:image/png;base64,AA" },
      ];
      const type = custom ? "custom_tool_call_output" : "function_call_output";
      return { type, call_id: `call_${at}_${index}`, output: image ? parts : output };
    }),
  ]);
}

describe("for generated conversations", () => {
  test("a request that is read and written again means the same", () => {
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 4 }), (turns) => {
        const input = conversation(turns);
        const { value, changes } = roundTrip(body({ input }));
        const expected = input.map((each) =>
          each.encrypted_content === undefined ? each : { ...each, encrypted_content: "gAAAAx" },
        );
        expect(value.input).toEqual(expected);
        expect(changes).toEqual([]);
      }),
    );
  });

  test("what a turn sends is the beginning of what the next one sends", () => {
    fc.assert(
      fc.property(fc.array(turn, { minLength: 2, maxLength: 5 }), (turns) => {
        const sent = turns.map(
          (_, at) =>
            roundTrip(body({ input: conversation(turns.slice(0, at + 1)) })).value.input as JsonObject[],
        );
        for (const [at, items] of sent.entries()) {
          const next = sent[at + 1];
          if (next !== undefined)
            expect(JSON.stringify(next.slice(0, items.length))).toBe(JSON.stringify(items));
        }
      }),
    );
  });
});
