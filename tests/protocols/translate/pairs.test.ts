/** Every client's protocol with every other provider's: requests, responses, and conversations of several turns. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isObject, type JsonObject, parseJson } from "../../../src/json.ts";
import { applyEdits } from "../../../src/protocols/json-edit.ts";
import type { Protocol } from "../../../src/protocols/protocol.ts";
import { EventSplitter } from "../../../src/protocols/sse/splitter.ts";
import type { CarrierPayload } from "../../../src/protocols/translate/carriers/carrier.ts";
import { foreignReasoningEdits, mayHoldCarriers } from "../../../src/protocols/translate/carriers/foreign.ts";
import { CHAT } from "../../../src/protocols/translate/chat/index.ts";
import type { ProtocolCodec } from "../../../src/protocols/translate/codec.ts";
import { countTokens, type Translation, translateRequest } from "../../../src/protocols/translate/index.ts";
import { MESSAGES } from "../../../src/protocols/translate/messages/index.ts";
import type { Item, ModelRequest, ResponseEvent, Tool } from "../../../src/protocols/translate/model.ts";
import { RESPONSES } from "../../../src/protocols/translate/responses/index.ts";
import { wrapCustomInput } from "../../../src/protocols/translate/tools/custom.ts";
import { aliasOf, ToolNames } from "../../../src/protocols/translate/tools/names.ts";
import { searchDigest } from "../../../src/protocols/translate/values/search.ts";
import { messagesFaults } from "../../fakes/claude/request-rules.ts";
import { requests } from "./support/conversations.ts";
import { blocksOf, contractFaults, responses } from "./support/events.ts";
import { deliver, deliveries, readText, splitStream, writeStream } from "./support/streams.ts";
import { ABLE, CLAUDE, PAIRS } from "./support/targets.ts";
import { callsOf, conversationOf, nextTurn } from "./support/turns.ts";

const CODECS: Record<Protocol, ProtocolCodec> = { messages: MESSAGES, responses: RESPONSES, chat: CHAT };
const FACTS = { id: "abc", createdAt: 1_790_000_000, requestId: "req_1" };

const encoder = new TextEncoder();

/** What a conversation says, in the order in which each side said it. */
function meaning({ items, system, tools, toolChoice, ...request }: ModelRequest, names: ToolNames) {
  const said = { user: [] as string[], assistant: [] as string[], developer: [] as string[] };
  const calls: unknown[] = [];
  const results: unknown[] = [];
  let media = 0;
  for (const { text } of system) said.developer.push(text);
  const add = (role: keyof typeof said, text: string) => {
    if (text.trim() !== "") said[role].push(text);
  };
  for (const item of items) {
    if (item.type === "search") add("assistant", searchDigest(item));
    if (item.type === "call")
      calls.push([item.id, names.alias(item.namespace, item.name), argumentsOf(item)]);
    if (item.type !== "message" && item.type !== "result") continue;
    const texts: string[] = [];
    for (const part of item.parts) {
      if (part.type === "text" || part.type === "refusal") texts.push(part.text);
      else media++;
    }
    // Where a protocol cannot say that a tool failed, the first line does.
    if (item.type === "result") results.push([item.callId, words(texts).replace(/^Tool failed: /, "")]);
    else for (const text of texts) add(item.role, text);
  }
  const joined = Object.fromEntries(Object.entries(said).map(([role, texts]) => [role, words(texts)]));
  const offered = tools.map((tool) =>
    tool.type === "web_search" ? tool.type : names.alias(tool.namespace, tool.name),
  );
  const choice =
    toolChoice?.mode === "tool" ? names.alias(toolChoice.namespace, toolChoice.name) : toolChoice?.mode;
  const { maxOutput, parallel, format, tier } = request;
  return {
    ...joined,
    calls,
    results,
    media,
    offered: [...new Set(offered)],
    choice,
    maxOutput,
    parallel,
    format: format?.type,
    tier,
  };
}

/** Texts whatever stands between them. */
function words(texts: readonly string[]): string {
  return texts.join(" ").replace(/\s+/g, " ").trim();
}

/** A call's input as an object, whatever form it had to take. */
function argumentsOf(item: Extract<Item, { type: "call" }>): unknown {
  const value = parseJson(item.kind === "custom" ? wrapCustomInput(item.input) : item.input.trim() || "{}");
  return isObject(value) ? value : { _raw: value ?? item.input };
}

/** A request as a client of the protocol could have written it. */
function wireOf(protocol: Protocol, request: ModelRequest): JsonObject {
  return { ...CODECS[protocol].encodeRequest(request, ABLE[protocol]).value, model: "asked-model" };
}

/** Without what changes its form on the way, and is proved on its own. */
function plain(request: ModelRequest): ModelRequest {
  const items = request.items.map((item): Item => {
    if (item.type !== "result") return item;
    return { ...item, isError: false, parts: item.parts.filter(({ type }) => type === "text") };
  });
  return { ...request, items, stops: [], tools: request.tools.filter(({ type }) => type !== "web_search") };
}

describe("requests", () => {
  for (const [from, to] of PAIRS)
    test(`${from} to ${to} keep their meaning, or declare what they lose`, () => {
      const anyRequest = requests({ owner: ABLE[to].owner, from: to });
      fc.assert(
        fc.property(anyRequest, (generated) => {
          const wire = wireOf(from, plain(generated));
          const asked = CODECS[from].decodeRequest(wire).request;
          const translation = attempt(() => translateRequest(from, to, wire, ABLE[to]));
          if (translation === undefined) return;
          expect(translation.changes[0]).toBe(`translated:${from}-${to}`);
          const names = new ToolNames(asked);
          const before = meaning(asked, names);
          const after = meaning(CODECS[to].decodeRequest(translation.body).request, names);
          expect(after).toEqual(withoutDeclared(before, after, translation));
        }),
        { numRuns: 120 },
      );
    });

  /** What a declared change allows to differ. */
  function withoutDeclared<Meaning extends JsonLike>(
    before: Meaning,
    after: Meaning,
    { changes }: Translation,
  ): Meaning {
    const has = (change: string) => changes.includes(change as Translation["changes"][number]);
    const expected: JsonLike = { ...before };
    if (has("moved:system") || has("added:user-turn"))
      for (const role of ["user", "developer"]) expected[role] = after[role];
    if (has("moved:tool-result")) expected.user = after.user;
    if (has("added:max-tokens") || has("lowered:max-tokens")) expected.maxOutput = after.maxOutput;
    if (has("lowered:tool-choice")) expected.choice = after.choice;
    if (has("dropped:json_object")) expected.format = undefined;
    if (has("dropped:service_tier")) expected.tier = undefined;
    // Nothing is said of tools where there are none, nor of running several where none may run.
    if ((after.offered as unknown[]).length === 0 || after.choice === "none") {
      expected.parallel = after.parallel;
      if ((after.offered as unknown[]).length === 0) expected.choice = after.choice;
    }
    // Anthropic says both in one field.
    if (expected.choice === undefined && after.choice === "auto") expected.choice = "auto";
    if (expected.parallel === true && after.parallel === undefined) expected.parallel = undefined;
    // OpenAI's Responses have a least limit.
    if (Number(expected.maxOutput) < 16) expected.maxOutput = 16;
    return expected as Meaning;
  }

  type JsonLike = { [name: string]: unknown };

  function attempt(translate: () => Translation): Translation | undefined {
    try {
      return translate();
    } catch (error) {
      expect(error).toMatchObject({ code: "untranslatable" });
      return undefined;
    }
  }

  for (const from of ["responses", "chat"] as const)
    test(`${from} to every Claude model are ones that the API takes`, () => {
      for (const { traits, rules } of Object.values(CLAUDE))
        fc.assert(
          fc.property(requests({ owner: traits.owner, from: "messages" }), (generated) => {
            const translation = attempt(() =>
              translateRequest(from, "messages", wireOf(from, generated), traits),
            );
            if (translation !== undefined) expect(messagesFaults(translation.body, rules)).toEqual([]);
          }),
          { numRuns: 40 },
        );
    });

  test("what cannot be carried names place, model, reason and way out", () => {
    const body = { model: "gpt-x", input: "hi", previous_response_id: "resp_1" };
    expect(() => translateRequest("responses", "messages", body, ABLE.messages)).toThrow(
      expect.objectContaining({
        code: "untranslatable",
        status: 400,
        param: "previous_response_id",
        message: expect.stringMatching(
          /^`previous_response_id` cannot be carried to `gpt-x`, which speaks messages: /,
        ),
      }),
    );
  });

  test("the input is counted in every protocol alike", () => {
    const question = "word ".repeat(720);
    const counts = [
      countTokens("messages", { model: "m", messages: [{ role: "user", content: question }] }),
      countTokens("responses", { model: "m", input: question }),
      countTokens("chat", { model: "m", messages: [{ role: "user", content: question }] }),
    ];
    expect(new Set(counts)).toEqual(new Set([1105]));
  });
});

const tools: Tool[] = [
  { type: "function", kind: "function", name: "read", schema: { type: "object", properties: {} }, at: "" },
  {
    type: "function",
    kind: "function",
    namespace: "mcp__files",
    name: "run",
    schema: { type: "object", properties: {} },
    at: "",
  },
  { type: "custom", name: "apply_patch", at: "" },
];

function firstTurn(protocol: Protocol, over: Partial<ModelRequest> = {}): JsonObject {
  return wireOf(protocol, {
    model: "asked-model",
    streams: true,
    includeUsage: true,
    system: [{ type: "text", text: "You are a test.", at: "" }],
    items: [{ type: "message", role: "user", parts: [{ type: "text", text: "Begin.", at: "" }], at: "" }],
    tools,
    toolChoice: undefined,
    parallel: undefined,
    maxOutput: 30_000,
    stops: [],
    sampling: {},
    reasoning: { effort: "high", display: "summarized" },
    format: undefined,
    verbosity: undefined,
    tier: undefined,
    cacheKey: undefined,
    session: undefined,
    at: {},
    ...over,
  });
}

function begin(from: Protocol, to: Protocol, over: Partial<ModelRequest> = {}): Translation {
  return translateRequest(from, to, firstTurn(from, over), ABLE[to]);
}

/** The client's stream for the chunks of the provider's. */
function streamed(translation: Translation, chunks: readonly Uint8Array[]): string {
  const translator = translation.stream(FACTS);
  const splitter = new EventSplitter();
  const out: Uint8Array[] = [];
  const keep = (bytes: Uint8Array | null) => {
    if (bytes !== null) out.push(bytes);
  };
  for (const chunk of chunks) splitter.push(chunk, (event) => keep(translator.translate(event)));
  keep(translator.end());
  expect(translator.hasEnded).toBe(true);
  expect([
    translator.translate(encoder.encode("data: {}\n\n")),
    translator.end(),
    translator.keepAlive(),
  ]).toEqual([null, null, null]);
  return Buffer.concat(out).toString();
}

const SAID: ReadonlySet<string> = new Set(["text", "refusal"]);

/** What a client sees in the end: texts by kind, and calls in order; some protocols join what others keep apart. */
function seen(events: readonly ResponseEvent[]) {
  const blocks = blocksOf(events);
  const texts = (...kinds: string[]) =>
    blocks
      .filter(({ block }) => kinds.includes(block.kind))
      .map(({ text }) => text)
      .join("");
  const calls = blocks.flatMap(({ block, text }) =>
    block.kind === "tool" ? [[block.id, block.name, parseJson(text || "{}")]] : [],
  );
  return { said: texts("text", "refusal"), calls };
}

/** A response as a provider of the protocol writes it: Copilot seals reasoning in a member of its own. */
function providerStream(to: Protocol, events: readonly ResponseEvent[]): string {
  const text = writeStream(CODECS[to], events);
  return text.replaceAll(
    /"reasoning_details":\[\{"type":"reasoning.encrypted","data":"([^"]+)"[^\]]*\]/g,
    '"reasoning_opaque":"$1"',
  );
}

describe("responses", () => {
  for (const [from, to] of PAIRS) {
    test(`of ${to} reach clients of ${from} with all texts, calls and one end`, () => {
      fc.assert(
        fc.property(responses, (events) => {
          const upstream = providerStream(to, events);
          const read = readText(CODECS[from], streamed(begin(from, to), [encoder.encode(upstream)]));
          expect(contractFaults(read)).toEqual([]);
          expect(seen(read)).toEqual(seen(readText(CODECS[to], upstream)));
        }),
        { numRuns: 80 },
      );
    });

    test(`of ${to} are the same for clients of ${from} in any chunks`, () => {
      fc.assert(
        fc.property(responses, deliveries, (events, delivery) => {
          const upstream = providerStream(to, events);
          const translation = begin(from, to);
          const whole = streamed(translation, [encoder.encode(upstream)]);
          expect(streamed(translation, deliver(upstream, delivery))).toBe(whole);
        }),
        { numRuns: 40 },
      );
    });

    test(`of ${to} that are cut anywhere are no success for clients of ${from}`, () => {
      fc.assert(
        fc.property(responses, (events) => {
          const upstream = splitStream(providerStream(to, events));
          const translation = begin(from, to);
          for (let cut = 0; cut < upstream.length; cut++) {
            const part = upstream.slice(0, cut).join("");
            // Chat is whole with its finish reason; what follows is usage and a marker.
            if (to === "chat" && /"finish_reason":"/.test(part)) break;
            const read = readText(CODECS[from], streamed(translation, [encoder.encode(part)]));
            expect(read.at(-1)).toMatchObject({ type: "fail", failure: { retryable: true } });
          }
        }),
        { numRuns: 15 },
      );
    });

    test(`of ${to} are alike for clients of ${from} streamed, collected and whole`, () => {
      fc.assert(
        fc.property(responses, (events) => {
          const upstream = providerStream(to, events);
          const translation = begin(from, to);
          // A completion of chat holds its text before its refusal, whatever came first.
          fc.pre(
            new Set(blocksOf(events).flatMap(({ block }) => (SAID.has(block.kind) ? [block.kind] : [])))
              .size < 2,
          );
          const fromStream = seen(readText(CODECS[from], streamed(translation, [encoder.encode(upstream)])));
          const collected = collect(translation, upstream);
          expect(collected).toMatchObject({ ok: true });
          if (!collected.ok) return;
          expect(seen(eventsOf(from, collected.value))).toEqual(fromStream);
          const folding = CODECS[to].foldEvents({
            ...FACTS,
            model: "m",
            body: {},
            includeUsage: true,
            owner: ABLE[to].owner,
            budget: { take: () => true } as never,
          });
          for (const event of events) folding.write(event);
          const provider = folding.result();
          if (!provider.ok) return;
          const whole = translation.whole(provider.value, FACTS);
          expect(whole.ok && seen(eventsOf(from, whole.value))).toEqual(fromStream);
        }),
        { numRuns: 40 },
      );
    });

    test(`${from} clients' stop sequences end the responses of ${to}`, () => {
      const stops = to === "responses" ? ["END"] : ["1", "2", "3", "END", "5"];
      const translation = begin(from, to, { stops });
      if (to === "messages" || translation.body.stop !== undefined) return;
      const upstream = providerStream(to, [
        { type: "start" },
        { type: "open", key: 0, block: { kind: "text" } },
        { type: "delta", key: 0, text: "one EN" },
        { type: "delta", key: 0, text: "D two" },
        { type: "close", key: 0 },
        { type: "stop", reason: "end" },
      ]);
      // A client of Responses cannot ask for it.
      const expected = from === "responses" ? "one END two" : "one ";
      expect(seen(readText(CODECS[from], streamed(translation, [encoder.encode(upstream)]))).said).toBe(
        expected,
      );
    });
  }

  function collect(translation: Translation, upstream: string) {
    const collector = translation.collect(FACTS);
    const splitter = new EventSplitter();
    splitter.push(encoder.encode(upstream), (event) => collector.take(event));
    return collector.end();
  }

  function eventsOf(protocol: Protocol, response: JsonObject): ResponseEvent[] {
    const events: ResponseEvent[] = [];
    CODECS[protocol].decodeResponse(response, { budget: { take: () => true } as never }, (event) =>
      events.push(event),
    );
    return events;
  }

  test("usage is counted once, from every provider for every client", () => {
    const usage = { input: 100, cacheRead: 60, cacheWrite: 10, output: 30, reasoning: 20, searches: 0 };
    for (const [from, to] of PAIRS) {
      const upstream = providerStream(to, [
        { type: "start" },
        { type: "usage", usage },
        { type: "stop", reason: "end" },
      ]);
      const read = readText(CODECS[from], streamed(begin(from, to), [encoder.encode(upstream)]));
      expect({ from, to, usage: read.at(-2) }).toEqual({ from, to, usage: { type: "usage", usage } });
    }
  });

  test("a failure of Kleis's own ends every stream, once", () => {
    for (const [from, to] of PAIRS) {
      const translator = begin(from, to).stream(FACTS);
      const failure = { code: "upstream_timeout", message: "too long", retryable: true, status: 504 };
      const read = readText(
        CODECS[from],
        new TextDecoder().decode(translator.fail(failure) ?? new Uint8Array()),
      );
      expect({ from, to, last: read.at(-1)?.type }).toEqual({ from, to, last: "fail" });
      expect(translator.fail(failure)).toBeNull();
    }
  });
});

describe("conversations", () => {
  const ids = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{4,9}$/), { minLength: 8, maxLength: 8 });
  const input = fc.record({ a: fc.string({ unit: "grapheme", maxLength: 8 }) });
  const turn = fc.record({
    thinks: fc.boolean(),
    says: fc.boolean(),
    calls: fc.array(fc.record({ tool: fc.constantFrom(0, 1, 2), input }), { maxLength: 3 }),
  });

  /** What a provider would answer, and what it wants back. */
  function response(
    to: Protocol,
    {
      thinks,
      says,
      calls,
    }: { thinks: boolean; says: boolean; calls: { tool: number; input: { a: string } }[] },
    fresh: string[],
  ) {
    const events: ResponseEvent[] = [{ type: "start" }];
    const add = (block: Extract<ResponseEvent, { type: "open" }>["block"], ...inner: object[]) => {
      const key = events.length;
      events.push(
        { type: "open", key, block },
        ...inner.map((event) => ({ ...event, key }) as ResponseEvent),
        { type: "close", key },
      );
    };
    const opaque: CarrierPayload =
      to === "responses"
        ? { from: "responses", encrypted: `gAAAA${fresh[0]}`, summary: ["One"] }
        : to === "messages"
          ? { from: "messages", signature: `Eq${fresh[0]}`, text: "thought" }
          : { from: "chat", opaque: `op${fresh[0]}`, text: "thought" };
    if (thinks)
      add({ kind: "thinking" }, { type: "delta", text: "thought" }, { type: "opaque", payload: opaque });
    if (says || calls.length === 0) add({ kind: "text" }, { type: "delta", text: "said" });
    const made = calls.map((call, index) => {
      const tool = tools[call.tool] as Exclude<Tool, { type: "web_search" }>;
      const args = tool.type === "custom" ? wrapCustomInput(call.input.a) : JSON.stringify(call.input);
      const id = `call_${fresh[index + 1]}`;
      const name = aliasOf(tool.namespace, tool.name);
      add({ kind: "tool", id, call: "function", name }, { type: "delta", text: args });
      return { id, name, args: JSON.parse(args) as unknown };
    });
    events.push({ type: "stop", reason: calls.length > 0 ? "tool" : "end" });
    return { events, made };
  }

  for (const [from, to] of PAIRS)
    test(`of ${from} clients with ${to}: calls and reasoning go back as they came, and the beginning stays`, () => {
      fc.assert(
        fc.property(
          fc.array(turn, { minLength: 1, maxLength: 3 }),
          fc.array(ids, { minLength: 3, maxLength: 3 }),
          (turns, fresh) => {
            // A target that takes custom tools as they are gets them so: here all are functions.
            const traits = { ...ABLE[to], customTools: false };
            let body = firstTurn(from);
            let before: string[] = [];
            turns.forEach((each, index) => {
              const translation = translateRequest(from, to, body, traits);
              const { events, made } = response(
                to,
                each,
                (fresh[index] ?? []).map((id) => `${id}${index}`),
              );
              const upstream = providerStream(to, events);
              const answered = collectFor(translation, upstream);
              // The client runs its own tools: free text is text again, a namespace stands apart.
              const known = callsOf(from, answered);
              expect(known.map(({ id }) => id)).toEqual(made.map(({ id }) => id));
              body = nextTurn(from, body, answered, `question ${index}`);
              const next = translateRequest(from, to, body, traits);
              const written = CODECS[to].decodeRequest(next.body).request;
              const calls = written.items
                .filter((item) => item.type === "call")
                .slice(-made.length || Number.MAX_SAFE_INTEGER);
              expect(
                calls.map(({ id, namespace, name, input }) => ({
                  id,
                  name: aliasOf(namespace, name),
                  args: parseJson(input),
                })),
              ).toEqual(made);
              const results = written.items
                .filter((item) => item.type === "result")
                .slice(-made.length || Number.MAX_SAFE_INTEGER);
              expect(
                results.map(({ callId, parts }) => [callId, parts[0]?.type === "text" && parts[0].text]),
              ).toEqual(made.map(({ id }) => [id, `result of ${id}`]));
              const now = conversationOf(to, next.body).map((item) => JSON.stringify(item));
              expect(now.slice(0, before.length)).toEqual(before);
              before = now;
              expect(sealed(to, next.body, upstream)).toBe(each.thinks);
              expect(next.changes.filter((change) => change === "dropped:reasoning")).toEqual([]);
            });
          },
        ),
        { numRuns: 40 },
      );
    });

  function collectFor(translation: Translation, upstream: string): JsonObject {
    const collector = translation.collect(FACTS);
    new EventSplitter().push(encoder.encode(upstream), (event) => collector.take(event));
    const result = collector.end();
    expect(result).toMatchObject({ ok: true });
    return result.ok ? result.value : {};
  }

  /** True where the request holds what the provider sealed in this response. */
  function sealed(to: Protocol, body: JsonObject, upstream: string): boolean {
    const payloads = blocksOf(readText(CODECS[to], upstream)).flatMap(({ payload }) => payload ?? []);
    const [payload] = payloads;
    if (payload === undefined) return false;
    const secret =
      "encrypted" in payload
        ? payload.encrypted
        : "signature" in payload
          ? payload.signature
          : "opaque" in payload
            ? payload.opaque
            : payload.redacted;
    return JSON.stringify(body).includes(secret);
  }

  test("a model of the client's own protocol gets nothing that another one's provider sealed", () => {
    fc.assert(
      fc.property(fc.constantFrom(...PAIRS), responses, ([from, to], events) => {
        const body = firstTurn(from);
        expect(foreignReasoningEdits(from, body)).toEqual([]);
        const answered = collectFor(translateRequest(from, to, body, ABLE[to]), providerStream(to, events));
        const next = nextTurn(from, body, answered, "q");
        const bytes = encoder.encode(JSON.stringify(next));
        const edits = foreignReasoningEdits(from, next);
        expect(edits.length > 0).toBe(mayHoldCarriers(bytes));
        const edited = JSON.parse(new TextDecoder().decode(applyEdits(bytes, edits))) as JsonObject;
        expect(JSON.stringify(edited)).not.toContain("kls1.");
        const meant = (given: JsonObject) => {
          const { request } = CODECS[from].decodeRequest(given);
          const items = request.items.filter(({ type }) => type !== "search");
          return meaning({ ...request, items }, new ToolNames(request));
        };
        expect(meant(edited)).toEqual(meant(next));
      }),
      { numRuns: 150 },
    );
  });

  test("reasoning of one account is left out for another, and declared", () => {
    for (const [from, to] of PAIRS) {
      const body = firstTurn(from);
      const { events } = response(to, { thinks: true, says: true, calls: [] }, ["seal", "b", "c", "d"]);
      const answered = collectFor(translateRequest(from, to, body, ABLE[to]), providerStream(to, events));
      const other = { ...ABLE[to], owner: { ...ABLE[to].owner, tag: "99999999" } };
      const next = translateRequest(from, to, nextTurn(from, body, answered, "q"), other);
      expect({ from, to, changes: next.changes.filter((change) => change === "dropped:reasoning") }).toEqual({
        from,
        to,
        changes: ["dropped:reasoning"],
      });
      expect(JSON.stringify(next.body)).not.toContain("kls1.");
    }
  });
});
