/** Requests to Claude's models: what the API takes, what a conversation's next turn keeps, what is declared and refused. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/json.ts";
import { readCarrier, writeCarrier } from "../../../src/protocols/translate/carriers/carrier.ts";
import { changesOf, type Loss } from "../../../src/protocols/translate/losses.ts";
import { MESSAGES } from "../../../src/protocols/translate/messages/index.ts";
import type { Item, ModelRequest, Part } from "../../../src/protocols/translate/model.ts";
import type { TargetTraits } from "../../../src/protocols/translate/traits.ts";
import { messagesFaults } from "../../fakes/claude/request-rules.ts";
import { requests } from "./support/conversations.ts";
import { CLAUDE } from "./support/targets.ts";

const { owner } = CLAUDE.sonnet5.traits;
const anyRequest = requests({ owner, from: "messages" });

const EMPTY: ModelRequest = {
  model: "asked",
  streams: true,
  includeUsage: true,
  system: [],
  items: [],
  tools: [],
  toolChoice: undefined,
  parallel: undefined,
  maxOutput: 8000,
  stops: [],
  sampling: {},
  reasoning: {},
  format: undefined,
  verbosity: undefined,
  tier: undefined,
  cacheKey: undefined,
  session: undefined,
  at: {},
};

const at = "input.0";
const text = (words: string): Part => ({ type: "text", text: words, at });
const user = (words = "u"): Item => ({ type: "message", role: "user", parts: [text(words)], at });
const assistant = (words = "a"): Item => ({ type: "message", role: "assistant", parts: [text(words)], at });
const developer = (words = "d"): Item => ({ type: "message", role: "developer", parts: [text(words)], at });
const call = (id: string, input = "{}"): Item => ({
  type: "call",
  kind: "function",
  id,
  name: "f",
  input,
  at,
});
const result = (callId: string, ...parts: Part[]): Item =>
  ({ type: "result", callId, parts, isError: false, at }) as Item;
const thinking = (words = "t", tag = owner.tag): Item => ({
  type: "reasoning",
  text: "shown",
  carrier: readCarrier(writeCarrier({ ...owner, tag }, { from: "messages", signature: "sig", text: words })),
  at,
});

interface Written {
  value: JsonObject & { messages: { role: string; content: JsonObject[] }[] };
  changes: string[];
  refusals: Extract<Loss, { kind: "refuse" }>[];
  betas: readonly string[];
}

function write(request: Partial<ModelRequest>, traits: Partial<TargetTraits> = {}): Written {
  const target = { ...CLAUDE.sonnet5.traits, cacheMarks: false, ...traits };
  const { value, losses, betas } = MESSAGES.encodeRequest({ ...EMPTY, ...request }, target);
  return {
    value: value as Written["value"],
    changes: changesOf(losses),
    refusals: losses.filter((loss) => loss.kind === "refuse"),
    betas,
  };
}

/** Roles and block types, for example `user[text] assistant[tool_use]`. */
function outline({ value }: Written): string {
  return value.messages
    .map(({ role, content }) => `${role}[${content.map(({ type }) => type).join(" ")}]`)
    .join(" ");
}

describe("every request", () => {
  for (const [name, { traits, rules }] of Object.entries(CLAUDE))
    test(`to ${name} is one that the API takes`, () => {
      fc.assert(
        fc.property(anyRequest, (request) => {
          const { value, losses } = MESSAGES.encodeRequest(request, traits);
          if (losses.some(({ kind }) => kind === "refuse")) return;
          expect(messagesFaults(value, rules)).toEqual([]);
        }),
        { numRuns: 150 },
      );
    });

  test("is the same every time, and undefined values do not stand in it", () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        const first = JSON.stringify(MESSAGES.encodeRequest(request, CLAUDE.opus48.traits));
        expect(JSON.stringify(MESSAGES.encodeRequest(request, CLAUDE.opus48.traits))).toBe(first);
      }),
      { numRuns: 50 },
    );
  });

  test("begins as the turn before did", () => {
    fc.assert(
      fc.property(anyRequest, anyRequest, (now, later) => {
        const traits = { ...CLAUDE.sonnet5.traits, cacheMarks: false };
        const items = [...now.items, user()];
        const first = write({ ...now, items }, traits).value;
        const second = write({ ...now, items: [...items, assistant(), ...later.items] }, traits).value;
        const whole = JSON.stringify(first.messages).slice(0, -1);
        expect(JSON.stringify(second.messages).startsWith(whole)).toBe(true);
        expect(second.system).toEqual(first.system);
        expect(second.tools).toEqual(first.tools);
      }),
      { numRuns: 150 },
    );
  });
});

describe("the shape", () => {
  test.each<[string, Item[], string, string[]]>([
    ["the user begins", [assistant(), user()], "user[text] assistant[text] user[text]", ["added:user-turn"]],
    ["and ends", [user(), assistant()], "user[text] assistant[text] user[text]", ["added:user-turn"]],
    [
      "roles merge",
      [user(), user(), assistant(), assistant(), user()],
      "user[text text] assistant[text text] user[text]",
      [],
    ],
    [
      "results come first",
      [user(), call("a"), user(), result("a")],
      "user[text] assistant[tool_use] user[tool_result text]",
      ["moved:tool-result"],
    ],
    [
      "texts come before calls",
      [user(), call("a"), assistant(), call("b"), result("a"), result("b")],
      "user[text] assistant[text tool_use tool_use] user[tool_result tool_result]",
      [],
    ],
    [
      "but never pass thinking",
      [user(), thinking(), call("a"), thinking(), assistant(), call("b"), result("a"), result("b")],
      "user[text] assistant[thinking tool_use thinking text tool_use] user[tool_result tool_result]",
      [],
    ],
    [
      "thinking at a turn's end is left out",
      [user(), assistant(), thinking(), user()],
      "user[text] assistant[text] user[text]",
      ["dropped:reasoning"],
    ],
    [
      "so is another account's",
      [user(), thinking("t", "ffffffff"), assistant(), user()],
      "user[text] assistant[text] user[text]",
      ["dropped:reasoning"],
    ],
    ["blank texts are left out", [user(), assistant("  "), user("\n"), user()], "user[text text]", []],
    [
      "developer text follows the user",
      [user(), developer(), assistant(), user()],
      "user[text] system[text] assistant[text] user[text]",
      [],
    ],
    [
      "and what the user says after it",
      [user(), developer(), user(), assistant(), user()],
      "user[text text] system[text] assistant[text] user[text]",
      ["moved:system"],
    ],
    [
      "alone it is the user's",
      [user(), assistant(), developer("x"), developer("y"), assistant(), user()],
      "user[text] assistant[text] user[text] system[text] assistant[text] user[text]",
      ["moved:system"],
    ],
    [
      "a search is text",
      [user(), { type: "search", queries: ["q"], results: [], at }, user()],
      "user[text] assistant[text] user[text]",
      [],
    ],
  ])("%s", (_, items, expected, changes) => {
    const written = write({ items });
    expect(outline(written)).toBe(expected);
    expect(written.changes).toEqual(changes);
  });

  test("developer text of older models is a reminder in place", () => {
    const written = write(
      { items: [user("1"), developer("d"), user("2")] },
      { messages: CLAUDE.haiku45.traits.messages },
    );
    expect(written.value.messages[0]?.content.map(({ text }) => text)).toEqual([
      "1",
      "<system-reminder>\nd\n</system-reminder>",
      "2",
    ]);
    expect(written.changes).toEqual(["moved:system"]);
  });

  test("with no one to answer, the last system text is the user's", () => {
    const system = [text("one"), text("two")] as ModelRequest["system"];
    const written = write({ system });
    expect(written.value).toMatchObject({
      system: [{ text: "one" }],
      messages: [{ role: "user", content: [{ text: "two" }] }],
    });
    expect(written.changes).toEqual(["moved:system"]);
    expect(outline(write({}))).toBe("user[text]");
  });

  test("a response to go on with stays last where the model takes that", () => {
    const traits = CLAUDE.haiku45.traits;
    expect(write({ items: [user(), assistant("so ")] }, traits).value.messages.at(-1)).toEqual({
      role: "assistant",
      content: [{ type: "text", text: "so" }],
    });
  });

  test("results keep media and failures, and an empty one has no content", () => {
    const image: Part = { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AA" }, at };
    const failed: Item = { type: "result", callId: "b", parts: [], isError: true, at };
    const { value } = write({ items: [user(), call("a"), call("b"), result("a", text("t"), image), failed] });
    expect(value.messages.at(-1)?.content).toEqual([
      {
        type: "tool_result",
        tool_use_id: "a",
        content: [
          { type: "text", text: "t" },
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } },
        ],
      },
      { type: "tool_result", tool_use_id: "b", is_error: true },
    ]);
  });

  test.each([
    ['{"a":1}', { a: 1 }],
    ["", {}],
    ["[1]", { _raw: [1] }],
    ["not JSON", { _raw: "not JSON" }],
  ])("arguments %s are %o", (input, expected) => {
    const { value } = write({ items: [user(), call("a", input), result("a")] });
    expect(value.messages[1]?.content[0]?.input).toEqual(expected);
  });

  test("documents are PDF or text", () => {
    const part = (mediaType: string, data: string): Part => ({
      type: "document",
      source: { kind: "base64", mediaType, data },
      name: "n",
      at: "input.0.content.0",
    });
    const message = (one: Part): Item => ({ type: "message", role: "user", parts: [one], at });
    expect(write({ items: [message(part("text/csv", "aGk="))] }).value.messages[0]?.content[0]).toEqual({
      type: "document",
      source: { type: "text", media_type: "text/plain", data: "hi" },
      title: "n",
    });
    expect(write({ items: [message(part("application/zip", "AA"))] }).refusals).toEqual([
      {
        kind: "refuse",
        path: "input.0.content.0",
        why: "Claude reads PDF and text, not `application/zip`",
        instead: "Send the file as PDF or as text.",
      },
    ]);
    const audio = write({ items: [message({ type: "audio", data: "AA", format: "wav", at: "x" })] });
    expect(audio.refusals[0]).toMatchObject({ path: "x", why: "Claude does not listen" });
  });
});

describe("thinking", () => {
  const loop = [user(), thinking(), call("a"), result("a")];

  test("is restored word for word, with its checks turned to dropping", () => {
    const { value, betas } = write({ items: loop, reasoning: { effort: "high" } });
    expect(value.messages[1]?.content[0]).toEqual({ type: "thinking", thinking: "t", signature: "sig" });
    expect(value.thinking).toEqual({
      type: "adaptive",
      block_binding: { prefix_mismatch_behavior: "drop_block" },
    });
    expect(betas).toEqual(["thinking-binding-controls-2026-08-01"]);
  });

  test("redacted is restored as redacted", () => {
    const carrier = readCarrier(writeCarrier(owner, { from: "messages", redacted: "xyz" }));
    const item: Item = { type: "reasoning", text: "", carrier, at };
    expect(write({ items: [user(), item, assistant(), user()] }).value.messages[1]?.content[0]).toEqual({
      type: "redacted_thinking",
      data: "xyz",
    });
  });

  test("is not restored where the model does not think", () => {
    const written = write({ items: loop, reasoning: { effort: "none" } });
    expect(outline(written)).toBe("user[text] assistant[tool_use] user[tool_result]");
    expect(written.value.thinking).toEqual({ type: "disabled" });
    expect(written.changes).toEqual(["dropped:reasoning"]);
  });

  test("with a budget is off in a tool loop that lost it, and on again with the user's next words", () => {
    const traits = CLAUDE.haiku45.traits;
    const lost = [user(), call("a"), result("a")];
    const reasoning = { effort: "low" } as const;
    const inLoop = write({ items: lost, reasoning }, traits);
    expect(inLoop.value.thinking).toBeUndefined();
    expect(inLoop.changes).toContain("lowered:thinking");
    expect(write({ items: [...lost, user()], reasoning }, traits).value.thinking).toEqual({
      type: "enabled",
      budget_tokens: 2048,
    });
  });

  test("with a budget asks to think between tools", () => {
    const tool = { type: "function", kind: "function", name: "f", schema: {}, at } as const;
    const { betas } = write(
      { items: [user()], tools: [tool], reasoning: { effort: "low" } },
      CLAUDE.haiku45.traits,
    );
    expect(betas).toEqual(["interleaved-thinking-2025-05-14"]);
  });

  test("is shown where the client wants to see it", () => {
    expect(write({ reasoning: { display: "summarized", effort: "low" } }).value.thinking).toEqual({
      type: "adaptive",
      display: "summarized",
    });
  });
});

describe("fields", () => {
  const tool = { type: "function", kind: "function", name: "f", schema: {}, at } as const;

  test.each<[string, Partial<ModelRequest>, Partial<TargetTraits>, object, string[]]>([
    [
      "max_tokens is the model's",
      { maxOutput: undefined },
      { maxOutput: 8192 },
      { max_tokens: 8192 },
      ["added:max-tokens"],
    ],
    [
      "max_tokens is at most 64000",
      { maxOutput: undefined },
      { maxOutput: 128_000 },
      { max_tokens: 64_000 },
      ["added:max-tokens"],
    ],
    ["max_tokens fits", { maxOutput: 99_999 }, {}, { max_tokens: 64_000 }, ["lowered:max-tokens"]],
    ["any", { tools: [tool], toolChoice: { mode: "required" } }, {}, { tool_choice: { type: "any" } }, []],
    [
      "none",
      { tools: [tool], toolChoice: { mode: "none" }, parallel: false },
      {},
      { tool_choice: { type: "none" } },
      [],
    ],
    [
      "one tool",
      { tools: [tool], toolChoice: { mode: "tool", name: "f" } },
      {},
      { tool_choice: { type: "tool", name: "f" } },
      [],
    ],
    [
      "not in parallel",
      { tools: [tool], parallel: false },
      {},
      { tool_choice: { type: "auto", disable_parallel_tool_use: true } },
      [],
    ],
    [
      "a choice that is refused",
      { tools: [tool], toolChoice: { mode: "required" } },
      { forcedToolChoice: false },
      { tool_choice: { type: "auto" } },
      ["lowered:tool-choice"],
    ],
    ["a choice without tools", { toolChoice: { mode: "required" } }, {}, {}, []],
    ["blank stops", { stops: ["a", "\n"] }, {}, { stop_sequences: ["a"] }, ["dropped:stop"]],
    ["JSON without a schema", { format: { type: "json_object" } }, {}, {}, ["dropped:json_object"]],
    ["verbosity", { verbosity: "low" }, {}, {}, ["dropped:verbosity"]],
    ["logprobs", { sampling: { topLogprobs: 3 } }, {}, {}, ["dropped:top_logprobs"]],
    ["priority", { tier: "priority" }, { priority: true }, { speed: "fast" }, []],
    ["no priority", { tier: "priority" }, {}, {}, ["dropped:service_tier"]],
    ["flex", { tier: "flex" }, { priority: true }, {}, ["dropped:service_tier"]],
    [
      "web search",
      { tools: [{ type: "web_search", maxUses: 2, location: { city: "B" }, at }] },
      {},
      {
        tools: [
          {
            type: "web_search_20250305",
            name: "web_search",
            max_uses: 2,
            user_location: { type: "approximate", city: "B" },
          },
        ],
      },
      [],
    ],
    [
      "no web search",
      { tools: [{ type: "web_search", at }] },
      { webSearch: undefined },
      {},
      ["dropped:web_search"],
    ],
    [
      "a custom tool",
      { tools: [{ type: "custom", name: "p", at }] },
      {},
      { tools: [{ name: "p" }] },
      ["wrapped:tools"],
    ],
    [
      "a namespaced tool",
      { tools: [{ ...tool, namespace: "n" }] },
      {},
      { tools: [{ name: "n__f", input_schema: { type: "object", properties: {} } }] },
      [],
    ],
    [
      "a tool twice",
      { tools: [tool, { ...tool, description: "later" }] },
      {},
      { tools: [{ name: "f" }] },
      [],
    ],
  ])("%s", (_, request, traits, expected, changes) => {
    const written = write({ items: [user()], ...request }, traits);
    expect(written.value).toMatchObject(expected);
    expect(Object.keys(written.value).sort()).toEqual(
      [
        ...new Set([
          "model",
          "max_tokens",
          "messages",
          "stream",
          ...Object.keys(expected),
          ...(request.tools && "tools" in written.value ? ["tools"] : []),
        ]),
      ].sort(),
    );
    expect(written.changes).toEqual(changes);
  });

  test("a web search that must run where there is none is refused", () => {
    const { refusals } = write(
      {
        items: [user()],
        tools: [{ type: "web_search", at }],
        toolChoice: { mode: "web_search" },
        at: { toolChoice: "tool_choice" },
      },
      { webSearch: undefined },
    );
    expect(refusals).toEqual([
      {
        kind: "refuse",
        path: "tool_choice",
        why: "it has no web search",
        instead: "Leave the tool choice out, or choose a model that searches.",
      },
    ]);
  });

  test("the keys have one order", () => {
    const { value } = write({
      items: [user()],
      system: [text("s")] as ModelRequest["system"],
      tools: [tool],
      toolChoice: { mode: "auto" },
      reasoning: { effort: "high" },
      stops: ["x"],
    });
    expect(Object.keys(value)).toEqual(
      "model max_tokens system messages tools tool_choice thinking output_config stop_sequences stream".split(
        " ",
      ),
    );
  });

  test("breakpoints are placed and declared", () => {
    const written = write({ items: [user()], tools: [tool] }, { cacheMarks: true });
    expect(written.changes).toEqual(["placed:cache"]);
    expect(written.value.tools).toMatchObject([{ cache_control: { type: "ephemeral" } }]);
  });
});
