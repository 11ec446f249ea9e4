/** Token counts, schemas, cache breakpoints and the words of failures between the protocols. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/json.ts";
import { errorFor, failureFor, failureFrom } from "../../../src/protocols/translate/failures.ts";
import { refusalOf } from "../../../src/protocols/translate/losses.ts";
import { canBeStrict, objectSchema, outputSchema } from "../../../src/protocols/translate/tools/schema.ts";
import { placeMarks } from "../../../src/protocols/translate/values/cache.ts";
import { searchDigest } from "../../../src/protocols/translate/values/search.ts";
import {
  usageFromChat,
  usageFromMessages,
  usageFromResponses,
  usageToChat,
  usageToMessages,
  usageToResponses,
} from "../../../src/protocols/translate/values/usage.ts";

describe("usage", () => {
  const usages = fc
    .record({
      fresh: fc.nat(9999),
      cacheRead: fc.nat(9999),
      cacheWrite: fc.nat(999),
      output: fc.nat(9999),
      reasoning: fc.nat(99),
      searches: fc.nat(3),
    })
    .map(({ fresh, ...rest }) => ({ input: fresh + rest.cacheRead + rest.cacheWrite, ...rest }));

  test("comes back from every protocol", () => {
    fc.assert(
      fc.property(usages, (usage) => {
        expect(usageFromMessages(usageToMessages(usage))).toEqual(usage);
        expect(usageFromResponses(usageToResponses(usage), usage.searches)).toEqual(usage);
        expect(usageFromChat(usageToChat(usage))).toEqual({ ...usage, searches: 0 });
      }),
    );
  });

  test("cached input is counted once", () => {
    const usage = usageFromResponses({ input_tokens: 100, input_tokens_details: { cached_tokens: 80 } });
    expect(usageToMessages(usage)).toMatchObject({ input_tokens: 20, cache_read_input_tokens: 80 });
    expect(usageToChat(usage)).toMatchObject({ prompt_tokens: 100, total_tokens: 100 });
  });

  test("more cached than sent is no negative count, and odd values are zeros", () => {
    const usage = usageFromChat({ prompt_tokens: 10, prompt_tokens_details: { cached_tokens: 30 } });
    expect(usageToMessages(usage)).toMatchObject({ input_tokens: 0, cache_read_input_tokens: 30 });
    expect(usageFromMessages({ input_tokens: "7", output_tokens: null })).toMatchObject({
      input: 0,
      output: 0,
    });
    for (const none of [undefined, null, 3]) expect(usageFromResponses(none).input).toBe(0);
  });

  test("a later event of a Messages stream replaces what it names", () => {
    const first = usageFromMessages({ input_tokens: 5, cache_read_input_tokens: 7, output_tokens: 1 });
    expect(usageFromMessages({ output_tokens: 30 }, first)).toMatchObject({
      input: 12,
      cacheRead: 7,
      output: 30,
    });
    expect(usageFromMessages({ input_tokens: 6, output_tokens: 30 }, first)).toMatchObject({ input: 13 });
  });
});

describe("schemas", () => {
  test.each<[string, JsonObject, JsonObject]>([
    ["an object stays", { type: "object", properties: {} }, { type: "object", properties: {} }],
    ["nothing is an empty object", {}, { type: "object", properties: {} }],
    [
      "the dialect goes",
      { $schema: "s", type: "object", properties: {} },
      { type: "object", properties: {} },
    ],
    ["null is no root", { type: ["object", "null"], properties: {} }, { type: "object", properties: {} }],
    [
      "alternatives are merged",
      {
        anyOf: [
          {
            type: "object",
            properties: { a: { type: "string" }, b: { type: "string" } },
            required: ["a", "b"],
          },
          { type: "object", properties: { a: { type: "number" } }, required: ["a"] },
        ],
      },
      { type: "object", properties: { a: { type: "string" }, b: { type: "string" } }, required: ["a"] },
    ],
    [
      "all of several are all required",
      {
        allOf: [
          { properties: { a: {} }, required: ["a"] },
          { properties: { b: {} }, required: ["b"] },
        ],
      },
      { type: "object", properties: { a: {}, b: {} }, required: ["a", "b"] },
    ],
    [
      "a root reference is followed",
      { $ref: "#/$defs/A", $defs: { A: { type: "object", properties: { a: {} } } } },
      { type: "object", properties: { a: {} }, $defs: { A: { type: "object", properties: { a: {} } } } },
    ],
  ])("of a tool: %s", (_, given, expected) => {
    expect(objectSchema(given)).toEqual(expected);
    expect(objectSchema(objectSchema(given))).toEqual(expected);
  });

  test("of an output are closed, and limits become words", () => {
    const schema = {
      $schema: "s",
      type: "object",
      properties: {
        n: { type: "integer", minimum: 1, description: "A count." },
        list: { type: "array", items: { type: "object", properties: {} }, maxItems: 3 },
        s: { type: "string", minLength: 2, format: "date" },
        u: { oneOf: [{ type: "string" }, { type: "null" }] },
        // A member that has the name of a keyword.
        minimum: { type: "string" },
      },
      required: ["n"],
    };
    expect(outputSchema(schema)).toEqual({
      type: "object",
      properties: {
        n: { type: "integer", description: "A count.\n\n{minimum: 1}" },
        list: {
          type: "array",
          items: { type: "object", properties: {}, additionalProperties: false },
          description: "{maxItems: 3}",
        },
        s: { type: "string", minLength: 2, format: "date" },
        u: { anyOf: [{ type: "string" }, { type: "null" }] },
        minimum: { type: "string" },
      },
      required: ["n"],
      additionalProperties: false,
    });
  });

  test("strict ones are closed and require everything", () => {
    const inner = {
      type: "object",
      properties: { a: { type: "string" } },
      required: ["a"],
      additionalProperties: false,
    };
    expect(canBeStrict(inner)).toBe(true);
    expect(canBeStrict({ ...inner, required: [] })).toBe(false);
    expect(canBeStrict({ type: "object", properties: {} })).toBe(false);
    expect(canBeStrict({ ...inner, properties: { a: { type: "object", properties: {} } } })).toBe(false);
    expect(canBeStrict({ anyOf: [inner] })).toBe(false);
  });
});

describe("cache breakpoints", () => {
  const mark = { type: "ephemeral" };

  test("stand on the last tool, the last system block and the last two messages of the user", () => {
    const tools: JsonObject[] = [{}, {}];
    const system: JsonObject[] = [{}, {}];
    const users: JsonObject[][] = [[{}], [{}, {}], [{}]];
    const messages = users.map((content) => ({ role: "user", content }));
    expect(placeMarks({ tools, system, messages })).toBe(true);
    expect([tools, system, users]).toEqual([
      [{}, { cache_control: mark }],
      [{}, { cache_control: mark }],
      [[{}], [{}, { cache_control: mark }], [{ cache_control: mark }]],
    ]);
  });

  test("before a client's long one are long, after it short", () => {
    const long = { type: "ephemeral", ttl: "1h" };
    const system: JsonObject[] = [{}];
    const content: JsonObject[][] = [[{ cache_control: long }], [{}]];
    placeMarks({ tools: [], system, messages: content.map((blocks) => ({ role: "user", content: blocks })) });
    expect([system, content]).toEqual([
      [{ cache_control: long }],
      [[{ cache_control: long }], [{ cache_control: mark }]],
    ]);
  });

  test("are never more than four, the client's own among them", () => {
    const block = fc
      .option(fc.constantFrom("5m", "1h"), { nil: undefined, freq: 2 })
      .map((ttl): JsonObject => (ttl === undefined ? {} : { cache_control: { type: "ephemeral", ttl } }));
    const blocks = fc.array(block, { maxLength: 4 });
    fc.assert(
      fc.property(
        blocks,
        blocks,
        fc.array(fc.array(block, { minLength: 1, maxLength: 2 }), { maxLength: 3 }),
        (tools, system, users) => {
          const all = [...tools, ...system, ...users.flat()];
          const before = all.filter((each) => each.cache_control).length;
          const messages = users.map((content, index) => ({
            role: index % 2 === 0 ? "user" : "assistant",
            content,
          }));
          placeMarks({ tools, system, messages });
          const after = all.filter((each) => each.cache_control).length;
          expect(after).toBeLessThanOrEqual(4);
          expect(after).toBeGreaterThanOrEqual(Math.min(before, 4));
        },
      ),
    );
  });
});

describe("failures", () => {
  test.each([
    [
      '{"error":{"code":"context_length_exceeded","message":"Your input exceeds the context window of this model."}}',
      "prompt is too long: Your input exceeds the context window of this model.",
    ],
    [
      '{"error":{"message":"This model\'s maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens."}}',
      "prompt is too long: 130001 tokens > 128000 maximum",
    ],
    [
      '{"error":{"code":"model_max_prompt_tokens_exceeded","message":"prompt token count of 70000 exceeds the limit of 64000"}}',
      "prompt is too long: 70000 tokens > 64000 maximum",
    ],
    [
      '{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}',
      "prompt is too long: 210000 tokens > 200000 maximum",
    ],
  ])("a full context window is known by %s", (source, words) => {
    expect(errorFor("messages", 400, "", source)).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", message: words },
    });
    expect(errorFor("responses", 400, "", source)).toMatchObject({
      error: { code: "context_length_exceeded" },
    });
    expect(failureFrom(source)).toMatchObject({
      code: "context_length_exceeded",
      retryable: false,
      status: 400,
    });
    expect(failureFor("messages", failureFrom(source)).message).toBe(words);
  });

  test("words and status stay, the type is the client's", () => {
    const anthropic = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
    expect(errorFor("chat", 529, "", anthropic)).toEqual({
      error: { message: "Overloaded", type: "server_error", param: null, code: "overloaded_error" },
    });
    const openai = '{"error":{"message":"Slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}';
    expect(errorFor("messages", 429, "", openai)).toMatchObject({
      type: "error",
      error: { type: "rate_limit_error", message: "Slow down" },
    });
  });

  test("a used-up limit keeps what Codex CLI shows of it", () => {
    const source = '{"error":{"type":"usage_limit_reached","message":"m","plan_type":"pro","resets_at":7}}';
    expect(errorFor("responses", 429, "", source)).toMatchObject({
      error: { type: "usage_limit_reached", plan_type: "pro", resets_at: 7 },
    });
  });

  test("of streams have the status of their type", () => {
    const of = (type: string) =>
      failureFrom(JSON.stringify({ type: "error", error: { type, message: "m" } }));
    expect(of("overloaded_error")).toMatchObject({ status: 529, retryable: true });
    expect(of("rate_limit_error")).toMatchObject({ status: 429, retryable: true });
    expect(of("invalid_request_error")).toMatchObject({ status: 400, retryable: false });
    expect(failureFrom("not JSON")).toMatchObject({ status: 502, retryable: true, message: "not JSON" });
    const failed = {
      type: "response.failed",
      response: { error: { code: "rate_limit_exceeded", message: "m" } },
    };
    expect(failureFrom(JSON.stringify(failed))).toMatchObject({
      status: 429,
      code: "rate_limit_exceeded",
      message: "m",
    });
  });
});

test("a refusal names the place, the model, the reason and the way out", () => {
  const error = refusalOf(
    [
      { kind: "change", path: "top_k", change: "dropped:top_k" },
      { kind: "refuse", path: "n", why: "one request has one answer", instead: "Send several requests." },
    ],
    { model: "claude-opus-5", protocol: "messages" },
  );
  expect(error).toMatchObject({
    code: "untranslatable",
    status: 400,
    param: "n",
    message:
      "`n` cannot be carried to `claude-opus-5`, which speaks messages: one request has one answer. Send several requests.",
  });
});

test("a search of an earlier turn is text", () => {
  expect(
    searchDigest({
      queries: ["q"],
      results: [
        { url: "https://a", title: "A" },
        { url: "https://b", title: "" },
      ],
    }),
  ).toBe("Searched the web for: q\n- A: https://a\n- https://b");
});
