/** Anthropic's SDK against a Claude subscription (providers/claude.md §2): what it gets, and what Anthropic is sent. */
import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { describe, expect, test } from "vitest";
import {
  answered,
  ask,
  callsOf,
  NO_ARGUMENTS,
  openAnthropic,
  type Params,
  runTools,
  TOOLS,
  textOf,
  user,
} from "./anthropic-talk.ts";
import { all, FORMS, headerOf, PIXEL, refusalOf } from "./scene.ts";

const scene = openAnthropic();
const MODEL = "claude-sonnet-5";
const IDENTITY = { type: "text", text: "You are Claude Code, Anthropic's official CLI for Claude." };
const HELLO: Params = { model: MODEL, max_tokens: 200, messages: [user("Hello there")] };

const BETA_HELLO = {
  model: MODEL,
  max_tokens: 200,
  messages: [{ role: "user" as const, content: "Hello there" }],
};

function headers(betas = "oauth-2025-04-20,interleaved-thinking-2025-05-14") {
  return {
    accept: "application/json",
    "accept-encoding": "identity",
    "anthropic-beta": betas,
    "anthropic-version": "2026-10-21",
    authorization: `Bearer ${scene.account("claude").secret}`,
    "content-type": "application/json",
    "user-agent": "claude-cli/2.1.2 (external, cli)",
  };
}

describe.each(FORMS)("Anthropic's SDK on a Claude subscription, $form", ({ streams }) => {
  test("reads text, and Anthropic is asked with the subscription's headers and identity", async () => {
    const { client, wire } = scene.anthropic("claude");
    const message = await ask(client, streams, {
      ...HELLO,
      system: "Be brief.",
      metadata: { user_id: "u1" },
    });

    expect(message).toMatchObject({
      type: "message",
      role: "assistant",
      model: MODEL,
      stop_reason: "end_turn",
      content: [{ type: "text", text: `The fake ${MODEL} heard: Hello there` }],
      usage: { input_tokens: 12, cache_creation_input_tokens: 3, cache_read_input_tokens: 5 },
    });
    const request = scene.only();
    expect(request).toMatchObject({ path: "/v1/messages", query: "beta=true" });
    expect(request.headers).toEqual(headers());
    expect(request.body).toEqual({
      ...HELLO,
      metadata: { user_id: "u1" },
      system: [IDENTITY, { type: "text", text: "Be brief." }],
      ...(streams ? { stream: true } : {}),
    });
    expect(wire.changes()).toEqual(["claude-identity", "claude-user-agent"]);
    expect(Object.fromEntries(wire.last().headers)).toMatchObject({
      "x-kleis-provider": "claude",
      "x-kleis-account": scene.account("claude").id,
      "request-id": expect.stringMatching(/^req_/),
      "anthropic-ratelimit-unified-status": "allowed",
    });
  });

  test("is answered where its prompt is a string that begins with the identity", async () => {
    const { client, wire } = scene.anthropic("claude");
    await ask(client, streams, { ...HELLO, system: IDENTITY.text });
    expect(scene.only().body.system).toEqual([IDENTITY]);
    expect(wire.changes()).toEqual(["claude-identity", "claude-user-agent"]);
    await ask(client, streams, { ...HELLO, system: `${IDENTITY.text}\n\nBe brief.` });
    expect(scene.upstream()[1]!.body.system).toEqual([IDENTITY, { type: "text", text: "\n\nBe brief." }]);
  });

  test("calls two tools by its own names, runs both and sends their results back", async () => {
    const { client, wire } = scene.anthropic("claude");
    const first: Params = { ...HELLO, tools: TOOLS, tool_choice: { type: "tool", name: "read_file" } };
    scene.fakes.claude.script("parallel-tools", "text");
    const message = await ask(client, streams, first);

    expect(message.stop_reason).toBe("tool_use");
    expect(callsOf(message)).toMatchObject([
      { name: "read_file", input: { path: "path value" } },
      { name: "bash", input: { command: "command value" } },
    ]);
    expect(wire.changes()).toEqual(["claude-identity", "claude-tool-names", "claude-user-agent"]);
    const renamed = [
      { ...TOOLS[0], name: "mcp_read_file" },
      { ...TOOLS[1], name: "Bash" },
    ];
    expect(scene.only().body).toEqual({
      ...wire.last().body,
      system: [IDENTITY],
      tools: renamed,
      tool_choice: { type: "tool", name: "mcp_read_file" },
    });

    const results = runTools(message);
    const last = await ask(client, streams, {
      ...answered(first, message, results),
      tool_choice: { type: "auto" },
    });
    expect(last.stop_reason).toBe("end_turn");
    const [, assistant, returned] = scene.upstream()[1]!.body.messages as Anthropic.MessageParam[];
    expect(assistant).toMatchObject({ content: [{ name: "mcp_read_file" }, { name: "Bash" }] });
    expect(returned).toEqual({
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: callsOf(message)[0]!.id, content: "contents of path value" },
        { type: "tool_result", tool_use_id: callsOf(message)[1]!.id, content: "output of command value" },
      ],
    });
  });

  test("gets an empty object from a tool that takes no arguments", async () => {
    const { client } = scene.anthropic("claude");
    scene.fakes.claude.script("no-arg-tool", "text");
    const first: Params = { ...HELLO, tools: [NO_ARGUMENTS] };
    const message = await ask(client, streams, first);
    expect(callsOf(message)).toMatchObject([{ name: "get_time", input: {} }]);
    await ask(client, streams, answered(first, message, runTools(message)));
    expect(scene.upstream()[1]!.body.messages).toMatchObject([
      {},
      { content: [{ name: "mcp_get_time", input: {} }] },
      { content: [{ content: "12:00" }] },
    ]);
  });

  test("sends a thinking block back with its signature untouched", async () => {
    const { client, wire } = scene.anthropic("claude");
    const first: Params = {
      ...HELLO,
      max_tokens: 4000,
      tools: TOOLS,
      thinking: { type: "adaptive" },
    };
    scene.fakes.claude.script("thinking-tool", "text");
    const message = await ask(client, streams, first);
    const [thinking] = message.content;
    expect(thinking).toMatchObject({ type: "thinking", thinking: "Let me look at this." });
    expect(thinking).toHaveProperty("signature", expect.stringMatching(/^RmFrZVNpZ25hdHVyZQ.+/));

    await ask(client, streams, answered(first, message, runTools(message)));
    const { body } = scene.upstream()[1]!;
    expect(body.thinking).toEqual({ type: "adaptive" });
    expect((body.messages as Anthropic.MessageParam[])[1]!.content).toEqual([
      thinking,
      message.content[1],
      { ...message.content[2], name: "mcp_read_file" },
    ]);
    expect(wire.changes()).toEqual(["claude-identity", "claude-tool-names", "claude-user-agent"]);
  });

  test("sends an image and a document as they are", async () => {
    const { client, wire } = scene.anthropic("claude");
    const content: Anthropic.ContentBlockParam[] = [
      { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "a page" } },
      { type: "text", text: "What is this?" },
    ];
    const message = await ask(client, streams, { ...HELLO, messages: [user(content)] });
    expect(textOf(message)).toBe(`The fake ${MODEL} heard: What is this?`);
    expect(scene.only().body.messages).toEqual([{ role: "user", content }]);
    expect(wire.changes()).toEqual(["claude-identity", "claude-user-agent"]);
  });

  test("reads the prefixed id that it asked for, while Anthropic gets its own", async () => {
    const { client, wire } = scene.anthropic("claude", { prefix: "", key: scene.key });
    const message = await ask(client, streams, { ...HELLO, model: "anthropic/claude-sonnet-5" });
    expect(message.model).toBe("anthropic/claude-sonnet-5");
    expect(scene.only().body.model).toBe("claude-sonnet-5");
    expect(wire.changes()).toEqual(["model-prefix", "claude-identity", "claude-user-agent"]);
  });

  test("reads a server tool's block and its own tools in one answer", async () => {
    const { client } = scene.anthropic("claude");
    scene.fakes.claude.script("server-tool");
    const tools: Params["tools"] = [{ type: "web_search_20250305", name: "web_search" }, ...TOOLS];
    const message = await ask(client, streams, { ...HELLO, tools });
    expect(message.content).toMatchObject([
      { type: "server_tool_use", name: "web_search", input: { query: 'mcp_read "name":"mcp_read"' } },
      { type: "web_search_tool_result" },
      { type: "text" },
    ]);
    expect(scene.only().body.tools).toMatchObject([
      { name: "web_search" },
      { name: "mcp_read_file" },
      { name: "Bash" },
    ]);
  });

  test("reads a refusal as a stop reason", async () => {
    const { client } = scene.anthropic("claude");
    scene.fakes.claude.script("refusal");
    const message = await ask(client, streams, HELLO);
    expect(message).toMatchObject({ stop_reason: "refusal", stop_details: { category: "other" } });
  });

  test.each([
    ["error:too-long", Anthropic.BadRequestError, 400, "invalid_request_error"],
    ["error:402", Anthropic.PaymentRequiredError, 402, "billing_error"],
    ["error:403", Anthropic.PermissionDeniedError, 403, "permission_error"],
    ["error:404", Anthropic.NotFoundError, 404, "not_found_error"],
    ["error:429", Anthropic.RateLimitError, 429, "rate_limit_error"],
    ["error:500", Anthropic.InternalServerError, 500, "api_error"],
    ["error:504", Anthropic.GatewayTimeoutError, 504, "timeout_error"],
    ["error:529", Anthropic.OverloadedError, 529, "overloaded_error"],
  ] as const)("raises the class of Anthropic's %s, with its words", async (scenario, kind, status, type) => {
    const { client } = scene.anthropic("claude");
    scene.fakes.claude.script(scenario);
    // A model that is not there leaves the account's list: not the one that the other tests ask for.
    const model = status === 404 ? "claude-opus-4-7" : HELLO.model;
    const error = await refusalOf(ask(client, streams, { ...HELLO, model }));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, type, requestID: "req_fake" });
    if (scenario === "error:too-long")
      expect(error).toHaveProperty("apiMessage", "prompt is too long: 215000 tokens > 200000 maximum");
    if (scenario === "error:429") expect(headerOf(error, "retry-after")).toBe("7");
  });

  test("raises AuthenticationError for a wrong key, at once and without asking Anthropic", async () => {
    const { client, wire } = scene.anthropic("claude", { key: `kleis_${"x".repeat(43)}`, maxRetries: 2 });
    const error = await refusalOf(ask(client, streams, HELLO));
    expect(error).toBeInstanceOf(Anthropic.AuthenticationError);
    expect(error).toMatchObject({ status: 401, type: "authentication_error" });
    expect(wire.exchanges).toHaveLength(1);
    expect(wire.last().headers.get("x-should-retry")).toBe("false");
    expect(scene.upstream()).toEqual([]);
  });

  test("raises NotFoundError that names an unknown model", async () => {
    const { client } = scene.anthropic("claude", { prefix: "", key: scene.key });
    const error = await refusalOf(ask(client, streams, { ...HELLO, model: "no-such-model" }));
    expect(error).toBeInstanceOf(Anthropic.NotFoundError);
    expect(error).toMatchObject({
      type: "not_found_error",
      apiMessage: expect.stringContaining("no-such-model"),
    });
    expect(scene.upstream()).toEqual([]);
  });

  test("is answered by a model which does not speak messages", async () => {
    const { client } = scene.anthropic("codex", { prefix: "", key: scene.key });
    const message = await ask(client, streams, { ...HELLO, model: "gpt-5.5" });
    expect(message).toMatchObject({ model: "gpt-5.5", role: "assistant", stop_reason: "end_turn" });
    expect(message.usage.output_tokens).toBeGreaterThan(0);
  });

  test("tries again by itself when Anthropic is overloaded", async () => {
    const { client } = scene.anthropic("claude", { maxRetries: 1 });
    scene.fakes.claude.script("error:overloaded", "text");
    const message = await ask(client, streams, HELLO);
    expect(message.stop_reason).toBe("end_turn");
    expect(scene.upstream()).toHaveLength(2);
  });

  test("does not try again when Anthropic says that it is no use", async () => {
    const { client } = scene.anthropic("claude", { maxRetries: 2 });
    scene.fakes.claude.script("error:429-shared");
    expect(await refusalOf(ask(client, streams, HELLO))).toBeInstanceOf(Anthropic.RateLimitError);
    expect(scene.upstream()).toHaveLength(1);
  });
});

describe("Anthropic's SDK on a stream of a Claude subscription", () => {
  test("gets the events of the protocol in order, text in pieces", async () => {
    const { client } = scene.anthropic("claude");
    const events = await all(await client.messages.create({ ...HELLO, stream: true }));
    const types = events.map(({ type }) => type);
    expect(types.slice(0, 2)).toEqual(["message_start", "content_block_start"]);
    expect(types.filter((type) => type === "content_block_delta").length).toBeGreaterThan(3);
    expect(types.slice(-3)).toEqual(["content_block_stop", "message_delta", "message_stop"]);
  });

  test.each(["error-mid", "error-first"] as const)(
    "throws on %s with the provider's error",
    async (scenario) => {
      const { client } = scene.anthropic("claude");
      scene.fakes.claude.script(scenario);
      const error = await refusalOf(ask(client, true, HELLO));
      expect(error).toBeInstanceOf(Anthropic.APIError);
      expect(error).toMatchObject({ type: "overloaded_error", apiMessage: "Overloaded" });
    },
  );

  test.each([
    ["the connection drops", { cutAfterEvents: 4, cut: "destroy" }],
    ["the stream simply ends", { cutAfterEvents: 4, cut: "end" }],
    ["the stream ends in the middle of an event", { cutAt: 700, cut: "end" }],
  ] as const)("throws when %s, and never takes the part for the whole", async (_, delivery) => {
    const { client } = scene.anthropic("claude");
    scene.fakes.claude.script({ scenario: "text", ...delivery });
    const error = await refusalOf(ask(client, true, HELLO));
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({
      type: "overloaded_error",
      apiMessage: expect.stringContaining("Connection lost"),
    });
  });

  test("reads whole characters and calls through pieces of one byte, CRLF and pings", async () => {
    const { client } = scene.anthropic("claude");
    scene.fakes.claude.script(
      { scenario: "emoji", chunk: 1, newline: "\r\n" },
      { scenario: "parallel-tools", chunk: 1, newline: "mixed" },
      "ping-storm",
    );
    expect(textOf(await ask(client, true, HELLO))).toBe("Grüße 👩‍👩‍👧‍👦 aus 東京 🇯🇵 – “ok” 🧵");
    const calls = callsOf(await ask(client, true, { ...HELLO, tools: TOOLS }));
    expect(calls.map(({ name }) => name)).toEqual(["read_file", "bash"]);
    expect(textOf(await ask(client, true, HELLO))).toContain("Hello there");
  });

  test("stops the provider when the caller stops reading", async () => {
    const { client } = scene.anthropic("claude");
    scene.fakes.claude.script({ scenario: "long", events: 200, delayMs: 20 });
    const stream = client.messages.stream(HELLO);
    for await (const event of stream) if (event.type === "content_block_delta") break;
    const request = scene.fakes.claude.last();
    await request.closed;
    expect(request.aborted).toBe(true);
  });
});

describe("Anthropic's SDK beside plain messages", () => {
  test("raises an error of the provider's side for an answer that breaks off", async () => {
    const { client } = scene.anthropic("claude");
    scene.fakes.claude.script({ scenario: "parallel-tools", cutAt: 100 });
    const error = await refusalOf(ask(client, false, { ...HELLO, tools: TOOLS }));
    expect(error).toBeInstanceOf(Anthropic.InternalServerError);
    expect(error).toMatchObject({ status: 502, apiMessage: expect.stringContaining("Connection lost") });
  });

  test("counts tokens with the same system and tool names, under the beta that counting needs", async () => {
    const { client, wire } = scene.anthropic("claude");
    const { max_tokens: _, ...params } = { ...HELLO, system: "Be brief.", tools: TOOLS };
    const { input_tokens } = await client.messages.countTokens(params);
    expect(input_tokens).toBeGreaterThan(10);
    const request = scene.only();
    expect(request).toMatchObject({ path: "/v1/messages/count_tokens", query: "beta=true" });
    expect(request.headers).toEqual(headers("oauth-2025-04-20"));
    expect(request.body).toEqual({
      ...params,
      system: [IDENTITY, { type: "text", text: "Be brief." }],
      tools: [
        { ...TOOLS[0], name: "mcp_read_file" },
        { ...TOOLS[1], name: "Bash" },
      ],
    });
    expect(wire.changes()).toEqual(["claude-identity", "claude-tool-names", "claude-user-agent"]);
  });

  test("keeps its betas behind the required ones, and its fields", async () => {
    const { client } = scene.anthropic("claude");
    const edits = [{ type: "clear_tool_uses_20250919" as const, exclude_tools: ["bash"] }];
    const message = await client.beta.messages.create({
      ...BETA_HELLO,
      betas: ["context-management-2025-06-27", "interleaved-thinking-2025-05-14", "brand-new-2027-01-01"],
      tools: [{ name: "bash", input_schema: { type: "object" } }],
      context_management: { edits },
    });
    expect(message.stop_reason).toBe("end_turn");
    const request = scene.only();
    expect(request.query).toBe("beta=true");
    expect(request.headers).toEqual(
      headers(
        "oauth-2025-04-20,interleaved-thinking-2025-05-14,context-management-2025-06-27,brand-new-2027-01-01",
      ),
    );
    expect(request.body.context_management).toEqual({ edits: [{ ...edits[0], exclude_tools: ["Bash"] }] });
  });

  test.each(FORMS)(
    "runs its tool runner to the end, $form, with the whole conversation each time",
    async ({ streams }) => {
      const { client, wire } = scene.anthropic("claude");
      const paths: string[] = [];
      const readFile = betaTool({
        name: "read_file",
        description: "Reads a file",
        inputSchema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
        run: ({ path }) => {
          paths.push(path);
          return `contents of ${path}`;
        },
      });
      scene.fakes.claude.script("thinking-tool", "text");
      const params = { ...BETA_HELLO, system: "Be brief.", tools: [readFile] };
      const message = streams
        ? await client.beta.messages.toolRunner({ ...params, stream: true }).runUntilDone()
        : await client.beta.messages.toolRunner(params);
      expect(message).toMatchObject({ stop_reason: "end_turn" });
      expect(paths).toEqual(["path value"]);
      // The first was the runner's wish for a thread, which Kleis declines in the words that the runner understands.
      expect(wire.exchanges.map(({ status }) => status)).toEqual([400, 200, 200]);
      expect(wire.exchanges[0]!.body.thread).toEqual({ type: "create" });
      const [, second] = scene.upstream();
      expect(scene.upstream()).toHaveLength(2);
      expect(second!.body).not.toHaveProperty("thread");
      expect(second!.body.system).toEqual([IDENTITY, { type: "text", text: "Be brief." }]);
      expect(second!.body.messages).toMatchObject([
        {},
        { content: [{ type: "thinking" }, { type: "text" }, { name: "mcp_read_file" }] },
        { content: [{ type: "tool_result", content: "contents of path value" }] },
      ]);
    },
  );

  test("is told that a message thread does not work here", async () => {
    const { client } = scene.anthropic("claude");
    const thread = client.beta.messages.thread({ model: MODEL, max_tokens: 200 });
    const error = await refusalOf(thread.send({ role: "user", content: "Hello there" }));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error).toMatchObject({
      type: "invalid_request_error",
      errorCode: "thread_unsupported_request",
      apiMessage: expect.stringContaining("whole conversation"),
    });
    expect(scene.upstream()).toEqual([]);
  });
});
