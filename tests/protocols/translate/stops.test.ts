/** Stop sequences for a target that has none. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ResponseEvent } from "../../../src/protocols/translate/model.ts";
import { StopEmulator } from "../../../src/protocols/translate/stops.ts";

function emulate(stops: string[], chunks: string[]): ResponseEvent[] {
  const events: ResponseEvent[] = [];
  const emulator = new StopEmulator(stops, (event) => events.push(event));
  emulator.write({ type: "open", key: 0, block: { kind: "text" } });
  for (const text of chunks) emulator.write({ type: "delta", key: 0, text });
  emulator.write({ type: "close", key: 0 });
  emulator.write({ type: "stop", reason: "end" });
  return events;
}

const textOf = (events: ResponseEvent[]) =>
  events.map((event) => (event.type === "delta" ? event.text : "")).join("");

/** What a model would do that is asked to stop: letter by letter. */
function expected(stops: string[], text: string): { text: string; sequence?: string } {
  for (let end = 1; end <= text.length; end++) {
    const met = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    const sequence = met.sort((a, b) => b.length - a.length)[0];
    if (sequence !== undefined) return { text: text.slice(0, end - sequence.length), sequence };
  }
  return { text };
}

const letters = fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 30 });
const stopLists = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\n"), minLength: 1, maxLength: 4 }), {
  maxLength: 3,
});

test("the text ends before the first match, whatever the chunks", () => {
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 8 }), stopLists, (parts, stops) => {
      const chunks = parts.filter((part) => part !== "");
      const events = emulate(stops, chunks);
      const { text, sequence } = expected(stops, chunks.join(""));
      expect(textOf(events)).toBe(text);
      expect(events.at(-1)).toEqual(
        sequence === undefined
          ? { type: "stop", reason: "end" }
          : { type: "stop", reason: "sequence", sequence },
      );
      expect(events.filter(({ type }) => type === "close")).toHaveLength(1);
    }),
  );
});

test("after a match only usage passes, calls are dropped, and a broken end is a whole response", () => {
  const events: ResponseEvent[] = [];
  const emulator = new StopEmulator(["END"], (event) => events.push(event));
  const usage = { input: 1, cacheRead: 0, cacheWrite: 0, output: 2, reasoning: 0, searches: 0 };
  emulator.write({ type: "open", key: 0, block: { kind: "text" } });
  emulator.write({ type: "delta", key: 0, text: "one END two" });
  emulator.write({ type: "open", key: 1, block: { kind: "tool", id: "c", call: "function", name: "f" } });
  emulator.write({ type: "usage", usage });
  emulator.write({ type: "fail", failure: { code: "x", message: "y", retryable: true, status: 502 } });
  expect(events.slice(1)).toEqual([
    { type: "delta", key: 0, text: "one " },
    { type: "close", key: 0 },
    { type: "usage", usage },
    { type: "stop", reason: "sequence", sequence: "END" },
  ]);
});
