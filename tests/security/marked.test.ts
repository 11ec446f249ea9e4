/** The search for secrets finds what it is there to find, in every spelling, and nothing else. */
import { expect, test } from "vitest";
import { createSearch, Marks } from "./marked.ts";
import { SPELLINGS } from "./spellings.ts";

const VALUE = "a planted/secret+value";
const search = createSearch(new Map([["planted", VALUE]]));

test.each(Object.entries(SPELLINGS))("a value is found %s, wherever it stands", (_, spell) => {
  for (const before of ["", "x", "xy", "xyz"]) {
    for (const after of ["", "1", "12"]) {
      const text = spell(VALUE, before, after);
      expect(search(Buffer.from(text)), text).toEqual(["planted"]);
    }
  }
});

test("the beginning and the end of a long value are found alone", () => {
  const long = `${"begin".padEnd(50, "1234567890")}${"abcdefghij".repeat(5)}end`;
  const found = createSearch(new Map([["long", long]]));
  expect(found(Buffer.from(`…${long.slice(0, 40)}…`))).toEqual(["long"]);
  expect(found(Buffer.from(`…${long.slice(-40)}…`))).toEqual(["long"]);
  expect(found(Buffer.from(long.slice(40, 60)))).toEqual([]);
});

test("what is only like a value is not found", () => {
  for (const text of ["", VALUE.slice(1), VALUE.toUpperCase(), `${VALUE.slice(0, -1)}X`]) {
    expect(search(Buffer.from(text)), text).toEqual([]);
  }
});

test("many values are told apart in one pass", () => {
  const marks = new Marks();
  const values = Array.from({ length: 200 }, (_, n) => `kleis_${n}_${crypto.randomUUID()}`);
  for (const value of [...values, ...values]) marks.add("key", value);
  marks.add("key", "too short");
  marks.add("key", undefined);
  expect(marks.count("key")).toBe(200);
  const text = Buffer.from(values.map((value) => ` ${value} `).join("and"));
  expect(createSearch(marks.values)(text)).toHaveLength(200);
  expect(createSearch(marks.values)(Buffer.from(`${values[3]}`))).toEqual(["key 4"]);
});
