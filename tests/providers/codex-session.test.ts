/** Cache and session ids of a ChatGPT plan: what they look like, and who shares one with whom. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/json.ts";
import { API, KEY_CREATED_AT, NOW, PLAN, send, type World } from "./codex-fixture.ts";

const DAY = 24 * 3_600_000;
const HI = { model: "gpt-5.5", input: "hi", stream: true };
const V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The id that goes up, in header and body alike, a UUIDv7 that is declared. */
async function idOf(body: JsonObject, world: World = {}): Promise<string> {
  const sent = await send(body, world);
  const id = sent.headers["session-id"];
  expect(id).toMatch(V7);
  expect(sent.body.prompt_cache_key).toBe(id);
  expect(sent.changes).toContain("codex-cache-key");
  return id ?? "";
}

function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** A UUIDv7 of this time. */
function v7(time: number, tail = "7bb2-9d51-2f6f0b9a6c01"): string {
  const stamp = time.toString(16).padStart(12, "0");
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-${tail}`;
}

const NAMED: [string, (session: string) => { body: JsonObject; headers?: Record<string, string> }][] = [
  ["the body's prompt_cache_key", (session) => ({ body: { ...HI, prompt_cache_key: session } })],
  ...[
    "session_id",
    "session-id",
    "thread-id",
    "conversation_id",
    "x-session-affinity",
    "x-session-id",
    "x-claude-code-session-id",
  ].map((name): (typeof NAMED)[number] => [name, (session) => ({ body: HI, headers: { [name]: session } })]),
];

describe.each(NAMED)("a session named by %s", (_name, naming) => {
  const namedId = (session: string, world: World = {}) => {
    const { body, headers = {} } = naming(session);
    return idOf(body, { ...world, headers });
  };

  test("has one id, which the client's cannot be read from", async () => {
    const session = v7(Date.UTC(2026, 10, 29));
    const id = await namedId(session);
    expect(await namedId(session)).toBe(id);
    expect(id).not.toBe(session);
    const sent = await send(naming(session).body, { headers: naming(session).headers ?? {} });
    expect(JSON.stringify([sent.headers, sent.body])).not.toContain(session);
  });

  test("keeps the time of a client's UUIDv7, in either case of its letters", async () => {
    const time = Date.UTC(2026, 5, 1) + 123;
    expect(timeOf(await namedId(v7(time)))).toBe(time);
    expect(timeOf(await namedId(v7(time).toUpperCase()))).toBe(time);
  });

  test.each([
    ["OpenCode's", "ses_6f1d3a520ffeXv2kqYw0pLrT9a"],
    ["Claude Code's, a UUIDv4", "6f1d3a52-0d5c-4a0e-9b62-4f7f3c8f6f01"],
    ["a UUIDv7 with something behind it", `${v7(Date.UTC(2026, 5, 1))}-advisor`],
    ["a UUIDv7 of another variant", v7(Date.UTC(2026, 5, 1), "7bb2-cd51-2f6f0b9a6c01")],
    ["a UUIDv7 from before 2020", v7(Date.UTC(2019, 11, 31))],
    ["a UUIDv7 from a clock that runs days ahead", v7(NOW + 2 * DAY)],
  ])("has the key's time where the id is %s", async (_kind, session) => {
    expect(timeOf(await namedId(session))).toBe(KEY_CREATED_AT);
  });
});

test("the body's cache key counts before any header", async () => {
  const body = { ...HI, prompt_cache_key: "body" };
  expect(await idOf(body, { headers: { "session-id": "header" } })).toBe(await idOf(body));
});

test.each([
  ["was issued in 1970", 0],
  ["will have been issued in a year", NOW + 365 * DAY],
])("the time is a possible one for a key that %s", async (_when, keyCreatedAt) => {
  expect(timeOf(await idOf(HI, { keyCreatedAt }))).toBe(Date.UTC(2026, 0, 1));
});

const anyId = fc.oneof(
  fc.uuid({ version: 7 }),
  fc.uuid({ version: 4 }),
  fc.string({ minLength: 1 }),
  fc.stringMatching(/^ses_[0-9a-f]{12}[0-9A-Za-z]{14}$/),
);

test("sessions, keys and accounts never share an id, and it is always a plausible UUIDv7", async () => {
  const owner = fc.record({ keyId: fc.string({ minLength: 1 }), account: fc.string({ minLength: 1 }) });
  const one = fc.record({ session: fc.option(anyId), owner, keyCreatedAt: fc.nat({ max: 2 * NOW }) });
  await fc.assert(
    fc.asyncProperty(one, one, async (a, b) => {
      const id = ({ session, owner, keyCreatedAt }: typeof a) =>
        idOf(session === null ? HI : { ...HI, prompt_cache_key: session }, {
          keyId: owner.keyId,
          keyCreatedAt,
          account: { ...PLAN, id: owner.account },
        });
      const [first, second] = [await id(a), await id(b)];
      expect(timeOf(first)).toBeGreaterThanOrEqual(Date.UTC(2020, 0, 1));
      expect(timeOf(first)).toBeLessThanOrEqual(NOW + DAY);
      expect(await id(a)).toBe(first);
      const isSame = JSON.stringify([a.owner, a.session]) === JSON.stringify([b.owner, b.session]);
      if (!isSame) expect(second.slice(14)).not.toBe(first.slice(14));
      // The same session of another key, and of another account.
      const others = [
        { ...a, owner: { ...a.owner, keyId: `${a.owner.keyId}2` } },
        { ...a, owner: { ...a.owner, account: `${a.owner.account}2` } },
      ];
      for (const other of others) expect((await id(other)).slice(14)).not.toBe(first.slice(14));
    }),
    { numRuns: 200 },
  );
});

describe("a client that names no session", () => {
  const word = fc.stringMatching(/^[a-z ]{1,12}$/);
  const content = fc.oneof(
    word,
    fc.array(
      fc.oneof(
        fc.record({ type: fc.constantFrom("input_text", "text"), text: word }),
        fc.record({ type: fc.constant("input_image"), image_url: word }),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  );
  const message = (...roles: string[]) => fc.record({ role: fc.constantFrom(...roles), content });
  const tools = fc.record({
    type: fc.constant("additional_tools"),
    tools: fc.array(fc.record({ type: fc.constant("function"), name: word }), { maxLength: 2 }),
  });
  const opening = fc.record({
    instructions: fc.option(word, { nil: undefined }),
    before: fc.array(message("developer", "system"), { maxLength: 3 }),
    user: message("user"),
  });
  const later = fc.array(
    fc.oneof(
      message("user", "assistant", "developer"),
      fc.record({
        type: fc.constant("reasoning"),
        summary: fc.constant<Json[]>([]),
        encrypted_content: word,
      }),
      fc.record({
        type: fc.constant("custom_tool_call"),
        call_id: fc.constant("c"),
        name: word,
        input: word,
      }),
      fc.record({ type: fc.constant("custom_tool_call_output"), call_id: fc.constant("c"), output: word }),
    ),
    { maxLength: 6 },
  );
  type Opening = { instructions?: string | undefined; before: JsonObject[]; user: JsonObject };
  const bodyOf = ({ instructions, before, user }: Opening, rest: Json[] = []): JsonObject => ({
    model: "gpt-5.5",
    ...(instructions === undefined ? {} : { instructions }),
    input: [...before, user, ...rest],
  });

  test("has one id from the first turn of its conversation to the last, however it goes on", async () => {
    await fc.assert(
      fc.asyncProperty(opening, later, tools, async (begins, rest, more) => {
        const id = await idOf(bodyOf(begins));
        expect(await idOf(bodyOf(begins, rest))).toBe(id);
        // Another model, other settings, tools that joined later.
        const changed: JsonObject = {
          ...bodyOf(begins, rest),
          model: "gpt-6-sol",
          tools: [],
          reasoning: { effort: "high" },
        };
        expect(await idOf(changed)).toBe(id);
        expect(await idOf({ ...changed, input: [more, ...(changed.input as Json[])] })).toBe(id);
      }),
      { numRuns: 150 },
    );
  });

  test("has it however the same words are written", async () => {
    const written = (item: JsonObject, at: number): JsonObject => ({
      type: "message",
      id: `msg_${at}`,
      status: "completed",
      ...item,
      role: item.role === "system" ? "developer" : item.role!,
      content:
        typeof item.content === "string"
          ? [{ type: "input_text", text: item.content, prompt_cache_breakpoint: { mode: "explicit" } }]
          : item.content!,
    });
    await fc.assert(
      fc.asyncProperty(opening, later, async (begins, rest) => {
        const body = bodyOf(begins, rest);
        const again = { ...body, input: (body.input as JsonObject[]).map(written) };
        expect(await idOf(again)).toBe(await idOf(body));
      }),
      { numRuns: 150 },
    );
    const items = [
      { role: "user", content: "hi" },
      { role: "assistant", content: "ho" },
    ];
    expect(await idOf({ ...HI, input: items })).toBe(await idOf({ ...HI, input: "hi" }));
  });

  test("has another one for every other beginning", async () => {
    const plain = ({ instructions = "", before, user }: Opening) => {
      const parts = (value: unknown) =>
        typeof value === "string"
          ? [value]
          : (value as JsonObject[]).map((part) => part.text ?? `image ${part.image_url}`);
      return JSON.stringify([instructions, [...before, user].map((each) => parts(each.content))]);
    };
    await fc.assert(
      fc.asyncProperty(opening, opening, async (one, other) => {
        fc.pre(plain(one) !== plain(other));
        expect(await idOf(bodyOf(one))).not.toBe(await idOf(bodyOf(other)));
      }),
      { numRuns: 300 },
    );
  });

  test("has one id in the newer form too, whose tools and prompt stand in the input", async () => {
    const lite = (name: string, prompt: string, ...more: JsonObject[]) => ({
      model: "gpt-6-sol",
      input: [
        { type: "additional_tools", tools: [{ type: "custom", name }] },
        { role: "developer", content: [{ type: "input_text", text: prompt }] },
        { role: "user", content: [{ type: "input_text", text: "fix it" }] },
        ...more,
      ],
    });
    const headers = { "x-openai-internal-codex-responses-lite": "true" };
    const id = await idOf(lite("exec", "You are Codex."), { headers });
    const next = { role: "assistant", content: "done" };
    expect(await idOf(lite("shell", "You are Codex.", next), { headers })).toBe(id);
    expect(await idOf(lite("exec", "You are another."), { headers })).not.toBe(id);
  });

  test("has one as well where no user says a word: by what comes before the model's first item", async () => {
    const prompt = { role: "developer", content: [{ type: "input_image", image_url: "data:," }] };
    const id = await idOf({ model: "gpt-5.5", input: [prompt] });
    expect(await idOf({ model: "gpt-5.5", input: [prompt, { role: "assistant", content: "a" }] })).toBe(id);
    expect(await idOf({ model: "gpt-5.5", instructions: "x", input: [prompt] })).not.toBe(id);
  });

  test("costs no more for a first message of megabytes, and shares its id with no shorter one", async () => {
    const image = (length: number) => ({
      model: "gpt-5.5",
      input: [{ role: "user", content: [{ type: "input_image", image_url: "x".repeat(length) }] }],
    });
    const id = await idOf(image(8_000_000));
    expect(await idOf(image(8_000_000))).toBe(id);
    expect(await idOf(image(7_999_999))).not.toBe(id);
  });
});

test("an API key gets neither cache key nor session: its bytes are the client's", async () => {
  const sent = await send(
    { ...HI, prompt_cache_key: "s1" },
    { account: API, headers: { "session-id": "s1" } },
  );
  expect(sent.body.prompt_cache_key).toBe("s1");
  expect(sent.headers["session-id"]).toBeUndefined();
});
