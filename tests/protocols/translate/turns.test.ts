/** Calls and results in the order that every provider takes. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changesOf } from "../../../src/protocols/translate/losses.ts";
import type { Item } from "../../../src/protocols/translate/model.ts";
import { NO_RESULT, pairCalls } from "../../../src/protocols/translate/tools/turns.ts";

const call = (id: string): Item => ({
  type: "call",
  kind: "function",
  id,
  name: "f",
  input: "{}",
  at: `c${id}`,
});
const result = (callId: string, words = "ok"): Item => ({
  type: "result",
  callId,
  parts: [{ type: "text", text: words, at: "" }],
  isError: false,
  at: `r${callId}`,
});
const message = (role: "user" | "assistant" | "developer", text = "t"): Item => ({
  type: "message",
  role,
  parts: [{ type: "text", text, at: "" }],
  at: "m",
});

function outline(items: readonly Item[]): string {
  return items
    .map((item) => {
      if (item.type === "call") return `call ${item.id}`;
      if (item.type === "result") return `${item.isError ? "error" : "result"} ${item.callId}`;
      return item.type === "message" ? item.role : item.type;
    })
    .join(", ");
}

describe("pairing", () => {
  test.each<[string, Item[], string, string[]]>([
    [
      "what is in order stays",
      [call("a"), call("b"), result("a"), result("b")],
      "call a, call b, result a, result b",
      [],
    ],
    [
      "results follow the order of their calls",
      [call("a"), call("b"), result("b"), result("a")],
      "call a, call b, result a, result b",
      [],
    ],
    [
      "a result passes what stands before it",
      [call("a"), message("developer"), result("a")],
      "call a, result a, developer",
      ["moved:tool-result"],
    ],
    [
      "a missing one is added",
      [call("a"), call("b"), result("b"), message("user")],
      "call a, call b, error a, result b, user",
      ["added:tool-result"],
    ],
    ["also at the end", [message("user"), call("a")], "user, call a, error a", ["added:tool-result"]],
    [
      "an orphan is the user's words",
      [message("assistant"), result("x")],
      "assistant, user",
      ["moved:tool-result"],
    ],
    [
      "a second one is an orphan",
      [call("a"), result("a"), result("a")],
      "call a, result a, user",
      ["moved:tool-result"],
    ],
    [
      "one that comes after the next turn is late",
      [call("a"), message("user"), message("assistant"), result("a")],
      "call a, error a, user, assistant, user",
      ["added:tool-result", "moved:tool-result"],
    ],
  ])("%s", (_, items, expected, changes) => {
    const { items: paired, losses } = pairCalls(items);
    expect(outline(paired)).toBe(expected);
    expect(changesOf(losses.list)).toEqual(changes);
  });

  test("ids that come again are told apart, with their results", () => {
    const { items } = pairCalls([call("1"), result("1", "first"), call("1"), result("1", "second")]);
    const [first, one, second, two] = items as Extract<Item, { type: "call" | "result" }>[];
    expect(first).toMatchObject({ id: "1" });
    expect(one).toMatchObject({ callId: "1", parts: [{ text: "first" }] });
    expect(second).toMatchObject({ id: expect.stringMatching(/^call_[0-9a-f]{24}$/) });
    expect(two).toMatchObject({ callId: (second as { id: string }).id, parts: [{ text: "second" }] });
  });

  const items = fc.array(
    fc.oneof(
      fc.constantFrom("a", "b", "c|d").map(call),
      fc.constantFrom("a", "b", "c|d", "e").map((id) => result(id)),
      fc.constantFrom("user", "assistant", "developer").map((role) => message(role as "user")),
    ),
    { maxLength: 14 },
  );

  test("every call has one result right after its turn, and every id is used once", () => {
    fc.assert(
      fc.property(items, (given) => {
        const { items: paired } = pairCalls(given);
        const open: string[] = [];
        const seen = new Set<string>();
        for (const item of paired) {
          if (item.type === "call") {
            expect(item.id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
            expect(seen.has(item.id)).toBe(false);
            seen.add(item.id);
            open.push(item.id);
          } else if (item.type === "result") expect(open.shift()).toBe(item.callId);
          else if (item.type !== "message" || item.role !== "assistant") expect(open).toEqual([]);
        }
        expect(open).toEqual([]);
      }),
    );
  });

  test("the beginning of a conversation does not change with what follows a turn of the assistant", () => {
    fc.assert(
      fc.property(items, items, (before, after) => {
        const given: Item[] = [...before, message("user")];
        const now = pairCalls(given).items;
        const later = pairCalls([...given, message("assistant"), ...after]).items;
        expect(JSON.stringify(later.slice(0, now.length))).toBe(JSON.stringify(now));
      }),
    );
  });

  test("the words of a missing result say so", () => {
    expect(pairCalls([call("a")]).items[1]).toMatchObject({ parts: [{ text: NO_RESULT }] });
  });
});
