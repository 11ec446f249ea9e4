/** Chat streams to the model's events and back. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JsonObject, parseJson } from "../../../src/json.ts";
import { accountTag, readCarrier } from "../../../src/protocols/translate/carriers/carrier.ts";
import { CHAT } from "../../../src/protocols/translate/chat/index.ts";
import { Budget, type ResponseContext } from "../../../src/protocols/translate/codec.ts";
import type { ResponseEvent } from "../../../src/protocols/translate/model.ts";
import { CHAT_SCENARIOS, type ChatEvent, chatEvents, completionOf } from "../../fakes/scenarios/chat.ts";

const encoder = new TextEncoder();

/** Scenarios of one choice that end well. */
const WHOLE = CHAT_SCENARIOS().filter((name) => name !== "error-mid" && name !== "split-choices");

function decode(events: readonly ChatEvent[]): ResponseEvent[] {
  const decoder = CHAT.decodeEvents({ budget: new Budget() });
  const out: ResponseEvent[] = [];
  for (const event of events) {
    const data = event === "[DONE]" ? event : JSON.stringify(event);
    decoder.read(encoder.encode(`data: ${data}\n\n`), (each) => out.push(each));
  }
  decoder.end((each) => out.push(each));
  return out;
}

function context(includeUsage = true): ResponseContext {
  return {
    id: "r1",
    createdAt: 1_790_000_000,
    model: "claude-sonnet-5",
    requestId: "req_1",
    body: {},
    includeUsage,
    owner: { provider: "claude", tag: accountTag("acc"), scope: "sonnet" },
    budget: new Budget(),
  };
}

function encode(events: readonly ResponseEvent[], includeUsage = true): ChatEvent[] {
  const writer = CHAT.encodeEvents(context(includeUsage));
  const text = events.map((event) => writer.write(event) ?? "").join("");
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) =>
    data === "[DONE]" ? data : (parseJson(data) as JsonObject),
  );
}

function ends(events: readonly ResponseEvent[]): ResponseEvent[] {
  return events.filter(({ type }) => type === "stop" || type === "fail");
}

function joined(events: readonly ResponseEvent[]): ResponseEvent[] {
  const out: ResponseEvent[] = [];
  for (const event of events) {
    const last = out.at(-1);
    if (event.type === "delta" && last?.type === "delta" && last.key === event.key)
      out[out.length - 1] = { ...last, text: last.text + event.text };
    else if (event.type !== "ping") out.push(event);
  }
  return out;
}

const ask = { includeUsage: true };
const SMALL = { events: 40, bytes: 4_096 };
const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
});

describe("reading", () => {
  test.each(WHOLE)("%s: one start, blocks that open and close once, usage and one stop", (name) => {
    const events = decode(chatEvents(name, ask, SMALL));
    expect(events[0]).toEqual({ type: "start" });
    expect(events.slice(-2).map(({ type }) => type)).toEqual(["usage", "stop"]);
    const keys = (type: string) =>
      events.flatMap((event) => (event.type === type && "key" in event ? [event.key] : []));
    expect(keys("open")).toEqual(keys("open").map((_, at) => at));
    expect(keys("close").toSorted()).toEqual(keys("open"));
  });

  test.each(WHOLE)("%s, cut before its reason, never looks whole", (name) => {
    const events = chatEvents(name, ask, SMALL);
    const reason = events.findIndex((event) => JSON.stringify(event).match(/"finish_reason":"/));
    for (let at = 0; at < reason; at++)
      expect(ends(decode(events.slice(0, at)))).toMatchObject([{ type: "fail" }]);
  });

  test.each(WHOLE)("%s: the completion in one piece gives the same events", (name) => {
    const events = chatEvents(name, ask, SMALL);
    const out: ResponseEvent[] = [];
    CHAT.decodeResponse(completionOf(events) as JsonObject, { budget: new Budget() }, (event) =>
      out.push(event),
    );
    const kinds = (list: ResponseEvent[]) =>
      joined(list).flatMap((event) =>
        event.type === "delta" ? [event.text] : event.type === "stop" ? [event.reason] : [],
      );
    expect(kinds(out).toSorted()).toEqual(kinds(decode(events)).toSorted());
  });

  test("parallel calls that share an index are told apart by their ids", () => {
    const events = decode(chatEvents("parallel-tools", ask, { sharedIndex: true }));
    const opened = events.flatMap((event) =>
      event.type === "open" && event.block.kind === "tool" ? [event.block.id] : [],
    );
    expect(new Set(opened).size).toBe(2);
  });

  test("a call begins when its name is known, with what came before", () => {
    const part = (more: JsonObject) => chunk({ tool_calls: [{ index: 0, ...more }] });
    const events = decode([
      part({ id: "c", function: { arguments: '{"a"' } }),
      part({ function: { name: "f", arguments: ":1}" } }),
      chunk({}, "tool_calls"),
    ]);
    expect(joined(events)).toMatchObject([
      { type: "start" },
      { type: "open", block: { kind: "tool", id: "c", name: "f" } },
      { type: "delta", text: '{"a":1}' },
      { type: "close" },
      { type: "usage" },
      { type: "stop", reason: "tool" },
    ]);
  });

  test("thoughts go back with their opaque form, which may come after the text has begun", () => {
    const events = decode([
      chunk({ reasoning_text: "Hm." }),
      chunk({ content: "So" }),
      chunk({ reasoning_opaque: "b3Bh" }),
      chunk({}, "stop"),
    ]);
    expect(events).toContainEqual({
      type: "opaque",
      key: 2,
      payload: { from: "chat", opaque: "b3Bh", text: "Hm." },
    });
    expect(events).toContainEqual({ type: "open", key: 2, block: { kind: "redacted" } });
  });

  test("arguments of nothing but blanks fail, and so does a reason that says error", () => {
    const call = {
      tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: " ".repeat(2_100) } }],
    };
    expect(ends(decode([chunk(call), chunk({}, "tool_calls")]))).toMatchObject([{ type: "fail" }]);
    expect(ends(decode([chunk({ content: "x" }), chunk({}, "error")]))).toMatchObject([{ type: "fail" }]);
    expect(ends(decode(chatEvents("error-mid", ask)))).toMatchObject([
      { type: "fail", failure: { retryable: true } },
    ]);
  });

  test("a call that the limit of tokens cut is closed as cut", () => {
    const call = { tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: '{"a' } }] };
    expect(decode([chunk(call), chunk({}, "length")])).toContainEqual({ type: "close", key: 0, cut: true });
  });

  test("nonsense of a provider never throws, and ends once", () => {
    const delta = fc.record({
      content: fc.jsonValue(),
      tool_calls: fc.jsonValue(),
      reasoning_text: fc.jsonValue(),
    });
    const value = fc.oneof(
      fc.jsonValue(),
      delta.map((each) => ({ choices: [{ index: 0, delta: each, finish_reason: null }] })),
    );
    fc.assert(
      fc.property(fc.array(value), (values) => {
        expect(ends(decode(values as ChatEvent[]))).toHaveLength(1);
      }),
    );
  });
});

describe("writing", () => {
  test.each(WHOLE)("%s: what is written reads as it was, and ends with its marker", (name) => {
    const events = decode(chatEvents(name, ask, SMALL));
    const written = encode(events);
    expect(written.at(-1)).toBe("[DONE]");
    const sealed = (list: ResponseEvent[]) =>
      joined(list).flatMap((event) =>
        event.type === "delta" || event.type === "usage" || event.type === "stop" ? [event] : [],
      );
    const plain = (list: ResponseEvent[]) => sealed(list).map((event) => ({ ...event, key: 0 }));
    expect(plain(decode(written))).toEqual(plain(events));
  });

  test.each(WHOLE)("%s: the completion in one piece says what the stream says", (name) => {
    const events = decode(chatEvents(name, ask, SMALL));
    const fold = CHAT.foldEvents(context());
    for (const event of events) fold.write(event);
    const folded = fold.result();
    const streamed = completionOf(encode(events)) as JsonObject;
    const [choice] = (folded.ok ? folded.value.choices : []) as JsonObject[];
    const [other] = streamed.choices as JsonObject[];
    const words = ({ message }: JsonObject) => {
      const { content, tool_calls: calls } = message as JsonObject;
      return { content: content ?? "", calls: calls ?? [] };
    };
    const withoutIndex = (value: unknown) => JSON.stringify(value).replace(/"index":\d+,/g, "");
    expect(withoutIndex(words(choice ?? {}))).toBe(withoutIndex({ ...words(other ?? {}) }));
    expect(choice?.finish_reason).toBe(other?.finish_reason);
    const shown = [...JSON.stringify(encode(events)).matchAll(/"reasoning_content":"([^"]*)"/g)].map(
      ([, words]) => words,
    );
    expect((choice as { message: JsonObject }).message.reasoning_content ?? "").toBe(shown.join(""));
  });

  test("usage is shown to a client that asked for it alone", () => {
    const events = decode(chatEvents("text", ask));
    expect(JSON.stringify(encode(events, false))).not.toContain("usage");
    expect(encode(events).at(-2)).toMatchObject({ choices: [], usage: { prompt_tokens: 20 } });
  });

  test("thoughts carry what the provider needs back", () => {
    const written = encode([
      { type: "start" },
      { type: "open", key: 0, block: { kind: "thinking" } },
      { type: "delta", key: 0, text: "Hm." },
      { type: "opaque", key: 0, payload: { from: "messages", signature: "sig", text: "Hm." } },
      { type: "close", key: 0 },
      { type: "stop", reason: "end" },
    ]);
    const data = /"reasoning_details":\[\{"type":"reasoning.encrypted","data":"([^"]+)"/.exec(
      JSON.stringify(written),
    )?.[1];
    expect(readCarrier(data)?.payload).toEqual({ from: "messages", signature: "sig", text: "Hm." });
  });

  test("a failure is one error, and nothing follows", () => {
    const failure = { code: "server_error", message: "no", retryable: true, status: 500 };
    const written = encode([{ type: "start" }, { type: "fail", failure }, { type: "stop", reason: "end" }]);
    expect(written).toMatchObject([{ error: { type: "server_error" } }]);
  });
});
