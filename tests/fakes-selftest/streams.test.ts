import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CLAUDE_ERRORS, type ClaudeError } from "../fakes/claude/errors.ts";
import { CODEX_ERRORS, type CodexError } from "../fakes/codex/errors.ts";
import { COPILOT_ERRORS, type CopilotError } from "../fakes/copilot/errors.ts";
import {
  type ChatScenario,
  chatEvents,
  type FakeClaude,
  type FakeCodex,
  type FakeCopilot,
  type Fakes,
  type MessagesScenario,
  messageOf,
  messagesEvents,
  type ResponsesScenario,
  responsesEvents,
  startFakes,
} from "../fakes/index.ts";
import { CHAT_SCENARIOS } from "../fakes/scenarios/chat.ts";
import { MESSAGES_SCENARIOS, STRAY_DONE } from "../fakes/scenarios/messages.ts";
import { RESPONSES_SCENARIOS } from "../fakes/scenarios/responses.ts";
import { type Answer, dataOf, exchange } from "./exchange.ts";

let fakes: Fakes;
let claude: FakeClaude;
let codex: FakeCodex;
let copilot: FakeCopilot;

beforeEach(async () => {
  fakes = await startFakes();
  ({ claude, codex, copilot } = fakes);
});

afterEach(() => fakes.close());

const SCHEMA = {
  type: "object",
  properties: {
    path: { type: "string" },
    limit: { type: "integer", minimum: 3 },
    mode: { enum: ["a", "b"] },
    where: { $ref: "#/$defs/where" },
    free: { type: "string" },
  },
  required: ["path", "limit", "mode", "where"],
  $defs: { where: { type: "array", items: { type: "boolean" }, minItems: 1 } },
};
const ARGUMENTS = { path: "path value", limit: 3, mode: "a", where: [true] };

function askClaude(extra: object = {}): Promise<Answer> {
  return exchange(`${claude.url}/v1/messages`, {
    headers: {
      "x-api-key": claude.issueApiKey(),
      "anthropic-version": "2023-06-01",
      "content-type": "application/json",
    },
    body: {
      model: "claude-sonnet-5",
      max_tokens: 10,
      stream: true,
      messages: [{ role: "user", content: "ping" }],
      tools: [
        { name: "Read", input_schema: SCHEMA },
        { name: "Stop", input_schema: { type: "object" } },
      ],
      ...extra,
    },
  });
}

function askCodex(extra: object = {}): Promise<Answer> {
  const { accessToken, accountId } = codex.issueTokens();
  return exchange(`${codex.url}/backend-api/codex/responses`, {
    headers: {
      authorization: `Bearer ${accessToken}`,
      "chatgpt-account-id": accountId,
      "content-type": "application/json",
      accept: "text/event-stream",
      "user-agent": "kleis/0.1.0",
    },
    body: {
      model: "gpt-5.5",
      instructions: "x",
      input: [{ role: "user", content: "ping" }],
      store: false,
      stream: true,
      tools: [
        { type: "function", name: "read", parameters: SCHEMA },
        {
          type: "namespace",
          name: "files",
          description: "Files.",
          tools: [{ type: "custom", name: "apply_patch" }],
        },
      ],
      ...extra,
    },
  });
}

function askCopilot(extra: object = {}, stream = true): Promise<Answer> {
  return exchange(`${copilot.url}/chat/completions`, {
    headers: {
      authorization: `Bearer ${copilot.issueTokens().accessToken}`,
      "user-agent": "kleis/0.1.0",
      "openai-intent": "conversation-edits",
      "x-initiator": "user",
      "x-github-api-version": "2026-06-01",
      "content-type": "application/json",
      accept: stream ? "text/event-stream" : "application/json",
    },
    body: {
      model: "claude-sonnet-4.6",
      stream,
      messages: [{ role: "user", content: "ping" }],
      tools: ["read", "write"].map((name) => ({ type: "function", function: { name, parameters: SCHEMA } })),
      ...extra,
    },
  });
}

const parsed = (answer: Answer) =>
  dataOf(answer.text)
    .filter((data) => data !== "[DONE]")
    .map((data) => JSON.parse(data));

describe("messages scenarios", () => {
  test.each(MESSAGES_SCENARIOS())("%s keeps the order of its events", (name: MessagesScenario) => {
    const types = messagesEvents(name).map((event) => event.type);
    const ends: unknown[] = ["message_stop", "error", STRAY_DONE];
    if (name !== "no-stop") expect(ends).toContain(types.at(-1));
    const opened = types.filter((type) => type === "content_block_start").length;
    const closed = types.filter((type) => type === "content_block_stop").length;
    if (name !== "error-mid") expect(closed).toBe(opened);
  });

  test("thinking-tool calls the first declared tool with arguments that fit its schema", async () => {
    claude.script("thinking-tool");
    const message = messageOf(parsed(await askClaude()));
    expect(message).toMatchObject({ stop_reason: "tool_use" });
    expect(message.content).toMatchObject([
      { type: "thinking", signature: expect.stringMatching(/./) },
      { type: "text", text: expect.stringContaining("ping") },
      { type: "tool_use", name: "Read", input: ARGUMENTS },
    ]);
  });

  test("a thinking block is taken back only unaltered", async () => {
    claude.script("thinking-tool");
    const [thinking] = messageOf(parsed(await askClaude())).content as object[];
    const replay = (block: object) =>
      askClaude({
        messages: [
          { role: "user", content: "x" },
          { role: "assistant", content: [block, { type: "text", text: "well" }] },
          { role: "user", content: "y" },
        ],
      });
    expect((await replay(thinking ?? {})).status).toBe(200);
    expect((await replay({ ...thinking, thinking: "changed" })).status).toBe(400);
  });

  test("no-arg-tool sends an empty string of arguments for a tool that needs none", async () => {
    claude.script("no-arg-tool");
    const events = parsed(await askClaude());
    expect(events.find((event) => event.type === "content_block_start").content_block.name).toBe("Stop");
    expect(
      events
        .filter((event) => event.delta?.type === "input_json_delta")
        .map((event) => event.delta.partial_json),
    ).toEqual([""]);
  });

  test("the same content comes as one answer without stream", async () => {
    claude.script("parallel-tools");
    const message = JSON.parse((await askClaude({ stream: false })).text);
    expect(message.content).toMatchObject([
      { name: "Read", input: ARGUMENTS },
      { name: "Stop", input: {} },
    ]);
  });

  test("an error amid the stream is an HTTP error without stream", async () => {
    claude.script("error-mid", "error-mid");
    expect((await askClaude()).text).toContain("event: error\n");
    expect((await askClaude({ stream: false })).status).toBe(529);
  });
});

describe("responses scenarios", () => {
  test.each(RESPONSES_SCENARIOS())("%s numbers its events and ends as it says", (name: ResponsesScenario) => {
    const events = responsesEvents(name);
    const numbers = events.map((event) => event.sequence_number).filter((number) => number !== undefined);
    expect(numbers).toEqual(numbers.map((_, at) => at));
    expect(events.at(-1)?.type).toMatch(/^(response\.(completed|incomplete|failed|done)|error)$/);
  });

  test("reasoning-tool calls the declared function", async () => {
    codex.script("reasoning-tool");
    const done = parsed(await askCodex()).filter((event) => event.type === "response.output_item.done");
    expect(done.map((event) => event.item.type)).toEqual(["reasoning", "function_call"]);
    expect(JSON.parse(done[1].item.arguments)).toEqual(ARGUMENTS);
  });

  test("custom-tool calls the declared custom tool in its namespace", async () => {
    codex.script("custom-tool");
    const done = parsed(await askCodex()).find((event) => event.type === "response.output_item.done");
    expect(done.item).toMatchObject({ type: "custom_tool_call", name: "apply_patch", namespace: "files" });
  });

  test("empty-output and no-content-type are what they say", async () => {
    codex.script("empty-output", "no-content-type", "data-only");
    expect(parsed(await askCodex()).at(-1).response.output).toEqual([]);
    expect((await askCodex()).headers).not.toHaveProperty("content-type");
    expect((await askCodex()).text).not.toContain("event:");
  });

  test("codex-frames mixes in frames that are no response events", async () => {
    codex.script("codex-frames");
    const types = parsed(await askCodex()).map((event) => event.type);
    expect(types).toEqual(
      expect.arrayContaining(["codex.rate_limits", "codex.response.metadata", "keepalive"]),
    );
  });
});

describe("chat scenarios", () => {
  test.each(CHAT_SCENARIOS())("%s ends with [DONE] unless it says otherwise", (name: ChatScenario) => {
    const isOpen = name === "no-done" || name === "error-mid";
    expect(chatEvents(name).at(-1) === "[DONE]").toBe(!isOpen);
  });

  test("usage comes only when asked for", async () => {
    copilot.script("usage", "usage");
    expect((await askCopilot()).text).not.toContain("prompt_tokens");
    expect((await askCopilot({ stream_options: { include_usage: true } })).text).toContain("prompt_tokens");
  });

  test("parallel tools may share the index 0", async () => {
    copilot.script("parallel-tools", { scenario: "parallel-tools", sharedIndex: true });
    const indexes = async () => {
      const calls = parsed(await askCopilot()).flatMap((event) => event.choices[0]?.delta.tool_calls ?? []);
      return [
        new Set(calls.map((call) => call.index)),
        calls.filter((call) => call.id).map((call) => call.function.name),
      ];
    };
    expect(await indexes()).toEqual([new Set([0, 1]), ["read", "write"]]);
    expect(await indexes()).toEqual([new Set([0]), ["read", "write"]]);
  });

  test("split-choices puts each tool call in a choice of its own", async () => {
    copilot.script("split-choices");
    const { choices } = JSON.parse((await askCopilot({}, false)).text);
    expect(choices).toHaveLength(3);
    expect(choices[0].message.content).toContain("ping");
    expect(choices[0].message).not.toHaveProperty("tool_calls");
    expect(choices[2].message.tool_calls[0].function.name).toBe("write");
  });
});

describe("named errors", () => {
  test.each(Object.keys(CLAUDE_ERRORS) as ClaudeError[])("claude %s", async (name) => {
    const { status, headers = {} } = CLAUDE_ERRORS[name](Date.now());
    claude.script(name);
    const answer = await askClaude();
    expect(answer.status).toBe(status);
    expect(answer.headers["retry-after"]).toBe(headers["retry-after"]);
    expect(claude.violations).toEqual([]);
  });

  test.each(Object.keys(CODEX_ERRORS) as CodexError[])("codex %s", async (name) => {
    codex.script(name);
    expect((await askCodex()).status).toBe(CODEX_ERRORS[name](Date.now()).status);
  });

  test.each(Object.keys(COPILOT_ERRORS) as CopilotError[])("copilot %s", async (name) => {
    copilot.script(name);
    expect((await askCopilot()).status).toBe(COPILOT_ERRORS[name]().status);
  });

  test("an error is played once, then all is well", async () => {
    codex.script("error:401");
    expect((await askCodex()).status).toBe(401);
    expect((await askCodex()).status).toBe(200);
  });
});

describe("delivery", () => {
  test("one byte at a time carries the same bytes", async () => {
    claude.script("emoji", { scenario: "emoji", chunk: 1 });
    const whole = await askClaude();
    const bytewise = await askClaude();
    const withoutIds = (text: string) => text.replace(/_fake\d+/g, "");
    expect(withoutIds(bytewise.text)).toBe(withoutIds(whole.text));
    expect(bytewise.chunks.length).toBeGreaterThan(whole.chunks.length * 5);
  });

  test.each([
    ["\n", /\n/, /\r/],
    ["\r\n", /\r\n/, /[^\r]\n/],
  ] as const)("newline %j", async (newline, has, hasNot) => {
    claude.script({ scenario: "text", newline });
    const { text } = await askClaude();
    expect(text).toMatch(has);
    expect(text).not.toMatch(hasNot);
  });

  test("mixed newlines hold both kinds", async () => {
    claude.script({ scenario: "text", newline: "mixed" });
    const { text } = await askClaude();
    expect(text).toMatch(/\r\n/);
    expect(text).toMatch(/[^\r]\n/);
    expect(messageOf(dataOf(text).map((data) => JSON.parse(data))).stop_reason).toBe("end_turn");
  });

  test("a cut breaks the connection after exactly so many bytes, or ends it cleanly", async () => {
    claude.script({ scenario: "text", cutAt: 100 }, { scenario: "text", cutAt: 100, cut: "end" });
    const broken = await askClaude();
    expect([broken.bytes.length, broken.broken]).toEqual([100, true]);
    const ended = await askClaude();
    expect([ended.bytes.length, ended.broken]).toEqual([100, false]);
    expect(claude.inference.map((request) => request.aborted)).toEqual([false, false]);
  });

  test("a cut after n events leaves n whole events", async () => {
    codex.script({ scenario: "text", cutAfterEvents: 4, cut: "end" });
    expect(parsed(await askCodex())).toHaveLength(4);
  });

  test("gzip is labelled or not", async () => {
    claude.script({ scenario: "text", gzip: "labelled" }, { scenario: "text", gzip: "unlabelled" });
    const labelled = await askClaude();
    expect(labelled.headers["content-encoding"]).toBe("gzip");
    const unlabelled = await askClaude();
    expect(unlabelled.headers).not.toHaveProperty("content-encoding");
    expect(gunzipSync(unlabelled.bytes).toString()).toContain("message_stop");
  });

  test("keepOpen leaves the socket open until the caller goes, which is recorded", async () => {
    codex.script({ scenario: "text", keepOpen: true });
    const abort = new AbortController();
    const { accessToken, accountId } = codex.issueTokens();
    const response = await fetch(`${codex.url}/backend-api/codex/responses`, {
      method: "POST",
      signal: abort.signal,
      headers: {
        authorization: `Bearer ${accessToken}`,
        "chatgpt-account-id": accountId,
        "content-type": "application/json",
        accept: "text/event-stream",
        "accept-encoding": "identity",
        "user-agent": "kleis/0.1.0",
      },
      body: JSON.stringify({
        model: "gpt-5.5",
        instructions: "x",
        input: [{ role: "user", content: "ping" }],
        store: false,
        stream: true,
      }),
    });
    expect(response.status).toBe(200);
    const reader = response.body!.getReader();
    let text = "";
    while (!text.includes("response.completed")) {
      const { done, value } = await reader.read();
      expect(done, text).toBe(false);
      text += new TextDecoder().decode(value);
    }
    const request = await codex.arrived(1);
    expect(request.aborted).toBe(false);
    abort.abort();
    await request.closed;
    expect(request.aborted).toBe(true);
  });

  test("a caller that goes amid a slow stream stops it", async () => {
    claude.script({ scenario: "long", delayMs: 20 });
    const abort = new AbortController();
    const response = fetch(`${claude.url}/v1/messages`, {
      method: "POST",
      signal: abort.signal,
      headers: {
        "x-api-key": claude.issueApiKey(),
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "accept-encoding": "identity",
      },
      body: JSON.stringify({
        model: "m",
        max_tokens: 1,
        stream: true,
        messages: [{ role: "user", content: "x" }],
      }),
    });
    const request = await claude.arrived(1);
    await (await response).body!.getReader().read();
    abort.abort();
    await request.closed;
    expect(request.aborted).toBe(true);
    expect(claude.violations).toEqual([]);
  });

  test("raw gives full control", async () => {
    claude.script({
      raw: (res, request) => {
        res.writeHead(200, { "x-seen": String(request.body.length) });
        res.end("raw");
      },
    });
    expect((await askClaude()).text).toBe("raw");
  });

  test("a plain reply is sent as it stands, and content types can be changed", async () => {
    claude.script(
      { status: 418, headers: { "x-a": "b" }, body: "teapot" },
      { scenario: "text", contentType: "text/plain" },
    );
    const plain = await askClaude();
    expect([plain.status, plain.headers["x-a"], plain.text]).toEqual([418, "b", "teapot"]);
    expect((await askClaude()).headers["content-type"]).toBe("text/plain");
  });

  test("a big event arrives whole", async () => {
    claude.script("big-event");
    expect((await askClaude()).bytes.length).toBeGreaterThan(1024 * 1024);
  });

  test("an unknown name is refused when it is queued", () => {
    expect(() => claude.script({ scenario: "no-such" as "text" })).toThrow("no scenario named no-such");
  });

  test("always plays the same until told otherwise", async () => {
    claude.always("error:500");
    expect([(await askClaude()).status, (await askClaude()).status]).toEqual([500, 500]);
    claude.always();
    expect((await askClaude()).status).toBe(200);
  });
});

describe("all together", () => {
  test("the environment names every address and no registry", () => {
    expect(Object.keys(fakes.env).sort()).toEqual([
      "CLAUDE_API_URL",
      "CLAUDE_AUTHORIZE_URL",
      "CLAUDE_CONSOLE_AUTHORIZE_URL",
      "CLAUDE_TOKEN_URL",
      "CODEX_API_URL",
      "CODEX_AUTH_URL",
      "COPILOT_API_URL",
      "GITHUB_API_URL",
      "GITHUB_URL",
      "MODELS_DEV_URL",
      "OPENAI_API_URL",
    ]);
    expect(fakes.env.CODEX_API_URL).toMatch(/\/backend-api$/);
  });

  test("credential files hold logins that are live and shared with nobody", () => {
    const { opencode, codex: cli, claude: code } = fakes.files();
    expect(claude.tokens.find(opencode.anthropic.access)?.state).toBe("live");
    expect(claude.tokens.find(code.claudeAiOauth.refreshToken)?.state).toBe("live");
    expect(codex.tokens.find(cli.tokens.refresh_token)?.state).toBe("live");
    expect(copilot.tokens.find(opencode["github-copilot"].access)?.state).toBe("live");
    expect(opencode.openai.refresh).not.toBe(cli.tokens.refresh_token);
  });

  test("closing ends streams that are still open", async () => {
    claude.script({ scenario: "text", silenceMs: 60_000 });
    const pending = askClaude();
    await claude.arrived(1);
    await fakes.close();
    await expect(
      pending.then(
        (answer) => answer.broken,
        () => true,
      ),
    ).resolves.toBe(true);
  });
});
