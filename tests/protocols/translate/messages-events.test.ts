/** Responses in Messages: streams and whole ones, read from Anthropic and written for its clients. */
import { Stream } from "@anthropic-ai/sdk/core/streaming";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isObject, type Json, type JsonObject } from "../../../src/json.ts";
import { readCarrier, writeCarrier } from "../../../src/protocols/translate/carriers/carrier.ts";
import { Budget } from "../../../src/protocols/translate/codec.ts";
import { MESSAGES } from "../../../src/protocols/translate/messages/index.ts";
import type { ResponseEvent, StopReason } from "../../../src/protocols/translate/model.ts";
import { blocksOf, contractFaults, responses } from "./support/events.ts";
import { collectMessage, messagesEvents, messagesStreamFaults } from "./support/messages-stream.ts";
import {
  deliver,
  deliveries,
  OWNER,
  readStream,
  readText,
  responseContext,
  splitStream,
  writeStream,
} from "./support/streams.ts";

const failure = { code: "server_error", message: "it broke", retryable: true, status: 500 };

function fold(events: readonly ResponseEvent[]) {
  const folding = MESSAGES.foldEvents(responseContext());
  for (const event of events) folding.write(event);
  return folding.result();
}

function sse(...events: JsonObject[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
}

describe("for clients", () => {
  test("every stream keeps the order, the indexes and one end", () => {
    fc.assert(
      fc.property(responses, (events) => {
        expect(contractFaults(events)).toEqual([]);
        expect(messagesStreamFaults(writeStream(MESSAGES, events))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("a stream that fails anywhere ends with one error, and a first failure stands alone", () => {
    fc.assert(
      fc.property(responses, fc.nat(60), (events, cut) => {
        const before = events.slice(0, cut % events.length);
        const text = writeStream(MESSAGES, [...before, { type: "fail", failure }, ...events.slice(-2)]);
        const whole = messagesEvents(text);
        expect(whole.filter(({ type }) => type === "error")).toHaveLength(1);
        expect(whole.at(-1)?.type).toBe("error");
        expect(whole.some(({ type }) => type === "message_stop")).toBe(false);
        if (!before.some(({ type }) => type === "delta" || type === "close")) expect(whole).toHaveLength(1);
      }),
    );
  });

  test("the response in one piece is what a client makes of the stream", () => {
    fc.assert(
      fc.property(responses, (events) => {
        const folded = fold(events);
        const collected = collectMessage(writeStream(MESSAGES, events));
        expect(folded).toEqual({ ok: true, value: JSON.parse(JSON.stringify(collected)) });
      }),
      { numRuns: 300 },
    );
  });

  test("Anthropic's SDK reads the stream", async () => {
    const events = fc.sample(responses, 20);
    for (const each of events) {
      const text = writeStream(MESSAGES, each);
      const types: string[] = [];
      const stream = Stream.fromSSEResponse<{ type: string }>(new Response(text), new AbortController());
      for await (const event of stream) types.push(event.type);
      expect(types).toEqual(
        messagesEvents(text)
          .map(({ type }) => type)
          .filter((type) => type !== "ping"),
      );
    }
  });

  test("a text, thinking and a call in the very words of the protocol", () => {
    const text = writeStream(MESSAGES, [
      { type: "start" },
      { type: "open", key: 0, block: { kind: "thinking" } },
      { type: "delta", key: 0, text: "hm" },
      { type: "opaque", key: 0, payload: { from: "responses", encrypted: "gAAAA", summary: ["One"] } },
      { type: "close", key: 0 },
      { type: "open", key: 1, block: { kind: "tool", id: "call_1", call: "function", name: "f" } },
      { type: "delta", key: 1, text: "{}" },
      { type: "close", key: 1 },
      {
        type: "usage",
        usage: { input: 10, cacheRead: 4, cacheWrite: 1, output: 3, reasoning: 2, searches: 0 },
      },
      { type: "stop", reason: "tool" },
    ]);
    const signature = writeCarrier(OWNER, { from: "responses", encrypted: "gAAAA", summary: ["One"] });
    const usage = {
      cache_creation_input_tokens: 1,
      cache_read_input_tokens: 4,
      output_tokens: 3,
      output_tokens_details: { thinking_tokens: 2 },
    };
    expect(messagesEvents(text)).toMatchObject([
      {
        type: "message_start",
        message: {
          id: "msg_abc123",
          role: "assistant",
          model: "asked-model",
          content: [],
          stop_reason: null,
        },
      },
      {
        type: "content_block_start",
        index: 0,
        content_block: { type: "thinking", thinking: "", signature: "" },
      },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
      { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature } },
      { type: "content_block_stop", index: 0 },
      {
        type: "content_block_start",
        index: 1,
        content_block: { type: "tool_use", id: "call_1", name: "f", input: {} },
      },
      { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: "{}" } },
      { type: "content_block_stop", index: 1 },
      {
        type: "message_delta",
        delta: { stop_reason: "tool_use", stop_sequence: null },
        usage: { input_tokens: 5, ...usage },
      },
      { type: "message_stop" },
    ]);
  });

  test("parallel calls come one after the other", () => {
    const open = (key: number): ResponseEvent => ({
      type: "open",
      key,
      block: { kind: "tool", id: `c${key}`, call: "function", name: "f" },
    });
    const text = writeStream(MESSAGES, [
      { type: "start" },
      open(0),
      open(1),
      { type: "delta", key: 1, text: '{"b":1}' },
      { type: "delta", key: 0, text: '{"a":1}' },
      { type: "close", key: 1 },
      { type: "close", key: 0 },
      { type: "stop", reason: "tool" },
    ]);
    expect(messagesStreamFaults(text)).toEqual([]);
    expect(collectMessage(text).content).toMatchObject([
      { id: "c0", input: { a: 1 } },
      { id: "c1", input: { b: 1 } },
    ]);
  });

  test.each<[StopReason, boolean, string]>([
    ["end", false, "end_turn"],
    ["end", true, "tool_use"],
    ["tool", true, "tool_use"],
    ["tool", false, "end_turn"],
    ["sequence", false, "stop_sequence"],
    ["length", true, "max_tokens"],
    ["context", true, "model_context_window_exceeded"],
    ["pause", false, "pause_turn"],
    ["refusal", true, "refusal"],
  ])("a response that ends with %s, a call in it: %s, ends with %s", (reason, hasCall, expected) => {
    const call: ResponseEvent[] = [
      { type: "open", key: 0, block: { kind: "tool", id: "c", call: "function", name: "f" } },
      { type: "close", key: 0 },
    ];
    const events: ResponseEvent[] = [{ type: "start" }, ...(hasCall ? call : []), { type: "stop", reason }];
    expect(messagesEvents(writeStream(MESSAGES, events)).at(-2)).toMatchObject({
      delta: { stop_reason: expected },
    });
    expect(fold(events)).toMatchObject({ ok: true, value: { stop_reason: expected } });
  });

  test("a call that was cut does not count as one", () => {
    const events: ResponseEvent[] = [
      { type: "start" },
      { type: "open", key: 0, block: { kind: "tool", id: "c", call: "function", name: "f" } },
      { type: "close", key: 0, cut: true },
      { type: "stop", reason: "end" },
    ];
    expect(messagesEvents(writeStream(MESSAGES, events)).at(-2)).toMatchObject({
      delta: { stop_reason: "end_turn" },
    });
  });

  test("a search is two blocks and a count", () => {
    const events: ResponseEvent[] = [
      { type: "start" },
      { type: "open", key: 0, block: { kind: "search", id: "ws_1" } },
      { type: "found", key: 0, queries: ["q"], results: [{ url: "https://a", title: "A" }] },
      { type: "close", key: 0 },
      {
        type: "usage",
        usage: { input: 1, cacheRead: 0, cacheWrite: 0, output: 1, reasoning: 0, searches: 1 },
      },
      { type: "stop", reason: "end" },
    ];
    expect(collectMessage(writeStream(MESSAGES, events))).toMatchObject({
      content: [
        { type: "server_tool_use", id: "srvtoolu_ws_1", name: "web_search", input: { query: "q" } },
        {
          type: "web_search_tool_result",
          tool_use_id: "srvtoolu_ws_1",
          content: [{ type: "web_search_result", url: "https://a", title: "A" }],
        },
      ],
      usage: { server_tool_use: { web_search_requests: 1 } },
    });
  });

  test("a conversation that is too long says so in the words on which Claude Code compacts", () => {
    const overflow = {
      code: "context_length_exceeded",
      message: "Your input exceeds the context window.",
      retryable: false,
      status: 400,
    };
    const events = messagesEvents(writeStream(MESSAGES, [{ type: "fail", failure: overflow }]));
    expect(events.at(-1)).toMatchObject({
      error: {
        type: "invalid_request_error",
        message: "prompt is too long: Your input exceeds the context window.",
      },
    });
    expect(fold([{ type: "fail", failure: overflow }])).toMatchObject({
      ok: false,
      failure: { message: expect.stringMatching(/^prompt is too long:/) },
    });
  });

  test("keep-alives are comments before the message and pings in it", () => {
    const encoder = MESSAGES.encodeEvents(responseContext());
    expect(encoder.keepAlive()).toBe(": keep-alive\n\n");
    expect(encoder.write({ type: "ping" })).toBeNull();
    encoder.write({ type: "open", key: 0, block: { kind: "text" } });
    encoder.write({ type: "delta", key: 0, text: "a" });
    const ping = 'event: ping\ndata: {"type":"ping"}\n\n';
    expect([encoder.keepAlive(), encoder.write({ type: "ping" })]).toEqual([ping, ping]);
  });

  test("what waits for its turn is bounded", () => {
    const open = (key: number): ResponseEvent => ({ type: "open", key, block: { kind: "text" } });
    const events: ResponseEvent[] = [
      { type: "start" },
      open(0),
      open(1),
      { type: "delta", key: 1, text: "12345" },
    ];
    const text = writeStream(MESSAGES, events, { budget: new Budget(4) });
    expect(messagesEvents(text)).toMatchObject([{ type: "error" }]);
  });

  test("a whole response without an end, or too large, is a failure", () => {
    expect(fold([{ type: "start" }])).toMatchObject({
      ok: false,
      failure: { code: "upstream_stream_incomplete" },
    });
    const folding = MESSAGES.foldEvents(responseContext({ budget: new Budget(2) }));
    folding.write({ type: "open", key: 0, block: { kind: "text" } });
    folding.write({ type: "delta", key: 0, text: "123" });
    expect(folding.result()).toMatchObject({ ok: false });
  });
});

const start = {
  type: "message_start",
  message: { id: "m", usage: { input_tokens: 5, cache_read_input_tokens: 7, output_tokens: 1 } },
};
const stop = (stop_reason: string | null, usage: JsonObject = { output_tokens: 9 }) => ({
  type: "message_delta",
  delta: { stop_reason, stop_sequence: null },
  usage,
});
const end = { type: "message_stop" };
const open = (index: number, content_block: JsonObject) => ({
  type: "content_block_start",
  index,
  content_block,
});
const delta = (index: number, of: JsonObject) => ({ type: "content_block_delta", index, delta: of });
const close = (index: number) => ({ type: "content_block_stop", index });

describe("from Anthropic", () => {
  test("what Kleis writes is read as it was, reasoning in a carrier", () => {
    fc.assert(
      fc.property(responses, (events) => {
        const read = readText(MESSAGES, writeStream(MESSAGES, events));
        expect(contractFaults(read)).toEqual([]);
        const expected = blocksOf(events).flatMap(({ block, text, payload, queries, results }) => {
          // Nothing was said and nothing has to come back.
          if (block.kind !== "search" && block.kind !== "tool" && text === "" && payload === undefined)
            return [];
          if (block.kind === "search") return [{ kind: "search", text, queries, results }];
          if (block.kind === "tool") return [{ kind: "tool", id: block.id, name: block.name, text }];
          if (block.kind === "text" || block.kind === "refusal") return [{ kind: "text", text }];
          return [{ kind: "thinking", text, payload }];
        });
        const seen = blocksOf(read).map(({ block, text, payload, queries, results }) => {
          if (block.kind === "search") return { kind: "search", text, queries, results };
          if (block.kind === "tool") return { kind: "tool", id: block.id, name: block.name, text };
          if (block.kind === "text") return { kind: "text", text };
          const signature =
            payload?.from === "messages" && "signature" in payload ? payload.signature : undefined;
          return { kind: block.kind, text, payload: readCarrier(signature)?.payload };
        });
        expect(seen).toEqual(expected);
        const usage = events.find(({ type }) => type === "usage");
        expect(read.at(-2)).toEqual(usage);
      }),
      { numRuns: 200 },
    );
  });

  test("any chunks and line ends are read alike", () => {
    fc.assert(
      fc.property(responses, deliveries, (events, delivery) => {
        const text = writeStream(MESSAGES, events);
        expect(readStream(MESSAGES, deliver(text, delivery))).toEqual(readText(MESSAGES, text));
      }),
    );
  });

  test("the response in one piece is read as its stream", () => {
    fc.assert(
      fc.property(responses, (events) => {
        const stream = readText(MESSAGES, writeStream(MESSAGES, events)).filter(
          ({ type }) => type !== "ping",
        );
        const folded = fold(events);
        const whole: ResponseEvent[] = [];
        if (folded.ok)
          MESSAGES.decodeResponse(folded.value, { budget: new Budget() }, (event) => whole.push(event));
        expect(contractFaults(whole)).toEqual([]);
        const parsed = (of: ResponseEvent[]) =>
          blocksOf(of).map((each) =>
            each.block.kind === "tool" ? { ...each, text: JSON.parse(each.text) as Json } : each,
          );
        expect(parsed(whole)).toEqual(parsed(stream));
        expect(whole.slice(-2)).toEqual(stream.slice(-2));
      }),
    );
  });

  test("a stream that is cut at any event is a failure", () => {
    fc.assert(
      fc.property(responses, (events) => {
        const whole = splitStream(writeStream(MESSAGES, events));
        for (let cut = 0; cut < whole.length; cut++) {
          const read = readText(MESSAGES, whole.slice(0, cut).join(""));
          expect(contractFaults(read)).toEqual([]);
          expect(read.at(-1)).toMatchObject({ type: "fail", failure: { retryable: true } });
        }
      }),
      { numRuns: 40 },
    );
  });

  test("events in any order keep the contract", () => {
    const index = fc.nat(2);
    const anyEvent = fc.oneof(
      fc.constantFrom<JsonObject>(start, stop("end_turn"), stop(null), { type: "ping" }, { type: "x" }, {}),
      fc
        .tuple(
          index,
          fc.constantFrom<JsonObject>(
            { type: "text", text: "a" },
            { type: "thinking", thinking: "", signature: "s" },
            { type: "redacted_thinking", data: "d" },
            { type: "tool_use", id: "i", name: "n", input: { a: 1 } },
            { type: "server_tool_use", id: "s", name: "web_search", input: {} },
            { type: "web_search_tool_result", tool_use_id: "s", content: [] },
            { type: "x" },
            {},
          ),
        )
        .map(([at, block]) => open(at, block)),
      fc
        .tuple(
          index,
          fc.constantFrom<JsonObject>(
            { type: "text_delta", text: "b" },
            { type: "input_json_delta", partial_json: "{" },
            { type: "signature_delta", signature: "t" },
            { type: "thinking_delta", thinking: "c" },
            { type: "citations_delta", citation: { url: "u" } },
            {},
          ),
        )
        .map(([at, of]) => delta(at, of)),
      index.map(close),
    );
    const terminal = fc.constantFrom<JsonObject | undefined>(
      end,
      { type: "error", error: { type: "api_error", message: "m" } },
      undefined,
    );
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), terminal, (events, last) => {
        const read = readText(MESSAGES, sse(...events, ...(last === undefined ? [] : [last]), ...events));
        expect(contractFaults(read)).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  test("usage counts up, the last stop reason holds, and input may come whole", () => {
    const read = readText(
      MESSAGES,
      sse(
        start,
        open(0, { type: "tool_use", id: "i", name: "n", input: { a: 1 } }),
        close(0),
        open(1, { type: "tool_use", id: "j", name: "n", input: { b: 1 } }),
        delta(1, { type: "input_json_delta", partial_json: "" }),
        delta(1, { type: "input_json_delta", partial_json: '{"b":2}' }),
        close(1),
        stop("end_turn"),
        stop("tool_use", { output_tokens: 20, output_tokens_details: { thinking_tokens: 4 } }),
        end,
      ),
    );
    expect(blocksOf(read).map(({ text }) => text)).toEqual(['{"a":1}', '{"b":2}']);
    expect(read.slice(-2)).toEqual([
      {
        type: "usage",
        usage: { input: 12, cacheRead: 7, cacheWrite: 0, output: 20, reasoning: 4, searches: 0 },
      },
      { type: "stop", reason: "tool", sequence: undefined },
    ]);
  });

  test("thinking is carried with its whole text, redacted thinking as it is", () => {
    const read = readText(
      MESSAGES,
      sse(
        start,
        open(0, { type: "thinking", thinking: "", signature: "" }),
        delta(0, { type: "thinking_delta", thinking: "a" }),
        delta(0, { type: "thinking_delta", thinking: "b" }),
        delta(0, { type: "signature_delta", signature: "Eq" }),
        close(0),
        open(1, { type: "redacted_thinking", data: "xyz" }),
        close(1),
        stop("end_turn"),
        end,
      ),
    );
    expect(blocksOf(read).map(({ payload }) => payload)).toEqual([
      { from: "messages", signature: "Eq", text: "ab" },
      { from: "messages", redacted: "xyz" },
    ]);
  });

  test("a search and its citations", () => {
    const read = readText(
      MESSAGES,
      sse(
        start,
        open(0, { type: "server_tool_use", id: "s", name: "web_search", input: {} }),
        delta(0, { type: "input_json_delta", partial_json: '{"query":' }),
        delta(0, { type: "input_json_delta", partial_json: '"q"}' }),
        close(0),
        open(1, {
          type: "web_search_tool_result",
          tool_use_id: "s",
          content: [{ type: "web_search_result", url: "https://a", title: "A" }],
        }),
        close(1),
        open(2, { type: "text", text: "" }),
        delta(2, { type: "text_delta", text: "x" }),
        delta(2, {
          type: "citations_delta",
          citation: { type: "web_search_result_location", url: "https://a", title: "A" },
        }),
        close(2),
        stop("end_turn", { output_tokens: 1, server_tool_use: { web_search_requests: 1 } }),
        end,
      ),
    );
    expect(read.slice(1, -2)).toEqual([
      { type: "open", key: 0, block: { kind: "search", id: "s" } },
      { type: "found", key: 0, queries: ["q"], results: [{ url: "https://a", title: "A" }] },
      { type: "close", key: 0 },
      { type: "open", key: 1, block: { kind: "text" } },
      { type: "delta", key: 1, text: "x" },
      { type: "cite", key: 1, citation: { url: "https://a", title: "A" } },
      { type: "close", key: 1 },
    ]);
    expect(read.at(-2)).toMatchObject({ usage: { searches: 1 } });
  });

  test.each<[string, string, object]>([
    [
      "overload",
      sse(start, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }),
      { message: "Overloaded", status: 529, retryable: true },
    ],
    [
      "an error named so alone",
      'event: error\ndata: {"error":{"message":"m"}}\n\n',
      { message: "m", retryable: true },
    ],
    ["no stop reason", sse(start, end), { code: "upstream_stream_incomplete" }],
    [
      "a full window",
      sse({
        type: "error",
        error: { type: "invalid_request_error", message: "prompt is too long: 9 tokens > 8 maximum" },
      }),
      { code: "context_length_exceeded", retryable: false, status: 400 },
    ],
  ])("%s fails the response", (_, text, expected) => {
    const read = readText(MESSAGES, text);
    expect(read.at(-1)).toMatchObject({ type: "fail", failure: expected });
    expect(contractFaults(read)).toEqual([]);
  });

  test("a body that is an error, or no message, fails the response", () => {
    const of = (body: JsonObject) => {
      const events: ResponseEvent[] = [];
      MESSAGES.decodeResponse(body, { budget: new Budget() }, (event) => events.push(event));
      return events;
    };
    expect(of({ type: "error", error: { type: "rate_limit_error", message: "m" } })).toMatchObject([
      { type: "fail", failure: { status: 429, message: "m" } },
    ]);
    expect(of({})).toMatchObject([{ type: "fail", failure: { status: 502 } }]);
    expect(of({ content: [], stop_reason: null }).at(-1)).toMatchObject({ type: "fail" });
  });

  test("thinking beyond the budget fails the stream", () => {
    const text = sse(
      start,
      open(0, { type: "thinking", thinking: "", signature: "" }),
      delta(0, { type: "thinking_delta", thinking: "12345" }),
      stop("end_turn"),
      end,
    );
    const read = readStream(MESSAGES, [new TextEncoder().encode(text)], new Budget(4));
    expect(read.at(-1)).toMatchObject({ type: "fail" });
    expect(contractFaults(read)).toEqual([]);
  });

  test("data that is not an object is left out", () => {
    expect(
      isObject(
        readText(MESSAGES, `data: 3\n\ndata: x\n\n: c\n\n${sse(start, stop("end_turn"), end)}`).at(-1),
      ),
    ).toBe(true);
  });
});
