import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyEdits, piecesOf, type Splice } from "../../src/protocols/json-edit.ts";
import { anyJsonText } from "../streams/support/json-text.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(value);
const edit = (source: string, ...edits: Splice[]) => text(applyEdits(bytes(source), edits));

describe("an edit changes only what it names", () => {
  test("no edits: the same array", () => {
    const source = bytes('{"a":1}');
    expect(applyEdits(source, [])).toBe(source);
  });

  const odd =
    '{ "n" : 12345678901234567890 ,"e":"\\u00e9\\/\\ud800", "a" : [ 1 , {"x":"}]\\""} ] , "dup":1,"dup" : 2}';
  test.each<[string, Splice[], string]>([
    ["set", [{ op: "set", path: ["n"], value: "m" }], odd.replace("12345678901234567890", '"m"')],
    ["set deep", [{ op: "set", path: ["a", 1, "x"], value: 0 }], odd.replace('"}]\\""', "0")],
    ["add a member", [{ op: "set", path: ["z"], value: null }], odd.replace(/}$/, ',"z":null}')],
    ["remove the first", [{ op: "remove", path: ["n"] }], odd.replace('"n" : 12345678901234567890 ,', "")],
    [
      "remove one in the middle",
      [{ op: "remove", path: ["e"] }],
      odd.replace(' ,"e":"\\u00e9\\/\\ud800"', ""),
    ],
    ["remove every duplicate", [{ op: "remove", path: ["dup"] }], odd.replace(' , "dup":1,"dup" : 2', "")],
    [
      "set the last of duplicates",
      [{ op: "set", path: ["dup"], value: 9 }],
      odd.replace('"dup":1,"dup" : 2', '"dup":1,"dup" : 9'),
    ],
    ["remove an element", [{ op: "remove", path: ["a", 0] }], odd.replace("1 , {", "{")],
    ["prepend", [{ op: "prepend", path: ["a"], value: "p" }], odd.replace("[ 1", '[ "p",1')],
    [
      "prepend and remove",
      [
        { op: "prepend", path: ["a"], value: 7 },
        { op: "remove", path: ["a", 0] },
        { op: "remove", path: ["a", 1] },
      ],
      odd.replace('[ 1 , {"x":"}]\\""} ]', "[ 7 ]"),
    ],
  ])("%s", (_name, edits, expected) => {
    expect(edit(odd, ...edits)).toBe(expected);
  });

  test("all members removed and one added", () => {
    expect(
      edit(
        '{"a":1,"b":2}',
        { op: "remove", path: ["a"] },
        { op: "remove", path: ["b"] },
        { op: "set", path: ["c"], value: 3 },
      ),
    ).toBe('{"c":3}');
  });

  test("empty containers", () => {
    expect(edit("{ }", { op: "set", path: ["c"], value: 3 })).toBe('{"c":3 }');
    expect(edit('{"a":[ ]}', { op: "prepend", path: ["a"], value: 1 })).toBe('{"a":[1 ]}');
  });

  test("an escaped key is found, a byte order mark survives", () => {
    expect(edit('\ufeff{"\\u006dodel":"x"}', { op: "set", path: ["model"], value: "y" })).toBe(
      '\ufeff{"\\u006dodel":"y"}',
    );
  });

  test("an outer edit wins over one inside it", () => {
    expect(
      edit('{"a":{"b":1}}', { op: "set", path: ["a", "b"], value: 2 }, { op: "set", path: ["a"], value: 0 }),
    ).toBe('{"a":0}');
    expect(
      edit('{"a":{"b":1},"c":1}', { op: "set", path: ["a", "b"], value: 2 }, { op: "remove", path: ["a"] }),
    ).toBe('{"c":1}');
  });

  test("a path that is not there is a mistake, not a silent loss", () => {
    expect(() => edit('{"a":1}', { op: "set", path: ["a", "b"], value: 2 })).toThrow();
    expect(() => edit('{"a":[]}', { op: "set", path: ["a", 3], value: 2 })).toThrow();
  });
});

describe("of members of one name the last is the one that is edited", () => {
  const inside: Splice[] = [
    { op: "set", path: ["a", 0, "b"], value: 9 },
    { op: "prepend", path: ["a"], value: 0 },
  ];
  test.each([
    "[]",
    "{}",
    "1",
    "null",
    '"[{}]"',
    "[1]",
    "[[]]",
    '[{"c":1}]',
    '[{"b":1.0}]',
    '{"0":{"b":1}}',
    '[],"a":[{}]',
  ])("and what stands before it passes as it came, whatever it is: %s", (earlier) => {
    expect(edit(`{"a":${earlier} , "\\u0061":[{"b":1}],"c":1.0}`, ...inside)).toBe(
      `{"a":${earlier} , "\\u0061":[0,{"b":9}],"c":1.0}`,
    );
  });

  test("at every depth", () => {
    const odd = '{"x":1,"x":{"y":[],"y":[{"z":0,"z":%,"w":{}}]}}';
    const set: Splice = { op: "set", path: ["x", "y", 0, "z"], value: 5 };
    expect(edit(odd.replace("%", "2"), set)).toBe(odd.replace("%", "5"));
  });

  test("but a path that is not there in the last is a mistake, wherever else it is", () => {
    expect(() => edit('{"a":[{"b":1}],"a":[]}', ...inside)).toThrow("not there");
    expect(() => edit('{"a":[{"b":1}],"a":1}', ...inside)).toThrow("holds no others");
    expect(() => edit('{"a":[{"b":1}],"a":{"0":{}}}', ...inside)).toThrow("not an array");
  });

  test("a name that comes often makes a body no longer, and costs no more than its bytes", () => {
    const often = (value: string) => `{${`"a":${value},`.repeat(20_000)}`;
    const long = "x".repeat(100_000);
    expect(edit(`${often("0")}"a":1}`, { op: "set", path: ["a"], value: long })).toBe(
      `${often("0")}"a":"${long}"}`,
    );
    const many = Array.from({ length: 20_000 }, (_, at): Splice => ({ op: "remove", path: ["a", at] }));
    expect(edit(`${often("[]")}"a":[${"0,".repeat(19_999)}0]}`, ...many)).toBe(`${often("[]")}"a":[]}`);
  });
});

describe("the parts of a value", () => {
  test("are the texts that came, in their order, the last of one name", () => {
    expect([...piecesOf(' { "b" : 1.0 ,"10":[ 1e400 ],"2":{"x":"}"} ,"\\u0061":null,"b":2 } ')]).toEqual([
      ["b", "2"],
      ["10", "[ 1e400 ]"],
      ["2", '{"x":"}"}'],
      ["a", "null"],
    ]);
    expect([...piecesOf('[ 12345678901234567890 , "\\ud800",[]]')]).toEqual([
      [0, "12345678901234567890"],
      [1, '"\\ud800"'],
      [2, "[]"],
    ]);
  });

  test("are none where it holds no others", () => {
    for (const json of ["{}", "[ ]", "null", '"[1]"', "1.0"]) expect(piecesOf(json).size).toBe(0);
  });
});

/** What the edits mean on a parsed value; the oracle of the property below. */
function editValue(value: unknown, edits: readonly Splice[]): unknown {
  const own = edits.filter((each) => each.path.length === 0);
  const set = own.findLast((each) => each.op === "set");
  if (set?.op === "set") return set.value;
  const inside = (key: string | number) =>
    edits
      .filter((each) => each.path[0] === key)
      .map((each) => ({ ...each, path: each.path.slice(1) }) as Splice);
  const gone = (key: string | number) =>
    edits.some((each) => each.op === "remove" && each.path.length === 1 && each.path[0] === key);
  if (Array.isArray(value)) {
    const kept = value.flatMap((each, index) => (gone(index) ? [] : [editValue(each, inside(index))]));
    return [...own.flatMap((each) => (each.op === "prepend" ? [each.value] : [])), ...kept];
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, each]) =>
    gone(key) ? [] : [[key, editValue(each, inside(key))] as const],
  );
  const added = edits.flatMap((each) =>
    each.op === "set" && each.path.length === 1 && !Object.hasOwn(value, each.path[0]!)
      ? [[String(each.path[0]), each.value] as const]
      : [],
  );
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, each] of [...entries, ...added]) out[key] = each;
  return out;
}

/** Every path in a value. */
function paths(value: unknown, at: (string | number)[] = []): (string | number)[][] {
  if (Array.isArray(value)) return [at, ...value.flatMap((each, index) => paths(each, [...at, index]))];
  if (typeof value === "object" && value !== null)
    return [at, ...Object.entries(value).flatMap(([key, each]) => paths(each, [...at, key]))];
  return [at];
}

function at(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown>)[step], value);
}

const canonical = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(canonical)
    : typeof value === "object" && value !== null
      ? Object.entries(value)
          .map(([key, each]) => [key, canonical(each)])
          .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
      : Object.is(value, -0)
        ? 0
        : value;

describe("patching then parsing equals parsing then patching", () => {
  const cases = fc.oneof(fc.json({ maxDepth: 4 }), anyJsonText).chain((source) => {
    const value: unknown = JSON.parse(source);
    const places = paths(value).slice(1);
    const containers = paths(value).filter(
      (path) => typeof at(value, path) === "object" && at(value, path) !== null,
    );
    const one: fc.Arbitrary<Splice>[] = [];
    if (places.length > 0) {
      one.push(
        fc.record({
          op: fc.constant("set" as const),
          path: fc.constantFrom(...places),
          value: fc.jsonValue(),
        }),
      );
      one.push(fc.record({ op: fc.constant("remove" as const), path: fc.constantFrom(...places) }));
    }
    for (const path of containers) {
      const held = at(value, path);
      if (Array.isArray(held))
        one.push(
          fc.record({ op: fc.constant("prepend" as const), path: fc.constant(path), value: fc.jsonValue() }),
        );
      else
        one.push(
          fc.record({
            op: fc.constant("set" as const),
            path: fc
              .string()
              .filter((key) => !Object.hasOwn(held as object, key))
              .map((key) => [...path, key]),
            value: fc.jsonValue(),
          }),
        );
    }
    const edits: fc.Arbitrary<Splice[]> =
      one.length === 0
        ? fc.constant([])
        : fc.uniqueArray(fc.oneof(...one), { selector: (each) => JSON.stringify(each.path), maxLength: 5 });
    return fc.record({
      source: fc.constantFrom(
        source,
        JSON.stringify(value, null, 2),
        JSON.stringify(value, null, "\t").replaceAll("\n", "\r\n"),
      ),
      edits,
    });
  });

  test("for any JSON and any edits", () => {
    fc.assert(
      fc.property(cases, ({ source, edits }) => {
        // An edit below a value that another edit removes or sets has no effect; the oracle says the same.
        const live = edits.filter(
          (each) =>
            !edits.some(
              (other) =>
                other !== each &&
                (other.op === "remove" || other.op === "set") &&
                other.path.length < each.path.length &&
                other.path.every((step, index) => step === each.path[index]),
            ),
        );
        const patched: unknown = JSON.parse(edit(source, ...edits));
        expect(canonical(patched)).toEqual(canonical(editValue(JSON.parse(source), live)));
      }),
      { numRuns: 2000 },
    );
  });
});
