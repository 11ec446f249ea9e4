import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { eventData, includesText, isErrorEvent, needleOf, withData } from "../../src/protocols/sse/event.ts";
import { EventSplitter, EventTooLargeError } from "../../src/protocols/sse/splitter.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

function split(chunks: Uint8Array[]): { events: Uint8Array[]; rest: Uint8Array | null } {
  const splitter = new EventSplitter();
  const events: Uint8Array[] = [];
  for (const chunk of chunks) splitter.push(chunk, (event) => events.push(event.slice()));
  return { events, rest: splitter.rest() };
}

/** The chunks of `bytes` when it is cut at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [
    0,
    ...new Set([...places].map((place) => place % (bytes.length + 1)).sort((a, b) => a - b)),
    bytes.length,
  ];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

/** Bytes that are rich in what the splitter looks at. */
const stream = fc
  .array(
    fc.oneof(
      fc.constantFrom("\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "data: x", "event: é😀", ":"),
      fc.string({ unit: "grapheme" }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => encode(parts.join("")));
const anyBytes = fc.oneof(
  stream,
  fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes)),
);

describe("the splitter", () => {
  test("loses and invents no byte, for any bytes and any chunking", () => {
    fc.assert(
      fc.property(anyBytes, fc.array(fc.nat(), { maxLength: 12 }), (bytes, places) => {
        const { events, rest } = split(cut(bytes, places));
        expect(Buffer.concat([...events, rest ?? new Uint8Array(0)])).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  test("finds the same events however the chunks are cut", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (bytes, places) => {
        expect(split(cut(bytes, places)).events.map(decode)).toEqual(split([bytes]).events.map(decode));
        expect(split([...bytes].map((byte) => Uint8Array.of(byte))).events.map(decode)).toEqual(
          split([bytes]).events.map(decode),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test.each(["\n\r", "\r\n\r"])("%j ends an event, once the next byte is not a line feed", (end) => {
    const { events, rest } = split([encode(`event: a${end}data: b${end}data: c`)]);
    expect(events.map(decode)).toEqual([`event: a${end}`, `data: b${end}`]);
    expect(decode(rest ?? new Uint8Array(0))).toBe("data: c");
  });

  test.each(["\n\n", "\r\n\r\n", "\n\r\n", "\r\n\n", "\r\r"])("%j ends an event", (end) => {
    const { events, rest } = split([encode(`event: a${end}data: b${end}`)]);
    expect(events.map(decode)).toEqual([`event: a${end}`, `data: b${end}`]);
    expect(rest).toBeNull();
  });

  test.each(["\n", "\r\n", "\r"])(
    "an event is handed out with the last byte of its end, in a stream of %j",
    (end) => {
      const splitter = new EventSplitter();
      const events: string[] = [];
      const push = (text: string) => splitter.push(encode(text), (event) => events.push(decode(event)));
      push(`data: 1${end}${end}data: 2${end}${end}`);
      expect(events).toHaveLength(2);
      for (const byte of `data: 3${end}${end}`) push(byte);
      expect(events).toHaveLength(3);
      expect(splitter.rest()).toBeNull();
    },
  );

  test.each(["\n", "\r\n", "\r"])(
    "an error is recognised by its name on any line, in a stream of %j",
    (end) => {
      const named = (...lines: string[]) => isErrorEvent(encode(lines.join(end) + end + end));
      expect(named("event: error", "data: x")).toBe(true);
      expect(named("id: 7", "data: x", "event:error")).toBe(true);
      expect(named("event: error", "event: other", "data: x")).toBe(false);
      expect(named("data: event: error")).toBe(false);
      expect(named("event: errors", "data: x")).toBe(false);
    },
  );

  test("an event within a chunk is a view of it, not a copy", () => {
    const chunk = encode("data: 1\n\ndata: 2\n\n");
    new EventSplitter().push(chunk, (event) => expect(event.buffer).toBe(chunk.buffer));
  });

  test("one event past the limit is refused, whole or in pieces; many small ones are not", () => {
    const tooLarge = () => {
      const splitter = new EventSplitter(100);
      for (let at = 0; at < 11; at++) splitter.push(encode("0123456789"), () => {});
    };
    expect(tooLarge).toThrow(EventTooLargeError);
    expect(() => new EventSplitter(100).push(encode(`${"x".repeat(200)}\n\n`), () => {})).toThrow(
      EventTooLargeError,
    );
    const splitter = new EventSplitter(100);
    let events = 0;
    for (let at = 0; at < 100; at++) splitter.push(encode("data: 0123456789\n\n"), () => events++);
    expect(events).toBe(100);
  });

  test("a large event in small chunks is scanned in proportion to its size, and copied once", () => {
    const size = 7 << 20;
    const [copies, searches] = [
      vi.spyOn(Uint8Array.prototype, "set"),
      vi.spyOn(Uint8Array.prototype, "indexOf"),
    ];
    onTestFinished(() => void vi.restoreAllMocks());
    const splitter = new EventSplitter();
    const chunk = new Uint8Array(1024).fill(0x61);
    for (let at = 0; at < size; at += chunk.length) splitter.push(chunk, () => {});
    const events: number[] = [];
    splitter.push(encode("\n\n"), ({ length }) => events.push(length));
    expect(events).toEqual([size + 2]);
    const copied = copies.mock.calls.reduce((sum, [part]) => sum + part.length, 0);
    expect(copied).toBe(size + 2);
    const searched = searches.mock.contexts.reduce<number>(
      (sum, bytes) => sum + (bytes instanceof Uint8Array ? bytes.length : 0),
      0,
    );
    expect(searched).toBeLessThanOrEqual(3 * size);
  });
});

describe("an event's data", () => {
  test.each([
    ["data: {}\n\n", "{}"],
    ["data:{}\r\n\r\n", "{}"],
    ["event: x\ndata: a\ndata: b\nid: 3\n\n", "a\nb"],
    ["data\n\n", ""],
    [": comment\n\n", null],
    ["database: 1\n\n", null],
  ])("%j is %j", (event, data) => {
    expect(eventData(encode(event))).toBe(data);
  });

  test("other data leaves the rest of the event as it came", () => {
    expect(decode(withData(encode("id: 7\r\nevent: x\r\ndata: 1\r\n: c\r\n\r\n"), "2"))).toBe(
      "id: 7\r\nevent: x\r\ndata: 2\r\n: c\r\n\r\n",
    );
    expect(decode(withData(encode("data: 1\ndata: 2\n\n"), "3"))).toBe("data: 3\n\n");
  });

  test("data that was put in is read out unchanged, for any data", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }).filter((text) => !/\r/.test(text)),
        (text) => {
          expect(eventData(withData(encode("event: e\ndata: x\n\n"), text))).toBe(text);
        },
      ),
    );
  });

  test("a text is found wherever it is, and only where it is", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ minLength: 1 }).map((text) => text.replace(/[^\x20-\x7e]/g, "a")),
        fc.string(),
        (before, needle, after) => {
          expect(includesText(encode(before + needle + after), needleOf(needle))).toBe(true);
          expect(includesText(encode(before), needleOf(needle))).toBe(before.includes(needle));
        },
      ),
    );
  });
});
