/** Responses streams to the model's events and back. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/json.ts";
import { parseJson } from "../../../src/json.ts";
import { accountTag, readCarrier } from "../../../src/protocols/translate/carriers/carrier.ts";
import { Budget, type ResponseContext } from "../../../src/protocols/translate/codec.ts";
import type { ResponseEvent } from "../../../src/protocols/translate/model.ts";
import { RESPONSES } from "../../../src/protocols/translate/responses/index.ts";
import {
  RESPONSES_SCENARIOS,
  type ResponsesScenario,
  responsesEvents,
} from "../../fakes/scenarios/responses.ts";

const encoder = new TextEncoder();

/** Scenarios that end well. */
const WHOLE = RESPONSES_SCENARIOS().filter((name) => !/^(failed|error)/.test(name));

function scenario(name: ResponsesScenario): JsonObject[] {
  return responsesEvents(name, {}, { events: 40, bytes: 4_096 }) as JsonObject[];
}

function frame(event: JsonObject): Uint8Array {
  return encoder.encode(`event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`);
}

function decode(events: readonly JsonObject[], end = true): ResponseEvent[] {
  const decoder = RESPONSES.decodeEvents({ budget: new Budget() });
  const out: ResponseEvent[] = [];
  for (const event of events) decoder.read(frame(event), (each) => out.push(each));
  if (end) decoder.end((each) => out.push(each));
  return out;
}

function context(body: JsonObject = { tools: [] }): ResponseContext {
  return {
    id: "r1",
    createdAt: 1_790_000_000,
    model: "claude-sonnet-5",
    requestId: "req_1",
    body,
    includeUsage: true,
    owner: { provider: "claude", tag: accountTag("acc"), scope: "sonnet" },
    budget: new Budget(),
  };
}

function encode(events: readonly ResponseEvent[], body?: JsonObject): JsonObject[] {
  const writer = RESPONSES.encodeEvents(context(body));
  return events.map((event) => writer.write(event) ?? "").flatMap(dataOf);
}

function dataOf(source: string): JsonObject[] {
  return [...source.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => parseJson(data) as JsonObject);
}

/** Pings say nothing of the response. */
function spoken(events: readonly ResponseEvent[]): ResponseEvent[] {
  return events.filter(({ type }) => type !== "ping");
}

/** The events with runs of deltas of one block joined: how a text was cut into pieces has no meaning. */
function joined(events: readonly ResponseEvent[]): ResponseEvent[] {
  const out: ResponseEvent[] = [];
  for (const event of spoken(events)) {
    const last = out.at(-1);
    if (event.type === "delta" && last?.type === "delta" && last.key === event.key)
      out[out.length - 1] = { ...last, text: last.text + event.text };
    else out.push(event);
  }
  return out;
}

describe("reading", () => {
  test.each(WHOLE)("%s: one start, blocks that open and close once, usage and one stop", (name) => {
    const events = spoken(decode(scenario(name)));
    expect(events[0]).toEqual({ type: "start" });
    expect(events.at(-1)?.type).toBe("stop");
    expect(events.at(-2)?.type).toBe("usage");
    const keys = (type: string) =>
      events.flatMap((event) => (event.type === type && "key" in event ? [event.key] : []));
    expect(keys("open")).toEqual(keys("open").map((_, at) => at));
    expect(keys("close").toSorted()).toEqual(keys("open"));
  });

  test.each(WHOLE)("%s, cut behind any event, never looks whole", (name) => {
    const events = scenario(name);
    for (let at = 0; at < events.length; at++) {
      const said = decode(events.slice(0, at));
      expect(said.filter(({ type }) => type === "stop" || type === "fail")).toMatchObject([{ type: "fail" }]);
    }
  });

  test.each(WHOLE)("%s: the response in one piece gives the same events", (name) => {
    const last = scenario(name).at(-1)?.response as JsonObject;
    const items = scenario(name).flatMap((event) =>
      event.type === "response.output_item.done" ? [event.item as JsonObject] : [],
    );
    const out: ResponseEvent[] = [];
    RESPONSES.decodeResponse({ ...last, output: items }, { budget: new Budget() }, (event) =>
      out.push(event),
    );
    const withoutIds = (events: ResponseEvent[]) =>
      JSON.stringify(joined(events))
        .replace(/"(id|encrypted)":"[^"]*"/g, "")
        .replace(/"cite".*?\}\}/g, "");
    expect(withoutIds(out)).toBe(withoutIds(decode(scenario(name))));
  });

  test.each(["failed", "error-then-failed", "error-flat"] as const)(
    "%s is a failure, once, and worth repeating",
    (name) => {
      const ends = decode(scenario(name)).filter(({ type }) => type === "stop" || type === "fail");
      expect(ends).toMatchObject([{ type: "fail", failure: { retryable: true, status: 503 } }]);
    },
  );

  test("calls inside of a parallel call are calls of their own", () => {
    const args = {
      tool_uses: [
        { recipient_name: "functions.read", parameters: { p: 1 } },
        { recipient_name: "ls", parameters: {} },
      ],
    };
    const item = { type: "function_call", call_id: "c", name: "multi_tool_use.parallel" };
    const events = decode([
      { type: "response.created", response: {} },
      { type: "response.output_item.added", output_index: 0, item: { ...item, arguments: "" } },
      { type: "response.function_call_arguments.delta", output_index: 0, delta: JSON.stringify(args) },
      {
        type: "response.output_item.done",
        output_index: 0,
        item: { ...item, arguments: JSON.stringify(args) },
      },
      { type: "response.completed", response: { output: [] } },
    ]);
    expect(events.filter(({ type }) => type === "open" || type === "delta")).toMatchObject([
      { block: { id: "c_0", name: "read" } },
      { text: '{"p":1}' },
      { block: { id: "c_1", name: "ls" } },
      { text: "{}" },
    ]);
    expect(events.at(-1)).toMatchObject({ type: "stop", reason: "tool" });
  });

  test("a call that the limit of tokens cut is closed as cut, and the response stops for its length", () => {
    const events = decode([
      { type: "response.created", response: {} },
      {
        type: "response.output_item.added",
        output_index: 0,
        item: { type: "function_call", call_id: "c", name: "f", arguments: "" },
      },
      { type: "response.function_call_arguments.delta", output_index: 0, delta: '{"a' },
      {
        type: "response.incomplete",
        response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, output: [] },
      },
    ]);
    expect(events).toContainEqual({ type: "close", key: 0, cut: true });
    expect(events.at(-1)).toMatchObject({ type: "stop", reason: "length" });
  });

  test("a turn that goes on without a call is the provider's overload", () => {
    const events = decode([{ type: "response.completed", response: { end_turn: false, output: [] } }]);
    expect(events.at(-1)).toMatchObject({ type: "fail", failure: { retryable: true, status: 503 } });
  });

  test("parts of a summary are one thought, a blank line between them, with the sealed form from its end", () => {
    const delta = (summary_index: number, words: string) => ({
      type: "response.reasoning_summary_text.delta",
      output_index: 0,
      summary_index,
      delta: words,
    });
    const summary = ["one two", "three"].map((words) => ({ type: "summary_text", text: words }));
    const events = decode([
      {
        type: "response.output_item.added",
        output_index: 0,
        item: { type: "reasoning", encrypted_content: "early" },
      },
      delta(0, "one "),
      delta(0, "two"),
      delta(1, "three"),
      {
        type: "response.output_item.done",
        output_index: 0,
        item: { type: "reasoning", summary, encrypted_content: "late" },
      },
      { type: "response.completed", response: { output: [] } },
    ]);
    expect(joined(events)).toMatchObject([
      { type: "start" },
      { type: "open", block: { kind: "thinking" } },
      { type: "delta", text: "one two\n\nthree" },
      { type: "opaque", payload: { from: "responses", encrypted: "late", summary: ["one two", "three"] } },
      { type: "close" },
      { type: "usage" },
      { type: "stop", reason: "end" },
    ]);
  });

  test("nonsense of a provider never throws, and ends as a failure", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.jsonValue(),
            fc.record({
              type: fc.constantFrom(
                "response.output_item.done",
                "response.output_text.delta",
                "response.output_item.added",
              ),
              output_index: fc.jsonValue(),
              item: fc.jsonValue(),
              delta: fc.jsonValue(),
            }),
          ),
        ),
        (values) => {
          const decoder = RESPONSES.decodeEvents({ budget: new Budget() });
          const out: ResponseEvent[] = [];
          for (const value of values)
            decoder.read(encoder.encode(`data: ${JSON.stringify(value)}\n\n`), (each) => out.push(each));
          decoder.end((each) => out.push(each));
          expect(out.filter(({ type }) => type === "stop" || type === "fail")).toHaveLength(1);
        },
      ),
    );
  });
});

describe("writing", () => {
  test.each(WHOLE)("%s: numbers without gaps, and what is written reads as it was", (name) => {
    const events = decode(scenario(name));
    const written = encode(events);
    expect(written.map((event) => event.sequence_number)).toEqual(written.map((_, at) => at));
    const comparable = (list: ResponseEvent[]) =>
      joined(list).map((event) =>
        event.type === "opaque"
          ? "opaque"
          : event.type === "open" && event.block.kind === "search"
            ? "search"
            : event,
      );
    expect(comparable(decode(written))).toEqual(comparable(events));
  });

  test.each(WHOLE)("%s: the response in one piece is what the stream ends with", (name) => {
    const events = decode(scenario(name));
    const fold = RESPONSES.foldEvents(context());
    for (const event of events) fold.write(event);
    expect(fold.result()).toEqual({ ok: true, value: encode(events).at(-1)?.response });
  });

  test("a failure before anything else is an error and a failed response, and nothing follows", () => {
    const failure = { code: "rate_limit_exceeded", message: "slow down", retryable: true, status: 429 };
    const written = encode([{ type: "fail", failure }, { type: "start" }, { type: "stop", reason: "end" }]);
    expect(written.map(({ type }) => type)).toEqual(["error", "response.failed"]);
  });

  test("thoughts carry what the provider needs back, text or none", () => {
    const written = encode([
      { type: "start" },
      { type: "open", key: 0, block: { kind: "thinking" } },
      { type: "delta", key: 0, text: "Hm." },
      { type: "opaque", key: 0, payload: { from: "messages", signature: "sig", text: "Hm." } },
      { type: "close", key: 0 },
      { type: "open", key: 1, block: { kind: "redacted" } },
      { type: "opaque", key: 1, payload: { from: "messages", redacted: "data" } },
      { type: "close", key: 1 },
      { type: "stop", reason: "end" },
    ]);
    const done = written.flatMap((event) =>
      event.type === "response.output_item.done" ? [event.item as JsonObject] : [],
    );
    expect(done.map(({ summary }) => summary)).toEqual([[{ type: "summary_text", text: "Hm." }], []]);
    expect(done.map(({ encrypted_content: sealed }) => readCarrier(String(sealed))?.payload)).toEqual([
      { from: "messages", signature: "sig", text: "Hm." },
      { from: "messages", redacted: "data" },
    ]);
  });

  test("calls of subagents, and of tools with an encrypted argument, say that nothing is encrypted", () => {
    const call = (key: number, name: string, namespace?: string): ResponseEvent[] => [
      { type: "open", key, block: { kind: "tool", id: `c${key}`, call: "function", namespace, name } },
      { type: "delta", key, text: "{}" },
      { type: "close", key },
    ];
    const tools = [
      {
        type: "function",
        name: "spawn",
        parameters: { properties: { task: { type: "string", encrypted: true } } },
      },
    ];
    const written = encode([...call(0, "spawn"), ...call(1, "send", "collaboration"), ...call(2, "read")], {
      tools,
    });
    const items = written.flatMap(({ item }) => (item === undefined ? [] : [item as JsonObject]));
    const of = (name: string) =>
      items.filter((item) => item.name === name).map((item) => item.encrypted_function_args);
    expect([of("spawn"), of("send"), of("read")]).toEqual([
      [[], []],
      [[], []],
      [undefined, undefined],
    ]);
  });

  test("what keeps a client waiting is an event that it knows, in its place in the count", () => {
    const writer = RESPONSES.encodeEvents(context());
    const written = [writer.keepAlive(), writer.write({ type: "start" }) ?? "", writer.keepAlive()].flatMap(
      dataOf,
    );
    expect(written.map(({ type, sequence_number: at }) => [type, at])).toEqual([
      ["response.created", 0],
      ["response.in_progress", 1],
      ["response.in_progress", 2],
    ]);
  });

  test("a response that outgrows what may be kept fails, and says so once", () => {
    const writer = RESPONSES.encodeEvents({ ...context(), budget: new Budget(10) });
    const events: ResponseEvent[] = [
      { type: "open", key: 0, block: { kind: "text" } },
      { type: "delta", key: 0, text: "0123456789" },
      { type: "delta", key: 0, text: "x" },
      { type: "stop", reason: "end" },
    ];
    const written = events.map((event) => writer.write(event) ?? "").flatMap(dataOf);
    expect(written.slice(-2).map(({ type }) => type)).toEqual(["error", "response.failed"]);
  });
});
