/** Requests of Messages clients: what each field and block becomes, what is declared, and what is refused in which words. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../../src/json.ts";
import { writeCarrier } from "../../../src/protocols/translate/carriers/carrier.ts";
import { changesOf, refusalOf } from "../../../src/protocols/translate/losses.ts";
import { MESSAGES } from "../../../src/protocols/translate/messages/index.ts";
import type { ModelRequest } from "../../../src/protocols/translate/model.ts";
import { pairCalls } from "../../../src/protocols/translate/tools/turns.ts";
import { requests } from "./support/conversations.ts";
import { CLAUDE } from "./support/targets.ts";

const { owner } = CLAUDE.sonnet5.traits;

function decode(body: JsonObject) {
  const { request, losses } = MESSAGES.decodeRequest({
    model: "m",
    max_tokens: 9,
    messages: [{ role: "user", content: "hi" }],
    ...body,
  });
  const words = refusalOf(losses, { model: "gpt-5.5", protocol: "responses" })?.message;
  return { request, changes: changesOf(losses), words };
}

/** What one block becomes, in a message of the role. */
function block(role: string, content: Json[]) {
  const { request, changes, words } = decode({
    messages: [
      { role, content },
      { role: "user", content: "hi" },
    ],
  });
  return { items: withoutPaths(request.items.slice(0, -1)), changes, words, request };
}

function withoutPaths<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value, (key, each) => (key === "at" ? undefined : each)));
}

const said = (role: string, ...texts: string[]) => ({
  type: "message",
  role,
  parts: texts.map((text) => ({ type: "text", text })),
});

describe("content", () => {
  test.each<[string, string, Json[], unknown[]]>([
    ["text", "user", [{ type: "text", text: "a" }], [said("user", "a")]],
    ["an empty text", "user", [{ type: "text", text: "" }], []],
    [
      "texts and their breakpoint",
      "assistant",
      [
        { type: "text", text: "a" },
        { type: "text", text: "b", cache_control: { type: "ephemeral", ttl: "1h", scope: "global" } },
      ],
      [
        {
          ...said("assistant", "a"),
          parts: [
            { type: "text", text: "a" },
            { type: "text", text: "b", cache: { ttl: "1h" } },
          ],
        },
      ],
    ],
    [
      "an image",
      "user",
      [{ type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } }],
      [
        {
          type: "message",
          role: "user",
          parts: [{ type: "image", source: { kind: "base64", mediaType: "image/png", data: "AA" } }],
        },
      ],
    ],
    [
      "an image elsewhere",
      "user",
      [{ type: "image", source: { type: "url", url: "https://a" } }],
      [
        {
          type: "message",
          role: "user",
          parts: [{ type: "image", source: { kind: "url", url: "https://a" } }],
        },
      ],
    ],
    [
      "a PDF",
      "user",
      [
        {
          type: "document",
          title: "t",
          source: { type: "base64", media_type: "application/pdf", data: "AA" },
        },
      ],
      [
        {
          type: "message",
          role: "user",
          parts: [
            {
              type: "document",
              name: "t",
              source: { kind: "base64", mediaType: "application/pdf", data: "AA" },
            },
          ],
        },
      ],
    ],
    [
      "a text document",
      "user",
      [
        {
          type: "document",
          title: "t",
          context: "c",
          source: { type: "text", media_type: "text/plain", data: "d" },
        },
      ],
      [said("user", "t\nc", "d")],
    ],
    [
      "a document of blocks",
      "user",
      [{ type: "document", source: { type: "content", content: [{ type: "text", text: "d" }] } }],
      [said("user", "d")],
    ],
    [
      "a search result",
      "user",
      [{ type: "search_result", title: "t", source: "https://a", content: [{ type: "text", text: "x" }] }],
      [said("user", "t\nhttps://a", "x")],
    ],
    [
      "a call",
      "assistant",
      [{ type: "tool_use", id: "i", name: "n", input: { a: 1 }, caller: { type: "direct" } }],
      [{ type: "call", kind: "function", id: "i", name: "n", input: '{"a":1}' }],
    ],
    [
      "a result",
      "user",
      [{ type: "tool_result", tool_use_id: "i", content: "r", is_error: true }],
      [{ type: "result", callId: "i", parts: [{ type: "text", text: "r" }], isError: true }],
    ],
    [
      "a result of parts",
      "user",
      [
        {
          type: "tool_result",
          tool_use_id: "i",
          content: [
            { type: "text", text: "r" },
            { type: "tool_reference", tool_name: "Read" },
          ],
        },
      ],
      [
        {
          type: "result",
          callId: "i",
          parts: [
            { type: "text", text: "r" },
            { type: "text", text: "Found the tool `Read`." },
          ],
          isError: false,
        },
      ],
    ],
    [
      "results between texts",
      "user",
      [
        { type: "tool_result", tool_use_id: "i" },
        { type: "text", text: "a" },
        { type: "tool_result", tool_use_id: "j" },
      ],
      [
        { type: "result", callId: "i", parts: [], isError: false },
        said("user", "a"),
        { type: "result", callId: "j", parts: [], isError: false },
      ],
    ],
    [
      "Claude's own thinking",
      "assistant",
      [{ type: "thinking", thinking: "t", signature: "EqQB" }],
      [{ type: "reasoning", text: "t" }],
    ],
    [
      "redacted thinking",
      "assistant",
      [{ type: "redacted_thinking", data: "x" }],
      [{ type: "reasoning", text: "" }],
    ],
    [
      "a web search",
      "assistant",
      [
        { type: "server_tool_use", id: "s", name: "web_search", input: { query: "q" } },
        {
          type: "web_search_tool_result",
          tool_use_id: "s",
          content: [{ type: "web_search_result", url: "https://a", title: "A", encrypted_content: "x" }],
        },
      ],
      [{ type: "search", queries: ["q"], results: [{ url: "https://a", title: "A" }] }],
    ],
    [
      "a web search that failed",
      "assistant",
      [
        { type: "server_tool_use", id: "s", name: "web_search", input: { query: "q" } },
        {
          type: "web_search_tool_result",
          tool_use_id: "s",
          content: { type: "web_search_tool_result_error", error_code: "unavailable" },
        },
      ],
      [{ type: "search", queries: ["q"], results: [] }],
    ],
    [
      "a web search without results",
      "assistant",
      [{ type: "server_tool_use", id: "s", name: "web_search", input: {} }],
      [{ type: "search", queries: [], results: [] }],
    ],
    [
      "a summary of earlier messages",
      "assistant",
      [{ type: "compaction", content: "sum" }],
      [said("assistant", "sum")],
    ],
    ["a summary that failed", "assistant", [{ type: "compaction", content: null }], []],
    ["system", "system", [{ type: "text", text: "a" }], [said("developer", "a")]],
    ["which model wrote", "assistant", [{ type: "fallback", from: {}, to: {} }], []],
  ])("%s", (_, role, content, items) => {
    expect(block(role, content)).toMatchObject({ items, changes: [], words: undefined });
  });

  test("a message of system has one form as a string and as blocks", () => {
    const [asString, asBlocks] = ["d", [{ type: "text", text: "d" }]].map((content) =>
      withoutPaths(
        decode({
          messages: [
            { role: "user", content: "u" },
            { role: "system", content, clear_at: "never" },
          ],
        }),
      ),
    );
    expect(asString).toEqual(asBlocks);
  });

  test("Kleis's own thinking comes back with its owner", () => {
    const signature = writeCarrier(owner, { from: "responses", encrypted: "gAAAA", summary: ["One", "Two"] });
    expect(block("assistant", [{ type: "thinking", thinking: "", signature }]).items).toEqual([
      {
        type: "reasoning",
        text: "",
        carrier: { owner, payload: { from: "responses", encrypted: "gAAAA", summary: ["One", "Two"] } },
      },
    ]);
  });

  test.each<[string, string, Json[], string]>([
    [
      "server tools",
      "assistant",
      [{ type: "server_tool_use", id: "s", name: "web_fetch", input: {} }],
      "dropped:server_tool_use",
    ],
    [
      "their results",
      "assistant",
      [{ type: "code_execution_tool_result", tool_use_id: "s", content: {} }],
      "dropped:server_tool_use",
    ],
    [
      "MCP",
      "assistant",
      [{ type: "mcp_tool_use", id: "s", name: "x", server_name: "y", input: {} }],
      "dropped:server_tool_use",
    ],
    ["a container's file", "user", [{ type: "container_upload", file_id: "f" }], "dropped:container_upload"],
    [
      "citations",
      "user",
      [{ type: "search_result", title: "t", source: "s", content: [], citations: { enabled: true } }],
      "dropped:citations",
    ],
    [
      "a removed tool",
      "system",
      [{ type: "tool_removal", tool: { type: "tool_reference", name: "x" } }],
      "dropped:tool_removal",
    ],
    [
      "an MCP tool that is added",
      "system",
      [{ type: "tool_addition", tool: { type: "mcp_tool_reference", name: "x" } }],
      "dropped:mcp_servers",
    ],
    ["an unknown block", "user", [{ type: "hologram" }], "dropped:unknown"],
    ["an unknown block of system", "system", [{ type: "image" }], "dropped:unknown"],
  ])("%s: declared", (_, role, content, change) => {
    expect(block(role, content).changes).toEqual([change]);
  });

  test.each<[string, string, Json[], string]>([
    [
      "an uploaded image",
      "user",
      [{ type: "image", source: { type: "file", file_id: "f" } }],
      "`messages.0.content.0.source.file_id` cannot be carried to `gpt-5.5`, which speaks responses: a file that was uploaded to Anthropic cannot be read elsewhere. Send the file itself as base64.",
    ],
    [
      "an uploaded document",
      "user",
      [{ type: "document", source: { type: "file", file_id: "f" } }],
      "`messages.0.content.0.source.file_id` cannot be carried to `gpt-5.5`, which speaks responses: a file that was uploaded to Anthropic cannot be read elsewhere. Send the file itself as base64.",
    ],
    [
      "a sealed summary",
      "assistant",
      [{ type: "compaction", content: null, encrypted_content: "x" }],
      "`messages.0.content.0` cannot be carried to `gpt-5.5`, which speaks responses: only Claude can read this summary of earlier messages. Start a new session, or compact the conversation with this model.",
    ],
  ])("%s: refused", (_, role, content, words) => {
    expect(block(role, content).words).toBe(words);
  });
});

describe("fields", () => {
  test.each<[string, JsonObject, Partial<ModelRequest>]>([
    ["system", { system: "s" }, { system: [{ type: "text", text: "s", at: "system" }] }],
    [
      "system without its billing line",
      {
        system: [
          { type: "text", text: "x-anthropic-billing-header: cc_version=1; cch=abc;" },
          { type: "text", text: "s" },
        ],
      },
      { system: [{ type: "text", text: "s", at: "system.1" }] },
    ],
    [
      "system as one text with a billing line",
      { system: "x-anthropic-billing-header: a\ns" },
      { system: [{ type: "text", text: "s", at: "system" }] },
    ],
    [
      "any",
      { tool_choice: { type: "any", disable_parallel_tool_use: true } },
      { toolChoice: { mode: "required" }, parallel: false },
    ],
    ["auto", { tool_choice: { type: "auto" } }, { toolChoice: { mode: "auto" }, parallel: undefined }],
    ["none", { tool_choice: { type: "none" } }, { toolChoice: { mode: "none" } }],
    ["a tool", { tool_choice: { type: "tool", name: "n" } }, { toolChoice: { mode: "tool", name: "n" } }],
    [
      "the search",
      {
        tools: [{ type: "web_search_20250305", name: "web_search" }],
        tool_choice: { type: "tool", name: "web_search" },
      },
      { toolChoice: { mode: "web_search" } },
    ],
    ["stops", { stop_sequences: ["a", ""] }, { stops: ["a"] }],
    ["sampling", { temperature: 0.3, top_p: 0.9 }, { sampling: { temperature: 0.3, topP: 0.9 } }],
    [
      "a budget",
      { thinking: { type: "enabled", budget_tokens: 2048, display: "updates" } },
      { reasoning: { thinking: "on", effort: undefined, budget: 2048, display: "summarized" } },
    ],
    [
      "no thinking",
      { thinking: { type: "disabled" } },
      { reasoning: { thinking: "off", effort: undefined, budget: undefined, display: undefined } },
    ],
    [
      "adaptive thinking",
      { thinking: { type: "adaptive", display: "omitted" }, output_config: { effort: "max" } },
      { reasoning: { thinking: "adaptive", effort: "max", budget: undefined, display: "omitted" } },
    ],
    [
      "a format",
      { output_config: { format: { type: "json_schema", schema: { type: "object" } } } },
      { format: { type: "json_schema", schema: { type: "object" } } },
    ],
    [
      "a format's old place",
      { output_format: { type: "json_schema", schema: {} } },
      { format: { type: "json_schema", schema: {} } },
    ],
    [
      "Claude Code's session",
      { metadata: { user_id: '{"device_id":"d","session_id":"s-1"}' } },
      { session: "s-1" },
    ],
    ["its older form", { metadata: { user_id: "user_1_account_2_session_3-4" } }, { session: "3-4" }],
    ["no session", { metadata: { user_id: "me" } }, { session: undefined }],
    ["fast", { speed: "fast" }, { tier: "priority" }],
    [
      "what is without influence",
      {
        service_tier: "auto",
        safeguards: {},
        betas: ["a"],
        diagnostics: {},
        cache_control: { type: "ephemeral" },
        context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
        top_k: null,
      },
      {},
    ],
  ])("%s", (_, body, expected) => {
    const { request, changes, words } = decode(body);
    expect(request).toMatchObject(expected);
    expect({ changes, words }).toEqual({ changes: [], words: undefined });
  });

  test("the effort of the last system message holds", () => {
    const system = (effort: string) => ({ role: "system", content: [], output_config: { effort } });
    const user = { role: "user", content: "hi" };
    const { request } = decode({
      output_config: { effort: "max" },
      messages: [user, system("low"), system("high")],
    });
    expect(request.reasoning.effort).toBe("high");
    expect(request.items).toHaveLength(1);
  });

  test.each<[string, JsonObject, string]>([
    ["top_k", { top_k: 3 }, "dropped:top_k"],
    ["fallbacks", { fallbacks: [] }, "dropped:fallbacks"],
    [
      "a task's budget",
      { output_config: { task_budget: { type: "tokens", total: 1 } } },
      "dropped:task_budget",
    ],
    [
      "context management",
      { context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } },
      "dropped:context_management",
    ],
    ["MCP servers", { mcp_servers: [{ type: "url", url: "https://a", name: "a" }] }, "dropped:mcp_servers"],
    [
      "a response to go on with",
      {
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
        ],
      },
      "dropped:prefill",
    ],
    ["an unknown field", { hologram: 1 }, "dropped:unknown"],
    ["an unknown member", { output_config: { hologram: 1 } }, "dropped:unknown"],
    ["advisor", { tools: [{ type: "advisor_20260301", name: "advisor", model: "x" }] }, "dropped:advisor"],
    ["web fetch", { tools: [{ type: "web_fetch_20250910", name: "web_fetch" }] }, "dropped:web_fetch"],
    [
      "code execution",
      { tools: [{ type: "code_execution_20250825", name: "code_execution" }] },
      "dropped:code_execution",
    ],
    [
      "tool search",
      { tools: [{ type: "tool_search_tool_bm25_20251119", name: "tool_search_tool_bm25" }] },
      "dropped:tool_search",
    ],
    ["computer use", { tools: [{ type: "computer_20250124", name: "computer" }] }, "dropped:computer"],
    ["an unknown tool", { tools: [{ type: "hologram_20260101", name: "x" }] }, "dropped:unknown"],
  ])("%s: declared", (_, body, change) => {
    expect(decode(body)).toMatchObject({ changes: [change], words: undefined });
  });

  test.each<[string, JsonObject, string]>([
    [
      "a container",
      { container: "c" },
      "`container` cannot be carried to `gpt-5.5`, which speaks responses: containers run at Anthropic alone. Leave `container` out.",
    ],
    [
      "a place",
      { inference_geo: "eu" },
      "`inference_geo` cannot be carried to `gpt-5.5`, which speaks responses: where a request is processed can be chosen at Anthropic alone. Leave `inference_geo` out, or choose a Claude model.",
    ],
    [
      "compaction",
      { compaction: { type: "summarize" } },
      "`compaction` cannot be carried to `gpt-5.5`, which speaks responses: only Anthropic compacts a conversation by itself. Leave `compaction` out and ask for a summary in a message.",
    ],
    [
      "bash",
      { tools: [{ type: "bash_20250124", name: "bash" }] },
      "`tools.0` cannot be carried to `gpt-5.5`, which speaks responses: the tool type `bash_20250124` has no schema outside Claude. Declare the tool with a name, a description and an `input_schema`.",
    ],
    [
      "the editor",
      { tools: [{ type: "text_editor_20250728", name: "e" }] },
      "`tools.0` cannot be carried to `gpt-5.5`, which speaks responses: the tool type `text_editor_20250728` has no schema outside Claude. Declare the tool with a name, a description and an `input_schema`.",
    ],
    [
      "memory",
      { tools: [{ type: "memory_20250818", name: "memory" }] },
      "`tools.0` cannot be carried to `gpt-5.5`, which speaks responses: the tool type `memory_20250818` has no schema outside Claude. Declare the tool with a name, a description and an `input_schema`.",
    ],
    [
      "a forced advisor",
      {
        tools: [{ type: "advisor_20260301", name: "advisor" }],
        tool_choice: { type: "tool", name: "advisor" },
      },
      "`tool_choice.name` cannot be carried to `gpt-5.5`, which speaks responses: only Anthropic runs the tool `advisor`. Choose another tool, or leave `tool_choice` out.",
    ],
  ])("%s: refused", (_, body, words) => {
    expect(decode(body).words).toBe(words);
  });

  test("a thread is refused in the words on which Anthropic's SDK sends everything", () => {
    expect(() => decode({ thread: { id: "t" } })).toThrow(
      expect.objectContaining({
        code: "invalid_request",
        details: expect.objectContaining({ error_code: "thread_unsupported_request" }),
      }),
    );
  });

  test.each<[string, JsonObject, string]>([
    ["messages", { messages: 3 }, "`messages` must be a list."],
    ["a message", { messages: [3] }, "`messages.0` must be an object."],
    [
      "a role",
      { messages: [{ role: "x", content: "" }] },
      "`messages.0.role` must be `user`, `assistant` or `system`.",
    ],
    ["content", { messages: [{ role: "user", content: 3 }] }, "`messages.0.content` must be a list."],
    ["a block", { messages: [{ role: "user", content: [3] }] }, "`messages.0.content.0` must be an object."],
    [
      "a block's type",
      { messages: [{ role: "user", content: [{}] }] },
      "`messages.0.content.0.type` must be a string.",
    ],
    [
      "a text",
      { messages: [{ role: "user", content: [{ type: "text" }] }] },
      "`messages.0.content.0.text` must be a string.",
    ],
    [
      "a source",
      { messages: [{ role: "user", content: [{ type: "image", source: { type: "x" } }] }] },
      "`messages.0.content.0.source.type` must be `base64`, `url` or `file`.",
    ],
    [
      "a call's id",
      { messages: [{ role: "assistant", content: [{ type: "tool_use", name: "n" }] }] },
      "`messages.0.content.0.id` must be a string.",
    ],
    ["the limit", { max_tokens: "x" }, "`max_tokens` must be a number."],
    ["stream", { stream: "x" }, "`stream` must be true or false."],
    [
      "effort",
      { output_config: { effort: "x" } },
      "`output_config.effort` must be one of low, medium, high, xhigh, max.",
    ],
    ["thinking", { thinking: { type: "x" } }, "`thinking.type` must be `adaptive`, `enabled` or `disabled`."],
    ["a schema", { tools: [{ name: "n" }] }, "`tools.0.input_schema` must be an object."],
    [
      "a choice",
      { tool_choice: { type: "x" } },
      "`tool_choice.type` must be `auto`, `any`, `tool` or `none`.",
    ],
    [
      "a format",
      { output_config: { format: { type: "x" } } },
      "`output_config.format.type` must be `json_schema`.",
    ],
  ])("%s that is malformed is an error that names it", (_, body, message) => {
    expect(() => decode(body)).toThrow(expect.objectContaining({ code: "invalid_request", message }));
  });

  test("nothing that a client may send makes the decoder fall", () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const blocks = fc.constantFrom(
      "text",
      "image",
      "tool_use",
      "tool_result",
      "thinking",
      "document",
      "search_result",
      "server_tool_use",
      "web_search_tool_result",
      "tool_addition",
      "compaction",
    );
    const content = fc.array(
      fc
        .dictionary(
          fc.constantFrom(
            "text",
            "source",
            "id",
            "name",
            "input",
            "content",
            "tool",
            "tool_use_id",
            "signature",
          ),
          value,
        )
        .chain((of) => blocks.map((type) => ({ ...of, type }))),
      { maxLength: 3 },
    );
    const body = fc.record(
      {
        messages: fc.array(
          fc.record({
            role: fc.constantFrom("user", "assistant", "system"),
            content: fc.oneof(content, value),
          }),
        ),
        tools: value,
        system: value,
        thinking: value,
        tool_choice: value,
        output_config: value,
        metadata: value,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(body, (given) => {
        try {
          decode(given as JsonObject);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid_request" });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("tools", () => {
  test("client tools keep schema, strictness and breakpoint; what tells Anthropic how to load them goes", () => {
    const { request, changes } = decode({
      tools: [
        {
          name: "f",
          description: "d",
          input_schema: { type: "object" },
          strict: true,
          cache_control: { type: "ephemeral" },
          eager_input_streaming: true,
          input_examples: [{}],
          defer_loading: true,
          allowed_callers: ["direct"],
        },
        { type: "custom", name: "DeferredToolPlaceholder", input_schema: {} },
      ],
    });
    expect(request.tools).toEqual([
      {
        type: "function",
        kind: "function",
        name: "f",
        description: "d",
        schema: { type: "object" },
        strict: true,
        cache: {},
        at: "tools.0",
      },
    ]);
    expect(changes).toEqual([]);
  });

  test("web search keeps its domains, its limit and its place", () => {
    const tool = {
      type: "web_search_20260318",
      name: "web_search",
      allowed_domains: ["a.b"],
      max_uses: 3,
      user_location: { type: "approximate", city: "B", timezone: null },
    };
    expect(decode({ tools: [tool] }).request.tools).toEqual([
      {
        type: "web_search",
        allowedDomains: ["a.b"],
        blockedDomains: undefined,
        maxUses: 3,
        location: { city: "B" },
        at: "tools.0",
      },
    ]);
  });

  test("tools that messages add follow in order", () => {
    const functions =
      '<functions>\n<function>{"name":"Found","description":"d","parameters":{"type":"object"}}</function>\n<function>{"name":"f","parameters":{}}</function>\n<function>{broken</function>\n</functions>';
    const { request, changes } = decode({
      tools: [{ name: "f", input_schema: {} }],
      messages: [
        { role: "user", content: "hi" },
        {
          role: "system",
          content: [
            {
              type: "tool_addition",
              tool: { type: "tool_definition", definition: { name: "Added", input_schema: {} } },
            },
            { type: "tool_addition", tool: { type: "tool_reference", name: "f" } },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "tool_use", id: "1", name: "ToolSearch", input: {} },
            { type: "tool_use", id: "2", name: "Other", input: {} },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "1", content: functions },
            { type: "tool_result", tool_use_id: "2", content: functions.replaceAll("Found", "Not") },
          ],
        },
      ],
    });
    expect(request.tools.map((tool) => tool.type === "function" && tool.name)).toEqual([
      "f",
      "Added",
      "Found",
    ]);
    expect(changes).toEqual([]);
  });
});

describe("to the model and back to Messages", () => {
  const target = { ...CLAUDE.sonnet5.traits, cacheMarks: false, maxOutput: undefined };

  /** What the conversation says, whatever the ids, places and breakpoints. */
  function meaning({ items, system, tools, ...request }: ModelRequest): unknown {
    const { toolChoice, parallel, maxOutput, stops } = request;
    const said = pairCalls(items).items.filter(({ type }) => type !== "reasoning");
    return withoutPaths({ said, system, tools: tools.length, toolChoice, parallel, maxOutput, stops });
  }

  test("the meaning stays, and a second time every byte", () => {
    fc.assert(
      fc.property(requests({ owner, from: "messages" }), (generated) => {
        // A Messages wire, as a client could have written it.
        const wire = MESSAGES.encodeRequest(generated, target);
        if (wire.losses.some(({ kind }) => kind === "refuse")) return;
        const first = MESSAGES.decodeRequest(wire.value);
        expect(first.losses.filter(({ kind }) => kind === "refuse")).toEqual([]);
        expect(changesOf(first.losses)).toEqual([]);
        const again = MESSAGES.encodeRequest(first.request, target);
        const second = MESSAGES.decodeRequest(again.value);
        expect(meaning(second.request)).toEqual(meaning(first.request));
        const { thinking: _, ...rest } = MESSAGES.encodeRequest(second.request, target).value;
        const { thinking: __, ...before } = again.value;
        expect(rest).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });
});
