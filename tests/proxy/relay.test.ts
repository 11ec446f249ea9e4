/** The contract of a stream towards the client, at the smallest scale: bytes in, bytes out, one end. */
import { describe, expect, test, vi } from "vitest";
import type { ByteSource } from "../../src/bytes.ts";
import { WATCH } from "../../src/protocols/end.ts";
import type { Protocol } from "../../src/protocols/protocol.ts";
import type { StreamOutcome } from "../../src/proxy/stream/outcome.ts";
import { LateRefusal, relayEvents } from "../../src/proxy/stream/relay.ts";
import { checkFailed } from "../streams/support/oracle.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A provider's side that is fed by hand. */
class Feed implements ByteSource {
  reads = 0;
  cancelled = false;
  #queue: ({ done: boolean; value?: Uint8Array<ArrayBuffer> } | Error)[] = [];
  #waiting: (() => void) | undefined;

  say(...texts: string[]): this {
    for (const text of texts) this.#push({ done: false, value: encode(text) });
    return this;
  }
  end(): this {
    return this.#push({ done: true });
  }
  break(): this {
    return this.#push(Object.assign(new Error("read"), { code: "ECONNRESET" }));
  }
  #push(item: { done: boolean; value?: Uint8Array<ArrayBuffer> } | Error): this {
    this.#queue.push(item);
    this.#waiting?.();
    return this;
  }
  async read() {
    this.reads++;
    while (this.#queue.length === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    const item = this.#queue.shift()!;
    if (item instanceof Error) throw item;
    return item;
  }
  async cancel() {
    this.cancelled = true;
  }
}

function relay(
  protocol: Protocol,
  upstream: ByteSource | Promise<ByteSource>,
  options: {
    mayOmitTerminator?: boolean;
    clock?: VirtualClock;
    idleMs?: number;
    shutdown?: AbortSignal;
    stallMs?: number;
    abortConnection?: () => void;
  } = {},
) {
  const ends: StreamOutcome[] = [];
  const causes: (string | undefined)[] = [];
  const stop = vi.fn();
  const clock = options.clock ?? new VirtualClock();
  const stream = relayEvents({
    upstream,
    rewriters: [],
    watcher: WATCH[protocol](),
    mayOmitTerminator: options.mayOmitTerminator ?? false,
    failureEvents: ({ code, message }) => `<${code}: ${message}>\n\n`,
    clock,
    idleMs: options.idleMs ?? 900_000,
    shutdown: options.shutdown,
    stallMs: options.stallMs ?? 300_000,
    abortConnection: options.abortConnection,
    stop,
    onEnd(outcome, _bytes, cause) {
      ends.push(outcome);
      causes.push(cause);
    },
  });
  return { stream, ends, causes, stop, clock };
}

const readAll = (stream: ReadableStream<Uint8Array>) => new Response(stream).text();

const MESSAGE = {
  start: 'event: message_start\ndata: {"type":"message_start","message":{"id":"m"}}\n\n',
  text: 'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"message_stop \\"error\\" "}}\n\n',
  delta: 'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n',
  stop: 'event: message_stop\ndata: {"type":"message_stop"}\n\n',
};
const CHAT = {
  text: 'data: {"choices":[{"index":0,"delta":{"content":"[DONE] \\"error\\""},"finish_reason":null}]}\n\n',
  finish: 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
  done: "data: [DONE]\n\n",
};
const RESPONSE = {
  created:
    'event: response.created\ndata: {"type":"response.created","response":{"id":"r_1","error":null}}\n\n',
  completed: 'event: response.completed\ndata: {"type":"response.completed","response":{}}\n\n',
  error: 'event: error\ndata: {"type":"error","error":{"code":"server_is_overloaded","message":"busy"}}\n\n',
  /** What Kleis makes of that error. */
  made: `event: response.failed\ndata: ${JSON.stringify({
    type: "response.failed",
    sequence_number: 1,
    response: {
      id: "r_1",
      object: "response",
      status: "failed",
      output: [],
      incomplete_details: null,
      error: { code: "server_error", message: "busy" },
    },
  })}\n\n`,
  failed: 'event: response.failed\ndata: {"type":"response.failed","response":{}}\n\n',
};
const WHOLE: Record<Protocol, string> = {
  messages: MESSAGE.start + MESSAGE.text + MESSAGE.delta + MESSAGE.stop,
  chat: CHAT.text + CHAT.finish + CHAT.done,
  responses: RESPONSE.created + RESPONSE.completed,
};

describe("a healthy stream", () => {
  test.each(Object.entries(WHOLE))(
    "%s: the bytes that came, and the provider's connection is closed",
    async (protocol, whole) => {
      const { stream, ends, stop, clock } = relay(protocol as Protocol, new Feed().say(whole));
      expect(await readAll(stream)).toBe(whole);
      expect(ends).toEqual(["complete"]);
      expect(stop).not.toHaveBeenCalled();
      await clock.advance(100);
      expect(stop).toHaveBeenCalledOnce();
    },
  );

  test("events after the end are not forwarded", async () => {
    const { stream } = relay("messages", new Feed().say(WHOLE.messages + MESSAGE.start, MESSAGE.stop).end());
    expect(await readAll(stream)).toBe(WHOLE.messages);
  });

  test("a last event without its empty line still counts", async () => {
    const { stream, ends } = relay("chat", new Feed().say(CHAT.finish, "data: [DONE]").end());
    expect(await readAll(stream)).toBe(`${CHAT.finish}data: [DONE]\n\n`);
    expect(ends).toEqual(["complete"]);
  });

  test("an error that the provider announces is followed by its last event", async () => {
    const { stream, ends } = relay(
      "responses",
      new Feed().say(RESPONSE.created, RESPONSE.error, RESPONSE.failed, RESPONSE.created),
    );
    expect(await readAll(stream)).toBe(RESPONSE.created + RESPONSE.error + RESPONSE.failed);
    expect(ends).toEqual(["provider_error"]);
  });

  test.each(["end", "break"] as const)(
    "where that does not come, it is made of the announced error when the stream stops: %s",
    async (how) => {
      const { stream, ends } = relay("responses", new Feed().say(RESPONSE.created, RESPONSE.error)[how]());
      expect(await readAll(stream)).toBe(RESPONSE.created + RESPONSE.error + RESPONSE.made);
      expect(ends).toEqual(["provider_error"]);
    },
  );

  test("and after a second when it does not stop", async () => {
    const clock = new VirtualClock();
    const { stream, ends } = relay("responses", new Feed().say(RESPONSE.created, RESPONSE.error), { clock });
    const read = readAll(stream);
    await clock.advance(1_000);
    expect(await read).toBe(RESPONSE.created + RESPONSE.error + RESPONSE.made);
    expect(ends).toEqual(["provider_error"]);
  });

  test.each([
    ["another end", 'event: response.completed\ndata: {"type":"response.completed","response":{}}\n\n'],
    ["a second error", 'event: error\ndata: {"type":"error","error":{"code":"other"}}\n\n'],
  ])("and at once in place of %s", async (_what, next) => {
    const feed = new Feed().say(RESPONSE.created, RESPONSE.error + next);
    const { stream, ends } = relay("responses", feed);
    expect(await readAll(stream)).toBe(RESPONSE.created + RESPONSE.error + RESPONSE.made);
    expect(ends).toEqual(["provider_error"]);
  });
});

describe("a client that does not read", () => {
  const MINUTE = 60_000;
  const event = (length: number) => `data: {"x":"${"x".repeat(length)}"}\n\n`;
  /** Lets the time pass, in steps in which something may happen. */
  const pass = async (clock: VirtualClock, ms: number, step = MINUTE) => {
    for (let at = 0; at < ms; at += step) await clock.advance(step);
  };

  test.each(["before it has read anything", "after some events"])(
    "is let go, and the provider with it: %s",
    async (when) => {
      const abortConnection = vi.fn();
      const { stream, ends, stop, clock } = relay("chat", new Feed().say(event(9), event(9)), {
        abortConnection,
      });
      if (when !== "before it has read anything") await stream.getReader().read();
      await pass(clock, 4 * MINUTE);
      expect(ends).toEqual([]);
      await pass(clock, 3 * MINUTE);
      expect(ends).toEqual(["client_stalled"]);
      expect(stop).toHaveBeenCalledOnce();
      expect(abortConnection).toHaveBeenCalledOnce();
    },
  );

  test("sees its stream fail where its connection cannot be aborted", async () => {
    const { stream, clock, ends } = relay("chat", new Feed().say(event(9), event(9)));
    const reader = stream.getReader();
    await reader.read();
    await pass(clock, 7 * MINUTE);
    expect(ends).toEqual(["client_stalled"]);
    await expect(reader.read()).rejects.toThrow("does not read");
  });

  test("and takes no keep-alive either is disconnected while the provider still thinks", async () => {
    const { stream, clock, ends } = relay("chat", new Promise<never>(() => {}), { idleMs: 60 * MINUTE });
    const first = stream.getReader().read();
    await pass(clock, 4 * MINUTE, 15_000);
    await first;
    expect(ends).toEqual([]);
    await pass(clock, 3 * MINUTE, 15_000);
    expect(ends).toEqual(["client_stalled"]);
  });

  test("is not one that waits for its provider", async () => {
    const feed = new Feed();
    const { stream, clock, ends } = relay("chat", feed, { idleMs: 60 * MINUTE });
    const all = readAll(stream);
    await pass(clock, 10 * MINUTE, 15_000);
    feed.say(WHOLE.chat);
    expect(await all).toContain(WHOLE.chat);
    expect(ends).toEqual(["complete"]);
  });

  test("is not one that reads a large event in small pieces", async () => {
    const { stream, clock, ends } = relay("chat", new Feed().say(event(512 * 1024) + WHOLE.chat));
    const reader = stream.getReader();
    for (let isDone = false; !isDone; ) {
      isDone = (await reader.read()).done;
      expect(["", "complete"]).toContain(ends.join());
      if (ends.length === 0) await pass(clock, 4 * MINUTE);
    }
    expect(ends).toEqual(["complete"]);
  });
});

describe("a stream that still runs at a shutdown", () => {
  const SAID =
    /<shutting_down: Connection lost: Kleis is shutting down \(service unavailable\)\. Send the request again\.>\n\n$/;

  test.each(Object.entries(WHOLE))(
    "%s: is told so once, behind its last whole event",
    async (protocol, whole) => {
      const feed = new Feed().say(whole.slice(0, -10));
      const shutdown = new AbortController();
      const { stream, ends, stop } = relay(protocol as Protocol, feed, { shutdown: shutdown.signal });
      const reader = stream.getReader();
      const begun = new TextDecoder().decode((await reader.read()).value);
      const next = reader.read();
      shutdown.abort();
      feed.say(whole.slice(-10)).end();
      const last = new TextDecoder().decode((await next).value);
      expect(last).toMatch(SAID);
      expect(whole.startsWith(begun)).toBe(true);
      expect(begun.endsWith("\n\n")).toBe(true);
      expect((await reader.read()).done).toBe(true);
      expect(ends).toEqual(["shutting_down"]);
      expect(stop).toHaveBeenCalledOnce();
    },
  );

  test("ends with an error as well where its client reads later, or where the provider has not responded", async () => {
    const shutdown = new AbortController();
    const slow = relay("messages", new Feed().say(MESSAGE.start), { shutdown: shutdown.signal });
    const silent = relay("messages", new Promise<never>(() => {}), { shutdown: shutdown.signal });
    shutdown.abort();
    const late = relay("messages", new Feed().say(WHOLE.messages), { shutdown: shutdown.signal });
    for (const { stream, ends } of [slow, silent, late]) {
      expect(await readAll(stream)).toMatch(SAID);
      expect(ends).toEqual(["shutting_down"]);
    }
  });

  test("gets the last event after an announced error, and nothing after its end", async () => {
    const shutdown = new AbortController();
    const failing = relay("responses", new Feed().say(RESPONSE.error), { shutdown: shutdown.signal });
    const reader = failing.stream.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(RESPONSE.error);
    const whole = relay("messages", new Feed().say(WHOLE.messages), { shutdown: shutdown.signal });
    expect(await readAll(whole.stream)).toBe(WHOLE.messages);
    shutdown.abort();
    checkFailed((await reader.read()).value ?? new Uint8Array(0));
    expect((await reader.read()).done).toBe(true);
    expect([failing.ends, whole.ends]).toEqual([["provider_error"], ["complete"]]);
  });
});

describe("a stream that breaks ends with one error event", () => {
  const cases: [string, Protocol, string, string][] = [
    ["before the end", "messages", MESSAGE.start + MESSAGE.text, ""],
    ["after the stop reason", "messages", MESSAGE.start + MESSAGE.delta, ""],
    ["in the middle of an event", "messages", MESSAGE.start, MESSAGE.text.slice(0, 30)],
    ["before the finish reason", "chat", CHAT.text, ""],
    ["without [DONE]", "chat", CHAT.text + CHAT.finish, ""],
    ["before it is completed", "responses", RESPONSE.created, RESPONSE.completed.slice(0, 40)],
    ["before anything", "chat", "", ""],
  ];
  test.each(cases)("%s (%s), at a clean end and at a reset", async (_name, protocol, whole, part) => {
    for (const how of ["end", "break"] as const) {
      const { stream, ends } = relay(protocol, new Feed().say(whole + part)[how]());
      const text = await readAll(stream);
      expect(text.slice(0, whole.length)).toBe(whole);
      expect(text.slice(whole.length)).toMatch(/^<upstream_stream_incomplete: [^<]+>\n\n$/);
      expect(ends).toEqual(["incomplete"]);
    }
  });

  test("an end without a stop reason is not an end", async () => {
    const messages = relay("messages", new Feed().say(MESSAGE.start + MESSAGE.stop));
    expect(await readAll(messages.stream)).toMatch(
      /^event: message_start\n.*\n\n<upstream_stream_incomplete/,
    );
    const chat = relay("chat", new Feed().say(CHAT.text + CHAT.done));
    expect(await readAll(chat.stream)).toContain("<upstream_stream_incomplete");
  });

  test("where the provider may omit the terminator, a complete response gets one and a broken one does not", async () => {
    const chat = relay("chat", new Feed().say(CHAT.text + CHAT.finish).end(), { mayOmitTerminator: true });
    expect(await readAll(chat.stream)).toBe(WHOLE.chat);
    expect(chat.ends).toEqual(["complete"]);
    const messages = relay("messages", new Feed().say(MESSAGE.start + MESSAGE.delta).end(), {
      mayOmitTerminator: true,
    });
    expect(await readAll(messages.stream)).toBe(MESSAGE.start + MESSAGE.delta + MESSAGE.stop);
    const broken = relay("chat", new Feed().say(CHAT.text).end(), { mayOmitTerminator: true });
    expect(await readAll(broken.stream)).toContain("<upstream_stream_incomplete");
  });

  test.each([
    ["chat", CHAT.text + CHAT.finish],
    ["messages", MESSAGE.start + MESSAGE.delta],
  ] as const)(
    "a connection that broke is no end, whatever the provider may leave out: %s",
    async (protocol, said) => {
      const { stream, ends, causes } = relay(protocol, new Feed().say(said).break(), {
        mayOmitTerminator: true,
      });
      expect(await readAll(stream)).toMatch(
        /^[^<]+<upstream_stream_incomplete: [^<]*connection to the provider broke[^<]+>\n\n$/,
      );
      expect(ends).toEqual(["incomplete"]);
      expect(causes).toEqual(["ECONNRESET"]);
    },
  );

  describe("where the provider may omit [DONE]", () => {
    const chunk = (index: number, delta: object, reason: string | null = null) =>
      `data: ${JSON.stringify({ choices: [{ index, delta, finish_reason: reason }] })}\n\n`;
    const text = chunk(0, { role: "assistant", content: "I will read." });
    const call = chunk(1, { tool_calls: [{ index: 0, id: "c1", function: { arguments: '{"pa' } }] });

    test.each([
      ["another choice has begun", [text, call, chunk(0, {}, "stop")]],
      ["another choice begins behind the reason of the first", [text, chunk(0, {}, "stop"), call]],
      ["a choice goes on behind its reason", [text, chunk(0, {}, "stop"), chunk(0, { content: " Then" })]],
      ["the reason is empty", [text, chunk(0, { content: "No" }, "")]],
      ["the first choice has none", [text, call, chunk(1, {}, "tool_calls")]],
    ])("an answer is not whole when %s", async (_why, chunks) => {
      const { stream, ends } = relay("chat", new Feed().say(...chunks).end(), { mayOmitTerminator: true });
      expect(await readAll(stream)).toMatch(/<upstream_stream_incomplete: [^<]+>\n\n$/);
      expect(ends).toEqual(["incomplete"]);
    });

    test.each([
      ["each choice has its reason", [text, call, chunk(1, {}, "tool_calls"), chunk(0, {}, "stop")]],
      ["no choice is the first", [call, chunk(1, {}, "tool_calls")]],
      [
        "only facts follow",
        [
          text,
          chunk(0, {}, "stop"),
          chunk(0, { role: "assistant", content: "", tool_calls: [] }),
          'data: {"choices":[],"usage":{}}\n\n',
        ],
      ],
      ["choices have no index", ['data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n']],
    ])("an answer is whole when %s", async (_why, chunks) => {
      const { stream, ends } = relay("chat", new Feed().say(...chunks).end(), { mayOmitTerminator: true });
      expect(await readAll(stream)).toBe(chunks.join("") + CHAT.done);
      expect(ends).toEqual(["complete"]);
    });

    test("the provider's own [DONE] stands, also where a choice has no reason", async () => {
      const whole = text + call + chunk(1, {}, "tool_calls") + CHAT.done;
      const { stream, ends } = relay("chat", new Feed().say(whole), { mayOmitTerminator: true });
      expect(await readAll(stream)).toBe(whole);
      expect(ends).toEqual(["complete"]);
    });
  });

  test("an event past the limit ends it", async () => {
    const feed = new Feed();
    for (let at = 0; at < 17; at++) feed.say("x".repeat(1024 * 1024));
    const { stream, ends } = relay("chat", feed);
    expect(await readAll(stream)).toContain("larger than");
    expect(ends).toEqual(["too_large"]);
  });
});

describe("an event named error ends the stream as one, whatever its data", () => {
  const DATA = ['{"error":{"message":"overloaded"}}', '{"message":"overloaded"}', "overloaded", "[DONE]"];
  const BEGUN: Record<Protocol, string> = {
    chat: CHAT.text,
    messages: MESSAGE.start,
    responses: RESPONSE.created,
  };
  const cases = Object.entries(BEGUN).flatMap(([protocol, begun]) =>
    DATA.flatMap((data) =>
      [`event: error\ndata: ${data}\n\n`, `data: ${data}\r\nevent:error\r\n\r\n`].map(
        (error) => [protocol as Protocol, error, begun] as const,
      ),
    ),
  );

  test.each(cases)(
    "%s: %j is the last and the only one, and nothing is waited for",
    async (protocol, error, begun) => {
      const clock = new VirtualClock();
      const feed = new Feed().say(begun, error);
      const { stream, ends, stop } = relay(protocol, feed, { clock, mayOmitTerminator: true });
      const read = readAll(stream);
      await clock.advance(1_000);
      const got = await read;
      expect(got.slice(0, begun.length + error.length)).toBe(begun + error);
      // Codex CLI reads nothing but the event that Kleis makes of it.
      const added = got.slice(begun.length + error.length);
      if (protocol === "responses") checkFailed(encode(added));
      else expect(added).toBe("");
      expect(ends).toEqual(["provider_error"]);
      expect(stop).toHaveBeenCalledOnce();
    },
  );

  test("the word error in another event's text, or in a comment, is not an error", async () => {
    const said =
      'event: errors\ndata: {"type":"x"}\n\n: event: error\n\nevent: error\nevent: ping\ndata: {}\n\n';
    const { stream, ends } = relay("messages", new Feed().say(said + WHOLE.messages));
    expect(await readAll(stream)).toBe(said + WHOLE.messages);
    expect(ends).toEqual(["complete"]);
  });

  test.each([
    [
      'data: {"type":"error","error":{"n":1.0}}\n\n',
      'event: error\ndata: {"type":"error","error":{"n":1.0}}\n\n',
    ],
    ['id: 1\r\nevent\r\ndata:{"error":{}}\r\n\r\n', 'event: error\nid: 1\r\ndata:{"error":{}}\r\n\r\n'],
    ['event: message\ndata: {"type":"error"}\n\n', 'event: error\ndata: {"type":"error"}\n\n'],
  ])("on messages, where clients go by the name alone, %j gets it", async (error, named) => {
    const { stream, ends } = relay("messages", new Feed().say(MESSAGE.start, error, MESSAGE.stop));
    expect(await readAll(stream)).toBe(MESSAGE.start + named);
    expect(ends).toEqual(["provider_error"]);
  });
});

describe("silence", () => {
  test("a comment every 15 s, only in silence, and none after the end", async () => {
    const clock = new VirtualClock();
    const feed = new Feed();
    const { stream } = relay("messages", feed, { clock });
    const read = readAll(stream);
    await clock.advance(14_999);
    feed.say(MESSAGE.start);
    await clock.advance(14_999);
    feed.say(MESSAGE.text.slice(0, 20));
    await clock.advance(31_000);
    feed.say(MESSAGE.text.slice(20), MESSAGE.delta, MESSAGE.stop);
    await clock.advance(60_000);
    expect(await read).toBe(
      `${MESSAGE.start}${": kleis\n\n".repeat(3)}${MESSAGE.text}${MESSAGE.delta}${MESSAGE.stop}`,
    );
  });

  test("a provider that is silent for too long is abandoned", async () => {
    const clock = new VirtualClock();
    const { stream, ends, stop } = relay("messages", new Feed().say(MESSAGE.start), {
      clock,
      idleMs: 40_000,
    });
    const read = readAll(stream);
    await clock.advance(41_000);
    expect(await read).toBe(
      `${MESSAGE.start}: kleis\n\n: kleis\n\n<upstream_timeout: Connection lost: the provider sent nothing for 40 seconds. Send the request again.>\n\n`,
    );
    expect(ends).toEqual(["idle"]);
    expect(stop).toHaveBeenCalledOnce();
  });

  test("a client that does not read is not the provider's silence", async () => {
    const clock = new VirtualClock();
    const feed = new Feed().say(MESSAGE.start);
    const { stream, ends } = relay("messages", feed, { stallMs: 9_000_000, clock, idleMs: 40_000 });
    const reader = stream.getReader();
    await reader.read();
    await clock.advance(400_000);
    feed.say(MESSAGE.delta + MESSAGE.stop);
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(MESSAGE.delta + MESSAGE.stop);
    expect(ends).toEqual(["complete"]);
  });

  test("before the provider responds the client gets keep-alives; then its stream, or its error as an event", async () => {
    const clock = new VirtualClock();
    let arrive!: (source: ByteSource) => void;
    const { stream } = relay(
      "chat",
      new Promise<ByteSource>((resolve) => {
        arrive = resolve;
      }),
      { clock },
    );
    const read = readAll(stream);
    await clock.advance(16_000);
    arrive(new Feed().say(WHOLE.chat));
    expect(await read).toBe(`: kleis\n\n${WHOLE.chat}`);

    const refused = relay(
      "chat",
      Promise.reject(new LateRefusal({ code: "429", message: "no", retryable: false })),
    );
    expect(await readAll(refused.stream)).toBe("<429: no>\n\n");
    expect(refused.ends).toEqual(["provider_error"]);
  });
});

describe("the client", () => {
  test("that leaves stops the provider's stream at once", async () => {
    const { stream, ends, stop } = relay("messages", new Feed().say(MESSAGE.start));
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel();
    expect(stop).toHaveBeenCalledOnce();
    expect(ends).toEqual(["client_left"]);
  });

  test("that reads slowly slows the provider down", async () => {
    const feed = new Feed().say(...Array.from({ length: 100 }, () => MESSAGE.text));
    const { stream, clock } = relay("messages", feed);
    // Whatever would read ahead has had its turn, however slow the machine is.
    await clock.advance(60_000);
    expect(feed.reads).toBe(0);
    const reader = stream.getReader();
    await reader.read();
    await clock.advance(60_000);
    expect(feed.reads).toBe(1);
  });
});
