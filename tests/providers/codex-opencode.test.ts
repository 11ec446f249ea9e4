/** Bodies as OpenCode sends them (1.2.11 to 1.18.33), shortened, and conversations that grow turn by turn. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/json.ts";
import { refusals, send } from "./codex-fixture.ts";

const TITLE =
  '{"model":"gpt-5.6-sol","input":[{"role":"developer","content":"You name conversations."},' +
  '{"role":"user","content":[{"type":"input_text","text":"Name this conversation:\\n"}]},' +
  '{"role":"user","content":[{"type":"input_text","text":"\\"ping\\""}]}],' +
  '"max_output_tokens":32000,"store":false,"include":["reasoning.encrypted_content"],' +
  '"reasoning":{"effort":"none","summary":"auto"},"stream":true}';

const CHAT =
  '{"model":"gpt-5.6-sol","input":[{"role":"developer","content":"You are a coding agent."},' +
  '{"role":"user","content":[{"type":"input_text","text":"ping"}]}],' +
  '"max_output_tokens":32000,"text":{"verbosity":"low"},"store":false,"include":["reasoning.encrypted_content"],' +
  '"prompt_cache_key":"ses_1","reasoning":{"effort":"medium","summary":"auto"},' +
  '"tools":[{"type":"function","name":"apply_patch","description":"d","parameters":{"type":"object","properties":{}},"strict":false}],' +
  '"tool_choice":"auto","stream":true}';

const HEADERS = { "x-session-affinity": "ses_1", "x-session-id": "ses_1" };

test("OpenCode's title request arrives with its prompt as instructions and every other byte as sent", async () => {
  const sent = await send(TITLE, { headers: HEADERS });
  const id = sent.headers["session-id"];
  expect(sent.text).toBe(
    `${TITLE.replace('{"role":"developer","content":"You name conversations."},', "")
      .replace('"max_output_tokens":32000,', "")
      .slice(0, -1)},"prompt_cache_key":"${id}","instructions":"You name conversations."}`,
  );
  expect(sent.changes).toEqual(["codex-cache-key", "codex-fields", "codex-instructions"]);
});

test("OpenCode's chat request arrives likewise, in the same session", async () => {
  const sent = await send(CHAT, { headers: HEADERS });
  expect(sent.headers["session-id"]).toBe((await send(TITLE, { headers: HEADERS })).headers["session-id"]);
  expect(sent.text).toBe(
    `${CHAT.replace('{"role":"developer","content":"You are a coding agent."},', "")
      .replace('"max_output_tokens":32000,', "")
      .replace("ses_1", String(sent.headers["session-id"]))
      .slice(0, -1)},"instructions":"You are a coding agent."}`,
  );
  expect(refusals(sent.body)).toEqual([]);
});

test("OpenCode 1.2.11, which names no session, keeps one by how its conversation begins", async () => {
  const session = async (body: string) => (await send(body)).headers["session-id"];
  const first = CHAT.replace('"prompt_cache_key":"ses_1",', "");
  const answered = '{"role":"assistant","content":[{"type":"output_text","text":"pong"}]}';
  const second = first.replace(
    '"text":"ping"}]}]',
    `"text":"ping"}]},${answered},{"role":"user","content":"again"}]`,
  );
  expect(second).not.toBe(first);
  expect(await session(second)).toBe(await session(first));
  expect(await session(TITLE)).not.toBe(await session(first));
});

const word = fc.string({ maxLength: 8 });
const maybe = <T extends Json>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const parts = fc.oneof(
  word,
  fc.array(
    fc.record({
      type: fc.constant("input_text"),
      text: word,
      prompt_cache_breakpoint: maybe(fc.constant({})),
    }),
    {
      maxLength: 3,
    },
  ),
);
const message = (...roles: string[]) =>
  fc.record({
    type: maybe(fc.constant("message")),
    id: maybe(word),
    role: fc.constantFrom(...roles),
    content: parts,
  });
const reasoning = fc.record({
  type: fc.constant("reasoning"),
  id: maybe(word),
  status: maybe(fc.constant("completed")),
  summary: fc.constant([]),
  content: maybe(fc.constantFrom<Json>(null, [], [{ type: "reasoning_text", text: "t" }])),
  encrypted_content: maybe(fc.constantFrom<Json>(null, "", "AAA")),
});
const reference = fc.record({ type: fc.constant("item_reference"), id: word });
const call = fc.record({
  type: fc.constant("function_call"),
  id: maybe(word),
  call_id: word,
  name: word,
  arguments: fc.constant("{}"),
});
const item = fc.oneof(message("user", "assistant", "system", "developer"), reasoning, reference, call);

const isKept = (each: { type?: unknown; encrypted_content?: unknown }) =>
  each.type !== "item_reference" && (each.type !== "reasoning" || Boolean(each.encrypted_content));

/** Any of the values, or no such member. */
const body = fc.record({
  model: fc.constant("gpt-5.5"),
  // Of nothing but what is left out there would be nothing to send, which is refused.
  input: fc.oneof(
    word,
    fc.array(item, { maxLength: 8 }).filter((items) => items.length === 0 || items.some(isKept)),
  ),
  instructions: maybe(fc.constantFrom<Json>(null, "", "Mine.")),
  store: maybe(fc.constantFrom<Json>(true, false, null)),
  stream: maybe(fc.constantFrom<Json>(true, false, null)),
  include: maybe(fc.constantFrom<Json>(null, [], ["a"], ["reasoning.encrypted_content"])),
  service_tier: maybe(fc.constantFrom<Json>("auto", "priority", null)),
  stream_options: maybe(
    fc.constantFrom<Json>(null, {}, { include_usage: true }, { a: 1, reasoning_summary_delivery: "x" }),
  ),
  tools: maybe(
    fc.constantFrom<Json>(null, [], [{ type: "web_search_preview", prompt_cache_breakpoint: {} }]),
  ),
  parallel_tool_calls: maybe(fc.boolean()),
  prompt_cache_key: maybe(word),
  temperature: maybe(fc.double({ noNaN: true, noDefaultInfinity: true })),
  previous_response_id: maybe(fc.constantFrom<Json>(null, "")),
  truncation: maybe(word),
  user: maybe(word),
});

test("whatever a client sends, the backend's rules hold for what goes up", async () => {
  await fc.assert(
    fc.asyncProperty(body, async (value) => {
      const sent = await send(value as JsonObject);
      expect(refusals(sent.body)).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("what goes up fits already: preparing it again changes nothing but the cache key", async () => {
  await fc.assert(
    fc.asyncProperty(body, async (value) => {
      const first = await send(value as JsonObject);
      const again = await send(first.text);
      expect(again.changes.filter((change) => change !== "codex-cache-key")).toEqual([]);
    }),
  );
});

test("as a conversation grows, its earlier part goes up the same every turn, so the cache holds", async () => {
  const opening = fc.array(message("user", "system", "developer"), { minLength: 1, maxLength: 3 });
  const turn = fc
    .tuple(message("assistant"), fc.array(item, { maxLength: 3 }), message("user"))
    .map(([answer, middle, next]) => [answer, ...middle, next]);
  await fc.assert(
    fc.asyncProperty(opening, fc.array(turn, { minLength: 1, maxLength: 4 }), async (start, turns) => {
      let input = start as JsonObject[];
      let before = await send({ model: "gpt-5.5", input, stream: true });
      for (const more of turns) {
        input = [...input, ...(more as JsonObject[])];
        const now = await send({ model: "gpt-5.5", input, stream: true });
        expect(now.body.instructions).toBe(before.body.instructions);
        const earlier = before.body.input as Json[];
        expect((now.body.input as Json[]).slice(0, earlier.length)).toEqual(earlier);
        before = now;
      }
    }),
  );
});
