/** Chat requests to the model and back: each row of what is carried, declared or refused. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/json.ts";
import { accountTag, writeCarrier } from "../../../src/protocols/translate/carriers/carrier.ts";
import { CHAT } from "../../../src/protocols/translate/chat/index.ts";
import { changesOf, refusalOf } from "../../../src/protocols/translate/losses.ts";
import type { TargetTraits } from "../../../src/protocols/translate/traits.ts";

const TARGET: TargetTraits = {
  model: "gemini-3",
  owner: { provider: "copilot", tag: accountTag("acc_1"), scope: "gemini-3" },
  maxOutput: 64_000,
  reasoning: { style: "effort", levels: ["low", "medium", "high"], off: false, byDefault: true },
  sampling: "free",
  webSearch: undefined,
  forcedToolChoice: true,
  cacheMarks: true,
  cacheKey: false,
  priority: false,
  customTools: false,
  messages: undefined,
};

const SEALED = writeCarrier(TARGET.owner, { from: "chat", opaque: "b3Bh", text: "Hm." });

const ASK: JsonObject = { role: "user", content: "go on" };

function body(more: JsonObject = {}): JsonObject {
  return { model: "gemini-3", messages: [ASK], ...more };
}

function saying(...messages: JsonObject[]): JsonObject {
  return body({ messages: [...messages, ASK] });
}

function decode(source: JsonObject) {
  const { request, losses } = CHAT.decodeRequest(source);
  return { request, losses, changes: changesOf(losses) };
}

function roundTrip(source: JsonObject, traits: Partial<TargetTraits> = {}) {
  const { request, losses } = CHAT.decodeRequest(source);
  const encoded = CHAT.encodeRequest(request, { ...TARGET, ...traits });
  return { ...encoded, changes: changesOf([...losses, ...encoded.losses]) };
}

describe("what is refused by name", () => {
  test.each<[string, JsonObject, string, RegExp]>([
    ["functions of the old form", body({ functions: [{ name: "f" }] }), "functions", /Use `tools`/],
    ["a choice of the old form", body({ function_call: "auto" }), "function_call", /Use `tools`/],
    [
      "a call of the old form",
      saying({ role: "assistant", function_call: { name: "f" } }),
      "messages.0.function_call",
      /Use `tools`/,
    ],
    ["its result", saying({ role: "function", name: "f", content: "x" }), "messages.0", /Use `tools`/],
    ["several answers", body({ n: 2 }), "n", /one answer per request/],
    ["spoken answers", body({ modalities: ["text", "audio"] }), "modalities", /answers in text/],
    [
      "an earlier spoken answer",
      saying({ role: "assistant", audio: { id: "a" } }),
      "messages.0.audio",
      /as text/,
    ],
    [
      "an uploaded file",
      saying({ role: "user", content: [{ type: "file", file: { file_id: "file-1" } }] }),
      "messages.0.content.0.file.file_id",
      /known to OpenAI alone/,
    ],
  ])("%s", (_, source, param, words) => {
    const refusal = refusalOf(decode(source).losses, { model: "claude-sonnet-5", protocol: "messages" });
    expect(refusal).toMatchObject({ code: "untranslatable", status: 400, param });
    expect(refusal?.message).toMatch(words);
  });
});

describe("a request that is malformed in its own protocol", () => {
  test.each<[string, JsonObject, string]>([
    ["no messages", { model: "m" }, "messages"],
    ["a message that is a text", body({ messages: ["hi"] }), "messages.0"],
    ["an unknown role", saying({ role: "critic", content: "x" }), "messages.0.role"],
    ["a result without its call", saying({ role: "tool", content: "x" }), "messages.0.tool_call_id"],
    [
      "a call without an id",
      saying({ role: "assistant", tool_calls: [{ function: { name: "f" } }] }),
      "messages.0.tool_calls.0.id",
    ],
    ["a tool without a name", body({ tools: [{ type: "function", function: {} }] }), "tools.0.function.name"],
    ["an unknown format", body({ response_format: { type: "xml" } }), "response_format.type"],
    ["a stop that is a number", body({ stop: 5 }), "stop"],
  ])("%s is an invalid request", (_, source, param) => {
    expect(() => decode(source)).toThrow(expect.objectContaining({ code: "invalid_request", param }));
  });
});

describe("what is left out is declared", () => {
  test.each<[string, JsonObject, string]>([
    ["a frequency penalty", body({ frequency_penalty: 0.5 }), "dropped:frequency_penalty"],
    ["a presence penalty", body({ presence_penalty: -1 }), "dropped:presence_penalty"],
    ["a bias", body({ logit_bias: { 50256: -100 } }), "dropped:logit_bias"],
    ["a seed", body({ seed: 0 }), "dropped:seed"],
    ["log probabilities", body({ logprobs: true }), "dropped:logprobs"],
    ["an unknown tier", body({ service_tier: "platinum" }), "dropped:service_tier"],
    ["an unknown member", body({ holograms: true }), "dropped:unknown"],
    ["an unknown tool", body({ tools: [{ type: "hologram" }] }), "dropped:unknown"],
    ["an unknown part", saying({ role: "user", content: [{ type: "hologram" }] }), "dropped:unknown"],
    [
      "an allowlist of tools",
      body({ tool_choice: { type: "allowed_tools", allowed_tools: {} } }),
      "dropped:allowed_tools",
    ],
  ])("%s", (_, source, change) => {
    expect(decode(source).changes).toEqual([change]);
  });

  test("hints, labels and values that say nothing go without a word", () => {
    const source = body({
      frequency_penalty: 0,
      presence_penalty: 0,
      logit_bias: {},
      logprobs: false,
      metadata: {},
      modalities: ["text"],
      n: 1,
      prediction: { type: "content", content: "x" },
      response_format: { type: "text" },
      service_tier: "auto",
      store: true,
      user: "me",
    });
    expect(decode(source).changes).toEqual([]);
  });

  test.each<[string, JsonObject]>([
    ["reasoning that a server showed", { role: "assistant", content: "x", reasoning_content: "Hm." }],
    ["what another server sealed", { role: "assistant", content: "x", reasoning_opaque: "b3Bh" }],
    [
      "details of another origin",
      { role: "assistant", content: "x", reasoning_details: [{ type: "reasoning.encrypted", data: "gAAA" }] },
    ],
  ])("%s", (_, message) => {
    const { value, changes } = roundTrip(saying(message));
    expect(changes).toEqual(["dropped:reasoning"]);
    expect(value.messages).toEqual([{ role: "assistant", content: "x" }, ASK]);
  });
});

describe("towards a chat model", () => {
  test("reasoning goes back with the turn that it led to, to the account that made it alone", () => {
    const message = {
      role: "assistant",
      content: "x",
      reasoning_content: "Hm.",
      reasoning_details: [{ type: "reasoning.encrypted", data: SEALED }],
    };
    expect(roundTrip(saying(message)).value.messages).toEqual([
      { role: "assistant", content: "x", reasoning_text: "Hm.", reasoning_opaque: "b3Bh" },
      ASK,
    ]);
    const other = { owner: { ...TARGET.owner, tag: accountTag("acc_2") } };
    expect(JSON.stringify(roundTrip(saying(message), other).value)).not.toMatch(/Hm|b3Bh|kls1/);
  });

  test("images that a tool returned follow in one message of the user, labelled by their calls", () => {
    const call = (id: string) => ({ id, type: "function", function: { name: "shot", arguments: "{}" } });
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,AA" } };
    const { value } = roundTrip(
      saying(
        { role: "assistant", content: null, tool_calls: [call("a"), call("b")] },
        { role: "tool", tool_call_id: "a", content: [image] },
        { role: "tool", tool_call_id: "b", content: "ok" },
      ),
    );
    expect(value.messages).toEqual([
      { role: "assistant", content: null, tool_calls: [call("a"), call("b")] },
      { role: "tool", tool_call_id: "a", content: "The result follows in the next message." },
      { role: "tool", tool_call_id: "b", content: "ok" },
      { role: "user", content: [{ type: "text", text: "Result of the tool call a:" }, image] },
      ASK,
    ]);
  });

  test("more stop sequences than four are left to Kleis, four are not", () => {
    const many = ["a", "b", "c", "d", "e"];
    expect(roundTrip(body({ stop: many }))).toMatchObject({ emulatedStops: many });
    expect(roundTrip(body({ stop: many })).value).not.toHaveProperty("stop");
    expect(roundTrip(body({ stop: many.slice(1) }))).toMatchObject({
      emulatedStops: [],
      value: { stop: many.slice(1) },
    });
  });

  test("cache breakpoints stand on the messages, where the model has them", () => {
    const marked = {
      role: "user",
      content: [{ type: "text", text: "hi", cache_control: { type: "ephemeral" } }],
    };
    expect(roundTrip(saying(marked)).value.messages).toEqual([
      { role: "user", content: "hi", copilot_cache_control: { type: "ephemeral" } },
      ASK,
    ]);
    expect(JSON.stringify(roundTrip(saying(marked), { cacheMarks: false }).value)).not.toContain(
      "cache_control",
    );
  });

  test("usage is always asked for in a stream; a free-form tool is wrapped", () => {
    const { value, changes } = roundTrip(
      body({ stream: true, tools: [{ type: "custom", custom: { name: "patch" } }] }),
    );
    expect(value).toMatchObject({
      stream_options: { include_usage: true },
      tools: [{ function: { name: "patch" } }],
    });
    expect(changes).toEqual(["wrapped:tools"]);
  });
});

const text = fc.string({ minLength: 1, maxLength: 12 }).filter((value) => value.trim() !== "");
const turn = fc.record({
  ask: text,
  system: fc.option(text, { nil: undefined }),
  say: fc.option(text, { nil: undefined }),
  thinks: fc.boolean(),
  calls: fc.array(fc.record({ name: fc.constantFrom("read", "write"), output: fc.string() }), {
    maxLength: 3,
  }),
});
type Turn = typeof turn extends fc.Arbitrary<infer T> ? T : never;

function conversation(turns: readonly Turn[]): JsonObject[] {
  return turns.flatMap(({ ask, system, say, thinks, calls }, at) => [
    { role: "user", content: ask },
    ...(system === undefined ? [] : [{ role: "system", content: system }]),
    ...(say === undefined && calls.length === 0
      ? []
      : [
          {
            role: "assistant",
            content: say ?? null,
            ...(thinks
              ? {
                  reasoning_content: "Hm.",
                  reasoning_details: [{ type: "reasoning.encrypted", data: SEALED }],
                }
              : {}),
            ...(calls.length === 0
              ? {}
              : {
                  tool_calls: calls.map(({ name }, index) => ({
                    id: `call_${at}_${index}`,
                    type: "function",
                    function: { name, arguments: "{}" },
                  })),
                }),
          },
        ]),
    ...calls.map(({ output }, index) => ({
      role: "tool",
      tool_call_id: `call_${at}_${index}`,
      content: output,
    })),
  ]);
}

describe("for generated conversations", () => {
  test("a request that is read and written again means the same", () => {
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 4 }), (turns) => {
        const messages = conversation(turns);
        const { value, changes } = roundTrip(body({ messages }));
        const expected = messages.map(({ reasoning_content, reasoning_details, ...rest }) =>
          reasoning_details === undefined
            ? rest
            : { ...rest, reasoning_text: reasoning_content, reasoning_opaque: "b3Bh" },
        );
        expect(value.messages).toEqual(expected);
        expect(changes).toEqual([]);
      }),
    );
  });

  test("what a turn sends is the beginning of what the next one sends", () => {
    fc.assert(
      fc.property(fc.array(turn, { minLength: 2, maxLength: 5 }), (turns) => {
        const sent = turns.map(
          (_, at) =>
            roundTrip(body({ messages: conversation(turns.slice(0, at + 1)) })).value
              .messages as JsonObject[],
        );
        for (const [at, messages] of sent.entries()) {
          const next = sent[at + 1];
          // Turns without a word of the assistant run into each other as the client wrote them.
          if (next !== undefined)
            expect(JSON.stringify(next.slice(0, messages.length))).toBe(JSON.stringify(messages));
        }
      }),
    );
  });
});
