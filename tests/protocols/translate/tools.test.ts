/** Tools of one protocol in another: their names, free-text inputs, and the calls of a response. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Budget } from "../../../src/protocols/translate/codec.ts";
import type {
  FunctionTool,
  ResponseEvent,
  StopReason,
  Tool,
} from "../../../src/protocols/translate/model.ts";
import {
  unwrapCustomInput,
  wrapCustomInput,
  wrapCustomTool,
} from "../../../src/protocols/translate/tools/custom.ts";
import { aliasOf, ToolNames } from "../../../src/protocols/translate/tools/names.ts";
import { ToolRestorer } from "../../../src/protocols/translate/tools/restore.ts";

function functionTool(name: string, namespace?: string): FunctionTool {
  return { type: "function", kind: "function", namespace, name, schema: {}, at: "tools.0" };
}

const customTool: Tool = { type: "custom", name: "apply_patch", at: "tools.1" };

describe("names", () => {
  test("every alias fits every provider, is one tool's alone and leads back to it", () => {
    const name = fc.oneof(
      fc.stringMatching(/^[a-c_]{1,4}$/),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }),
    );
    const tool = fc.record({ namespace: fc.option(name, { nil: undefined }), name });
    fc.assert(
      fc.property(fc.array(tool, { maxLength: 12 }), (tools) => {
        const names = new ToolNames({
          tools: tools.map((each) => functionTool(each.name, each.namespace)),
          items: [],
        });
        const seen = new Map<string, string>();
        for (const each of tools) {
          const alias = names.alias(each.namespace, each.name);
          expect(alias).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
          expect(names.original(alias)).toMatchObject({ namespace: each.namespace, name: each.name });
          const key = JSON.stringify([each.namespace, each.name]);
          expect(seen.get(alias) ?? key).toBe(key);
          seen.set(alias, key);
        }
      }),
    );
  });

  test("a valid name stays, a namespace is joined, an unknown name passes", () => {
    const names = new ToolNames({
      tools: [functionTool("read"), functionTool("run", "mcp__shell")],
      items: [],
    });
    expect(names.alias(undefined, "read")).toBe("read");
    expect(names.alias("mcp__shell", "run")).toBe("mcp__shell__run");
    expect(names.original("mcp__shell__run")).toEqual({
      call: "function",
      namespace: "mcp__shell",
      name: "run",
    });
    expect(names.alias(undefined, "other")).toBe("other");
    expect(names.original("other")).toBeUndefined();
  });

  test("a tool that history alone names has its alias too", () => {
    const call = {
      type: "call",
      kind: "custom",
      id: "1",
      namespace: "a",
      name: "b",
      input: "",
      at: "",
    } as const;
    expect(new ToolNames({ tools: [], items: [call] }).original("a__b")?.call).toBe("custom");
  });

  test("an alias depends on the tool alone", () => {
    expect(aliasOf("n s", "tool")).toBe(aliasOf("n s", "tool"));
    expect(aliasOf(undefined, "x".repeat(65))).not.toBe(aliasOf(undefined, "x".repeat(66)));
  });
});

describe("custom tools", () => {
  test("any text comes back through the wrapping", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(unwrapCustomInput(wrapCustomInput(text))).toBe(text);
      }),
    );
  });

  test.each([
    ['{"input":"a","why":"b"}', "a"],
    ['{"patch":"*** Begin Patch"}', "*** Begin Patch"],
    ['"bare"', "bare"],
    ["*** Begin Patch", "*** Begin Patch"],
    ['{"a":"x","b":"y"}', '{"a":"x","b":"y"}'],
    ['{"a":1}', '{"a":1}'],
    ["[1]", "[1]"],
  ])("the input in %s is %s", (args, input) => {
    expect(unwrapCustomInput(args)).toBe(input);
  });

  test("the grammar stands in the description word for word", () => {
    const grammar = { syntax: "lark", definition: 'start: "a"\n' };
    const { description, schema } = wrapCustomTool({
      ...customTool,
      type: "custom",
      description: "Patches.",
      grammar,
    });
    expect(description).toMatch(/^Patches\.\n\n/);
    expect(description).toContain('lark grammar:\nstart: "a"\n');
    expect(schema.required).toEqual(["input"]);
  });
});

describe("calls of a response", () => {
  function restored(input: string[], { name = "read", reason = "tool" as StopReason } = {}): ResponseEvent[] {
    const names = new ToolNames({
      tools: [functionTool("read"), functionTool("run", "ns"), customTool],
      items: [],
    });
    const events: ResponseEvent[] = [];
    const restorer = new ToolRestorer(names, new Budget(), (event) => events.push(event));
    restorer.write({ type: "start" });
    restorer.write({ type: "open", key: 0, block: { kind: "tool", id: "c", call: "function", name } });
    for (const text of input) restorer.write({ type: "delta", key: 0, text });
    restorer.write({ type: "close", key: 0 });
    restorer.write({ type: "stop", reason });
    restorer.write({ type: "stop", reason });
    return events.slice(1);
  }

  test("get their namespace and bare name", () => {
    expect(restored(["{}"], { name: "ns__run" })[0]).toMatchObject({
      block: { kind: "tool", call: "function", namespace: "ns", name: "run" },
    });
  });

  test("of a custom tool are unwrapped into one piece", () => {
    expect(restored(['{"inp', 'ut":"*** Begin"}'], { name: "apply_patch" })).toEqual([
      {
        type: "open",
        key: 0,
        block: { kind: "tool", id: "c", call: "custom", namespace: undefined, name: "apply_patch" },
      },
      { type: "delta", key: 0, text: "*** Begin" },
      { type: "close", key: 0 },
      { type: "stop", reason: "tool" },
    ]);
  });

  test("pass as they come otherwise, and empty arguments are an empty object", () => {
    expect(restored(['{"a"', ":1}"]).slice(1, 3)).toEqual([
      { type: "delta", key: 0, text: '{"a"' },
      { type: "delta", key: 0, text: ":1}" },
    ]);
    expect(restored([])[1]).toEqual({ type: "delta", key: 0, text: "{}" });
  });

  test.each(["read", "apply_patch"])("of %s that are no JSON fail a whole response", (name) => {
    const events = restored(['{"input":"a'], { name });
    expect(events.at(-1)).toMatchObject({ type: "fail", failure: { status: 502, retryable: true } });
    expect(events.filter(({ type }) => type === "close" || type === "stop")).toEqual([]);
  });

  test.each(["length", "context", "refusal"] as const)(
    "are marked as cut in a response that ends with %s",
    (reason) => {
      expect(restored(['{"a'], { reason }).slice(-2)).toEqual([
        { type: "close", key: 0, cut: true },
        { type: "stop", reason },
      ]);
    },
  );

  test("beyond the budget fail the response", () => {
    const events: ResponseEvent[] = [];
    const names = new ToolNames({ tools: [], items: [] });
    const restorer = new ToolRestorer(names, new Budget(3), (event) => events.push(event));
    restorer.write({
      type: "open",
      key: 0,
      block: { kind: "tool", id: "c", call: "function", name: "read" },
    });
    for (const text of ["{}", "{}"]) restorer.write({ type: "delta", key: 0, text });
    restorer.write({ type: "close", key: 0 });
    expect(events.at(-1)).toMatchObject({ type: "fail" });
  });
});
