import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { eventData } from "../../src/protocols/sse/event.ts";
import { chatRepair } from "../../src/providers/copilot/repair-chat.ts";
import { answered, event, prepared } from "./copilot-setup.ts";

const call = (id: string, name: string) => ({ id, type: "function", function: { name, arguments: "{}" } });
const delta = (index: number, more: JsonObject, finish: string | null = null) => ({
  choices: [{ index, delta: more, finish_reason: finish }],
});
const begin = (index: number | undefined, id: string) => ({
  ...(index === undefined ? {} : { index }),
  id,
  function: { name: "f", arguments: "" },
});
const more = (index: number, args: string, id?: string) => ({
  index,
  ...(id === undefined ? {} : { id }),
  function: { arguments: args },
});

/** What becomes of the chunks of a stream that has begun: its first delta, which names the role, went before them. */
function streamed(chunks: JsonObject[]): JsonObject[] {
  const repair = chatRepair(true);
  repair.rewrite(event(delta(0, { role: "assistant" })));
  return chunks.map((chunk) =>
    JSON.parse(eventData(repair.rewrite(event(chunk)) ?? event("null")) ?? "null"),
  );
}

/** What becomes of an answer in one piece. */
async function whole(answer: JsonObject | string): Promise<string> {
  return answered(await prepared({}), typeof answer === "string" ? answer : JSON.stringify(answer));
}

describe("a chat answer that is not a stream", () => {
  test("with its tool calls in further choices is folded into the first", async () => {
    const answer: JsonObject = {
      id: "c1",
      choices: [
        {
          index: 0,
          finish_reason: "stop",
          message: { role: "assistant", content: "Let me look.", reasoning_text: "a" },
        },
        {
          index: 1,
          finish_reason: "tool_calls",
          message: { role: "assistant", content: null, tool_calls: [call("1", "read")] },
        },
        {
          index: 2,
          finish_reason: "tool_calls",
          message: { content: "", reasoning_text: "b", tool_calls: [call("2", "ls")] },
        },
      ],
      usage: { total_tokens: 3 },
    };
    expect(JSON.parse(await whole(answer))).toEqual({
      id: "c1",
      choices: [
        {
          index: 0,
          finish_reason: "tool_calls",
          message: {
            role: "assistant",
            content: "Let me look.",
            reasoning_text: "ab",
            tool_calls: [call("1", "read"), call("2", "ls")],
          },
        },
      ],
      usage: { total_tokens: 3 },
    });
  });

  test("takes its text from the first choice that has some, and its reason when there is no call", async () => {
    const answer: JsonObject = {
      choices: [
        { index: 0, finish_reason: "length", message: { role: "assistant", content: null } },
        { index: 1, finish_reason: "stop", message: { role: "assistant", content: "Hello" } },
      ],
    };
    expect(JSON.parse(await whole(answer)).choices).toEqual([
      { index: 0, finish_reason: "length", message: { role: "assistant", content: "Hello" } },
    ]);
  });

  test("keeps every byte but those of its choices when they are folded", async () => {
    const answer = (choices: string) =>
      `{ "id":"c", "choices": [${choices}] ,"usage":{"10":1e400,"2":12345678901234567890,"f":1.0} }`;
    const call = '"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{\\"n\\":1.0}"}}]';
    const text = `{"index":0,"logprobs":-1.0,"message":{"content":"a"},"finish_reason":"stop"}`;
    const further = `{"index":1,"message":{${call}},"finish_reason":"tool_calls"}`;
    expect(await whole(answer(`${text} , ${further}`))).toBe(
      answer(`{"index":0,"logprobs":-1.0,"message":{${call},"content":"a"},"finish_reason":"tool_calls"}`),
    );
  });

  test("stays as it came with one choice, without choices, or when several were asked for", async () => {
    for (const source of [
      '{ "choices":[{"index":0,"message":{"content":"x"}}],"n":1.0}',
      '{ "error":{"message":"x"}}',
      '{"choices":[1, null]}',
    ]) {
      expect(await whole(source)).toBe(source);
    }
  });

  test("keeps all choices where several were asked for", async () => {
    const source =
      '{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"},{"index":1,"message":{"content":"b"}}]}';
    expect(answered(await prepared({ n: 2 }), source)).toBe(source);
    expect(JSON.parse(answered(await prepared({ n: 1 }), source)).choices).toHaveLength(1);
  });
});

describe("a choice that holds calls ends as such:", () => {
  const ENDS = {
    stop: "tool_calls",
    length: "length",
    content_filter: "content_filter",
    tool_calls: "tool_calls",
  };
  const calls = [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }];

  test.each(Object.entries(ENDS))("in one piece, %s becomes %s", async (given, expected) => {
    const choice = (index: number, message: JsonObject) => ({ index, message, finish_reason: given });
    const ends = async (n: number, ...choices: JsonObject[]) =>
      JSON.parse(answered(await prepared({ n }), JSON.stringify({ choices }))).choices.map(
        ({ finish_reason }: JsonObject) => finish_reason,
      );
    expect(await ends(1, choice(0, { tool_calls: calls }))).toEqual([expected]);
    expect(await ends(1, choice(0, { content: "a" }), choice(1, { tool_calls: calls }))).toEqual([expected]);
    expect(await ends(2, choice(0, { content: "a" }), choice(1, { tool_calls: calls }))).toEqual([
      given,
      expected,
    ]);
    expect(await ends(1, choice(0, { content: "a", tool_calls: [] }))).toEqual([given]);
    expect(await ends(1, choice(0, { content: "a" }))).toEqual([given]);
  });

  describe.each(Object.entries(ENDS))("streamed, %s becomes %s", (given, expected) => {
    const last = (chunks: JsonObject[], single: boolean) => {
      const repair = chatRepair(single);
      const out = chunks.map((chunk) => repair.rewrite(event(chunk)));
      return out.flatMap((bytes) =>
        (JSON.parse(eventData(bytes as Uint8Array<ArrayBuffer>) ?? "").choices as JsonObject[]).flatMap(
          ({ index, finish_reason }) => (finish_reason == null ? [] : [[index, finish_reason]]),
        ),
      );
    };
    test("in different chunks", () => {
      const chunks = [delta(0, { tool_calls: [begin(0, "a")] }), delta(0, { tool_calls: [more(0, "{}")] })];
      expect(last([...chunks, delta(0, {}, given)], true)).toEqual([[0, expected]]);
      expect(last([...chunks, delta(0, { content: "" }, given)], true)).toEqual([[0, expected]]);
    });
    test("in the same chunk", () => {
      expect(last([delta(0, { tool_calls: [begin(0, "a")] }, given)], true)).toEqual([[0, expected]]);
    });
    test("each choice of several by itself", () => {
      const chunks = [delta(0, { content: "a" }), delta(1, { tool_calls: [begin(0, "a")] })];
      expect(last([...chunks, delta(0, {}, given), delta(1, {}, given)], false)).toEqual([
        [0, given],
        [1, expected],
      ]);
    });
    test("not without calls", () => {
      expect(last([delta(0, { content: 'says "tool_calls"' }), delta(0, {}, given)], true)).toEqual([
        [0, given],
      ]);
    });
  });
});

describe("a chat stream", () => {
  test("passes as the very bytes that came where nothing is amiss", () => {
    const repair = chatRepair(true);
    const usual = [
      { id: "", created: 0, choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
      delta(0, { role: "assistant", content: 'the "index":1 of it' }),
      delta(0, { reasoning_text: "hm", reasoning_opaque: "o" }),
      delta(0, { tool_calls: [begin(0, "a")] }),
      delta(0, { tool_calls: [more(0, "{}")] }),
      delta(0, { tool_calls: [begin(1, "b")] }),
      delta(0, { tool_calls: [more(1, "{}", "b")] }),
      delta(0, {}, "tool_calls"),
      { choices: [], usage: { prompt_tokens: 1 } },
      { error: { code: "model_overloaded", message: "try later" } },
    ].map((chunk) => event(chunk));
    for (const bytes of [
      ...usual,
      event("[DONE]"),
      event('{"tool_calls" broken'),
      new TextEncoder().encode(": hi\n\n"),
    ]) {
      expect(repair.rewrite(bytes)).toBe(bytes);
    }
  });

  test("gives parallel tool calls that share an index one of their own each", () => {
    const out = streamed([
      delta(0, { tool_calls: [begin(0, "a")] }),
      delta(0, { tool_calls: [more(0, "1")] }),
      delta(0, { tool_calls: [begin(0, "b")] }),
      delta(0, { tool_calls: [more(0, "2")] }),
      delta(0, { tool_calls: [more(0, "3", "")] }),
      delta(0, { tool_calls: [more(0, "4", "a"), begin(0, "c")] }),
      delta(0, { tool_calls: [begin(1, "d")] }),
    ]);
    expect(out).toEqual([
      delta(0, { tool_calls: [begin(0, "a")] }),
      delta(0, { tool_calls: [more(0, "1")] }),
      delta(0, { tool_calls: [begin(1, "b")] }),
      delta(0, { tool_calls: [more(1, "2")] }),
      delta(0, { tool_calls: [more(1, "3", "")] }),
      delta(0, { tool_calls: [more(0, "4", "a"), begin(2, "c")] }),
      delta(0, { tool_calls: [begin(3, "d")] }),
    ]);
  });

  test("gives tool calls without an index one", () => {
    const out = streamed([
      delta(0, { tool_calls: [begin(undefined, "a")] }),
      delta(0, { tool_calls: [begin(undefined, "b")] }),
    ]);
    expect(out).toEqual([
      delta(0, { tool_calls: [begin(0, "a")] }),
      delta(0, { tool_calls: [begin(1, "b")] }),
    ]);
  });

  test("that is split over choices becomes one choice, whose last word is that there are calls", () => {
    const out = streamed([
      delta(0, { content: "Let me look." }),
      delta(1, { tool_calls: [begin(0, "a")] }),
      delta(2, { tool_calls: [begin(0, "b")] }),
      delta(1, { tool_calls: [more(0, "1")] }),
      delta(2, { tool_calls: [more(0, "2")] }),
      delta(1, {}, "tool_calls"),
      delta(0, {}, "stop"),
    ]);
    expect(out).toEqual([
      delta(0, { content: "Let me look." }),
      delta(0, { tool_calls: [begin(0, "a")] }),
      delta(0, { tool_calls: [begin(1, "b")] }),
      delta(0, { tool_calls: [more(0, "1")] }),
      delta(0, { tool_calls: [more(1, "2")] }),
      delta(0, {}, "tool_calls"),
      delta(0, {}, "tool_calls"),
    ]);
  });

  test("with several choices in one chunk has one, and it is still one event", () => {
    const chunk = {
      choices: [
        { index: 0, delta: { role: "assistant", content: "a" }, finish_reason: null },
        { index: 1, delta: { content: "b", tool_calls: [begin(0, "x")] }, finish_reason: "tool_calls" },
      ],
      usage: { total_tokens: 3 },
    };
    expect(streamed([chunk])).toEqual([
      {
        choices: [
          {
            index: 0,
            delta: { role: "assistant", content: "ab", tool_calls: [begin(0, "x")] },
            finish_reason: "tool_calls",
          },
        ],
        usage: { total_tokens: 3 },
      },
    ]);
  });

  test("finds a further choice after spaces", () => {
    const out = chatRepair(true).rewrite(event('{"choices":[{"index" : 2,"delta":{"content":"x"}}]}'));
    expect(new TextDecoder().decode(out ?? undefined)).toBe(
      'data: {"choices":[{"index" : 0,"delta":{"content":"x","role":"assistant"}}]}\n\n',
    );
  });

  test("keeps every byte but those that are repaired: numbers, keys and spaces", () => {
    const odd = '"big":12345678901234567890, "f":1.0,"e":1e400,"10":1,"2":-0,"d":1,"d":2,"s":"\\u00e9\\/"';
    const repair = chatRepair(true);
    const becomes = (from: string, to: string) =>
      expect(new TextDecoder().decode(repair.rewrite(event(from)) ?? undefined)).toBe(`data: ${to}\n\n`);
    const opening = (role: string) =>
      `{ ${odd},"choices":[{ ${odd}, "delta" : {"content":"é"${role}} ,"index":0}]}`;
    becomes(opening(""), opening(',"role":"assistant"'));
    const call = (id: string, index: string) =>
      `{${odd},"choices":[{"delta":{"tool_calls":[ {"id":"${id}", "index" : ${index} ,${odd}}]},${odd}}]}`;
    becomes(call("a", "0"), call("a", "0"));
    becomes(call("b", "0"), call("b", "1"));
    const last = (index: string, reason: string) =>
      `{"choices":[{"index":${index},"delta":{},"logprobs":-0.10000000000000000555,"finish_reason" : "${reason}"}],${odd}}`;
    becomes(last("1", "stop"), last("0", "tool_calls"));
    const parts = `{"index":1,"delta":{"content":"b"}} , null`;
    becomes(
      `{${odd},"choices":[{"index":0,"delta":{"content":"a"},${odd}} , ${parts}],"usage":{"n":1.0}}`,
      `{${odd},"choices":[{"index":0,"delta":{"content":"ab"},${odd}}],"usage":{"n":1.0}}`,
    );
    becomes(`{${odd},"choices":null}`, `{${odd},"choices":[]}`);
  });

  test("names the role in its first delta where the provider does not, and only there", () => {
    const repair = chatRepair(true);
    const out = [
      { choices: [], prompt_filter_results: [] },
      delta(0, { tool_calls: [begin(0, "a")] }),
      delta(0, { tool_calls: [more(0, "{}")] }),
    ].map((chunk) => JSON.parse(eventData(repair.rewrite(event(chunk)) ?? event("null")) ?? "null"));
    expect(out).toEqual([
      { choices: [], prompt_filter_results: [] },
      delta(0, { role: "assistant", tool_calls: [begin(0, "a")] }),
      delta(0, { tool_calls: [more(0, "{}")] }),
    ]);
  });

  test("keeps its choices when several were asked for", async () => {
    const { response } = await prepared({ stream: true, n: 2 });
    const bytes = event(delta(1, { content: "x", tool_calls: [begin(0, "a")] }));
    expect(response.stream?.().rewrite(bytes)).toBe(bytes);
  });

  test("has an empty list where the provider writes null for the choices", () => {
    expect(streamed([{ choices: null, copilot_references: [] }])).toEqual([
      { choices: [], copilot_references: [] },
    ]);
  });

  test("brings every call's arguments to the call they belong to, however calls are mixed at index 0", () => {
    const step = fc.record({
      call: fc.nat({ max: 4 }),
      text: fc.string({ maxLength: 4 }),
      named: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const expected = new Map<string, string>();
        let last = "";
        const chunks = steps.map(({ call: at, text, named }) => {
          const id = named || last === "" ? `call_${at}` : last;
          const chunk = delta(0, { tool_calls: [more(0, text, id === last && !named ? undefined : id)] });
          last = id;
          expected.set(id, (expected.get(id) ?? "") + text);
          return chunk;
        });
        const byIndex = new Map<number, { id: string; text: string }>();
        for (const chunk of streamed(chunks)) {
          const [made] = JSON.parse(JSON.stringify(chunk)).choices[0].delta.tool_calls;
          const held = byIndex.get(made.index) ?? { id: made.id, text: "" };
          if (made.id !== undefined) expect(made.id).toBe(held.id);
          byIndex.set(made.index, { id: held.id, text: held.text + made.function.arguments });
        }
        expect(new Map([...byIndex.values()].map(({ id, text }) => [id, text]))).toEqual(expected);
      }),
    );
  });
});

describe("a messages stream", () => {
  test("loses a stray [DONE] and nothing else", async () => {
    const { response } = await prepared({ stream: true }, { operation: "messages" });
    const repair = response.stream?.();
    const stop = event({ type: "message_stop" }, "message_stop");
    const words = event({ type: "content_block_delta", delta: { text: "[DONE]" } });
    expect(repair?.rewrite(stop)).toBe(stop);
    expect(repair?.rewrite(words)).toBe(words);
    expect(repair?.rewrite(event("[DONE]"))).toBeNull();
  });
});
