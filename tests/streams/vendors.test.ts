/** Whole streams and broken ones as the vendors' full clients and the AI SDK read them, through the whole app. */

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { jsonSchema, type LanguageModel, streamText, tool } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isObject, type JsonObject } from "../../src/json.ts";
import {
  chatEvents,
  completionOf,
  messageOf,
  messagesEvents,
  renderEvents,
  responseOf,
  responsesEvents,
  withFreshIds,
} from "../fakes/index.ts";
import { CHAT, MESSAGES, RESPONSES } from "../fakes/inference.ts";
import type { Dict } from "../fakes/inspect.ts";
import type { AccountName } from "../support/accounts.ts";
import { createTestApp, type TestApp } from "./support/test-app.ts";
import { bodyOf, eventStream, SCHEMA } from "./support/ways.ts";
import { concat, utf8 } from "./support/wire.ts";

let kleis: TestApp;
beforeAll(async () => {
  kleis = await createTestApp();
});
afterAll(() => kleis.close());

const through = (url: unknown, init?: RequestInit) =>
  Promise.resolve(kleis.app.fetch(url instanceof Request ? url : new Request(String(url), init)));

const anthropic = (as: AccountName) =>
  new Anthropic({ baseURL: "http://kleis.test", apiKey: kleis.key(as), fetch: through, maxRetries: 0 });
const openai = (as: AccountName) =>
  new OpenAI({ baseURL: "http://kleis.test/v1", apiKey: kleis.key(as), fetch: through, maxRetries: 0 });

function plays(blocks: readonly Uint8Array[], end: "end" | "reset" = "end"): void {
  kleis.serve(() => eventStream(bodyOf(blocks, end)));
}

const CLAUDE_TOOLS = ["lookup", "read"].map((name) => ({
  name,
  input_schema: { ...SCHEMA, type: "object" as const },
}));
const ASKED = {
  tools: ["mcp_lookup", "Read"].map((name) => ({ name, kind: "function" as const, schema: SCHEMA })),
};
const OWN_NAME: Record<string, string> = { mcp_lookup: "lookup", Read: "read" };

/** What the client is to see of a fake's answer: its own tool names. */
function withOwnNames(message: Dict): unknown[] {
  return (message.content as Dict[]).map((block) =>
    block.type === "tool_use" ? { ...block, name: OWN_NAME[String(block.name)] } : block,
  );
}

describe("Anthropic's SDK", () => {
  const message = {
    model: "claude-sonnet-4-6",
    max_tokens: 100,
    messages: [{ role: "user" as const, content: "Hi" }],
    tools: CLAUDE_TOOLS,
  };

  test.each([
    "text",
    "thinking-tool",
    "parallel-tools",
    "no-arg-tool",
    "server-tool",
    "refusal",
    "ping-storm",
    "emoji",
    "unknown-event",
  ] as const)("builds the whole message of %s, under the client's own tool names", async (scenario) => {
    const events = messagesEvents(scenario, ASKED);
    plays(
      renderEvents(
        events.map(({ type, ...rest }) => ({ event: String(type), data: JSON.stringify({ type, ...rest }) })),
      ),
    );
    const whole = messageOf(events);
    const got = await anthropic("claude").messages.stream(message).finalMessage();
    expect(got.content).toEqual(withOwnNames(whole));
    expect(got.stop_reason).toBe(whole.stop_reason);
    expect(got.usage).toMatchObject(whole.usage as object);
  });

  test("throws its APIError with the kind of the error, and keeps what came before, wherever the stream breaks", async () => {
    const blocks = MESSAGES.play("thinking-tool", { ...ASK, tools: ASKED.tools }, {}).events;
    const wire = renderEvents(blocks);
    for (let kept = 1; kept < wire.length; kept++) {
      plays(wire.slice(0, kept), kept % 2 === 0 ? "end" : "reset");
      const seen: unknown[] = [];
      const stream = anthropic("claude").messages.stream(message);
      stream.on("streamEvent", (event) => void seen.push(event.type));
      const error = await stream.finalMessage().then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error, `cut behind event ${kept}`).toBeInstanceOf(Anthropic.APIError);
      expect(error).toMatchObject({ type: "overloaded_error", status: undefined });
      expect(seen).toEqual(blocks.slice(0, kept).map(({ event }) => event));
    }
  });
});

describe("OpenAI's SDK", () => {
  test.each([
    "text",
    "reasoning-tool",
    "parallel-tools",
    "custom-tool",
    "refusal",
    "reasoning-encrypted",
    "data-only",
    "emoji",
  ] as const)("builds the whole response of %s, also where every event had other ids", async (scenario) => {
    for (const as of ["codex", "copilot"] as const) {
      const events = responsesEvents(scenario);
      const sent = as === "copilot" ? withFreshIds(events) : events;
      plays(renderEvents(sent.map((event) => ({ event: String(event.type), data: JSON.stringify(event) }))));
      const stream = openai(as).responses.stream({
        model: as === "copilot" ? "copilot/gpt-5.4" : "gpt-5.5",
        input: "Hi",
      });
      const got = await stream.finalResponse();
      const want = responseOf(events).output as Dict[];
      expect(got.output.map(essence)).toEqual(want.map(essence));
      expect(got.status).toBe("completed");
      const added = got.output.map((item) => item.id);
      expect(new Set(added).size).toBe(added.length);
    }
  });

  test.each([
    "text",
    "tools",
    "parallel-tools",
    "filter-first-chunk",
    "null-choices",
    "no-done",
    "usage",
    "emoji",
  ] as const)("builds the whole completion of %s", async (scenario) => {
    const events = chatEvents(scenario, { includeUsage: true });
    plays(
      renderEvents(
        events.map((event) => ({ data: typeof event === "string" ? event : JSON.stringify(event) })),
      ),
    );
    const runner = openai("copilot").chat.completions.stream({
      model: "copilot/gpt-4.1",
      messages: [{ role: "user", content: "Hi" }],
    });
    const got = await runner.finalChatCompletion();
    const want = completionOf(events).choices as Dict[];
    expect(got.choices).toHaveLength(1);
    expect(got.choices[0]?.message).toMatchObject(essenceOfChat(want[0]?.message as Dict));
    expect(got.choices[0]?.finish_reason).toBe(want[0]?.finish_reason);
  });

  test("throws its APIError and says what came before, wherever a stream breaks", async () => {
    const responses = renderEvents(RESPONSES.play("reasoning-tool", ASK, {}).events);
    for (let kept = 1; kept < responses.length; kept++) {
      plays(responses.slice(0, kept), kept % 2 === 0 ? "end" : "reset");
      const stream = await openai("codex").responses.create({ model: "gpt-5.5", input: "Hi", stream: true });
      await breaksAfter(stream, kept, `responses, cut behind event ${kept}`);
    }
    const chat = renderEvents(CHAT.play("tools", ASK, {}).events);
    for (let kept = 1; kept < chat.length - 2; kept++) {
      plays(chat.slice(0, kept), kept % 2 === 0 ? "end" : "reset");
      const stream = await openai("openaiKey").chat.completions.create({
        model: "gpt-5.5",
        messages: [{ role: "user", content: "Hi" }],
        stream: true,
      });
      await breaksAfter(stream, kept, `chat, cut behind event ${kept}`);
    }
  });

  async function breaksAfter(stream: AsyncIterable<unknown>, events: number, where: string) {
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const event of stream) seen.push(event);
    })();
    const error = await reading.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error, where).toBeInstanceOf(OpenAI.APIError);
    expect(error, where).not.toBeInstanceOf(OpenAI.APIConnectionError);
    expect(error).toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|upstream_stream_incomplete)$/) });
    expect(seen, where).toHaveLength(events);
  }
});

const ASK = { model: "m", stream: true, tools: [], text: "", includeUsage: true };

/** An output item without what differs from run to run. */
function essence(item: object): object {
  const { id: _id, parsed: _parsed, ...rest } = item as Record<string, unknown>;
  if ("parsed_arguments" in rest) delete rest.parsed_arguments;
  if (Array.isArray(rest.content)) {
    rest.content = rest.content.map((part: object) => {
      const { parsed: _, ...own } = part as Record<string, unknown>;
      return own;
    });
  }
  return rest;
}

function essenceOfChat(message: Dict): Dict {
  const { role, content, tool_calls } = message;
  return { role, content, ...(tool_calls === undefined ? {} : { tool_calls }) };
}

describe("the AI SDK", () => {
  const settings = (as: AccountName) => ({
    apiKey: kleis.key(as),
    baseURL: "http://kleis.test/v1",
    fetch: through,
  });
  const WAYS: [string, () => LanguageModel, { event?: string; data: string }[]][] = [
    [
      "anthropic",
      () => createAnthropic(settings("claude"))("claude-sonnet-4-6"),
      MESSAGES.play("thinking-tool", { ...ASK, tools: ASKED.tools }, {}).events,
    ],
    [
      "openai",
      () => createOpenAI(settings("codex"))("gpt-5.5"),
      RESPONSES.play("reasoning-tool", ASK, {}).events,
    ],
    ["openai on copilot", () => createOpenAI(settings("copilot"))("copilot/gpt-5.4"), copilotResponses()],
    [
      "openai-compatible",
      () => createOpenAICompatible({ name: "kleis", ...settings("copilot") })("copilot/gpt-4.1"),
      CHAT.play("tools", ASK, {}).events,
    ],
  ];

  function copilotResponses() {
    return withFreshIds(responsesEvents("parallel-tools")).map((event) => ({
      event: String(event.type),
      data: JSON.stringify(event),
    }));
  }

  async function ask(model: LanguageModel) {
    const result = streamText({
      model,
      prompt: "Hi",
      maxRetries: 0,
      onError: () => {},
      tools: Object.fromEntries(
        ["lookup", "lookup_2", "read"].map((name) => [
          name,
          tool({
            description: "A tool.",
            inputSchema: jsonSchema<JsonObject>({ ...SCHEMA, type: "object" }),
          }),
        ]),
      ),
    });
    const parts: { type: string; [key: string]: unknown }[] = [];
    for await (const part of result.fullStream) parts.push({ ...part });
    return parts;
  }

  test.each(WAYS)(
    "%s reads a whole answer with its tool calls and no error",
    async (_name, model, events) => {
      plays(renderEvents(events));
      const parts = await ask(model());
      expect(parts.filter(({ type }) => type === "error")).toEqual([]);
      const calls = parts.filter(({ type }) => type === "tool-call");
      expect(calls.length).toBeGreaterThan(0);
      for (const call of calls) {
        expect(call).not.toHaveProperty("invalid", true);
        expect(isObject(call.input) && Object.keys(call.input)).toEqual(["query"]);
      }
      expect(parts.at(-1)).toMatchObject({ type: "finish", finishReason: "tool-calls" });
    },
  );

  test.each(WAYS)(
    "%s reports exactly one error, wherever the stream breaks",
    async (_name, model, events) => {
      const wire = renderEvents(events);
      // From the finish reason on, an answer is whole for a provider that may leave out the formal end.
      const last = wire.findIndex((block) =>
        /"finish_reason":"|message_stop|response\.completed/.test(block.toString()),
      );
      for (let kept = 1; kept <= last; kept++) {
        plays(wire.slice(0, kept), kept % 2 === 0 ? "end" : "reset");
        const parts = await ask(model());
        const errors = parts.filter(({ type }) => type === "error");
        expect(errors, `cut behind event ${kept}`).toHaveLength(1);
        expect(JSON.stringify(errors[0]) + String(errors[0]?.error)).toContain("Connection lost");
        expect(
          parts.filter(({ type, finishReason }) => type === "finish" && finishReason !== "error"),
        ).toEqual([]);
      }
    },
  );
});

describe("an error in a form of the provider's own reaches Anthropic's and OpenAI's SDK, with its words", () => {
  const start =
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n';
  const message = { model: "claude-sonnet-4-6", max_tokens: 5, messages: [] };
  const ask: Record<string, () => Promise<AsyncIterable<unknown>>> = {
    messages: () => anthropic("claudeKey").messages.create({ ...message, stream: true }),
    chat: () =>
      openai("openaiKey").chat.completions.create({ model: "codex/gpt-5.5", messages: [], stream: true }),
    responses: () => openai("openaiKey").responses.create({ model: "gpt-5.5", input: "x", stream: true }),
  };

  test.each([
    [
      "messages",
      `${start}data: {"type":"error","error":{"type":"overloaded_error","message":"too busy"}}\n\n`,
    ],
    ["messages", `${start}data: {"error":{"message":"too busy"}}\n\n`],
    ["messages", `${start}event: error\ndata: {"error":{"message":"too busy"}}\n\n`],
    ["messages", `${start}event: error\ndata: too busy\n\n`],
    ["chat", 'event: error\ndata: {"message":"too busy"}\n\n'],
    ["chat", 'data: {"error":{"message":"too busy"}}\n\n'],
    ["responses", 'event: error\ndata: {"error":{"message":"too busy"}}\n\n'],
    ["responses", 'event: error\ndata: {"type":"error","message":"too busy"}\n\n'],
  ])("%s: %s", async (protocol, said) => {
    plays([utf8(said)]);
    const reading = (async () => {
      for await (const _ of (await ask[protocol]?.()) ?? []);
    })();
    await expect(reading).rejects.toThrow("too busy");
  });

  test("to a client that does not stream it is an HTTP error", async () => {
    plays([
      utf8('event: error\ndata: {"error":{"code":"context_length_exceeded","message":"too long"}}\n\n'),
    ]);
    const response = await kleis.post("/v1/responses", { model: "gpt-5.5", input: "x" }, { as: "codex" });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
  });
});

test("the tests above can fail: a stream that just ends raises no error in these SDKs", async () => {
  const bytes = concat(renderEvents(CHAT.play("tools", ASK, {}).events).slice(0, 2));
  const client = new OpenAI({
    baseURL: "http://kleis.test/v1",
    apiKey: "x",
    maxRetries: 0,
    fetch: async () => eventStream(bodyOf([bytes, utf8("")])),
  });
  const stream = await client.chat.completions.create({ model: "m", messages: [], stream: true });
  const seen: unknown[] = [];
  for await (const chunk of stream) seen.push(chunk);
  expect(seen).toHaveLength(2);
});
