/** Requests through the real Node door: byte for byte, or changed in exactly what `x-kleis-changes` names. */
import { request as open } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RecordedRequest } from "../fakes/index.ts";
import { connectAll, connectKeys, type Door, openDoor } from "../support/door.ts";
import { anyJsonText, oddString, space } from "./support/json-text.ts";

let door: Door;
const keys: Record<string, string> = {};
beforeAll(async () => {
  door = await openDoor();
  const { codex, copilot } = await connectAll(door);
  const { claudeKey, openaiKey } = await connectKeys(door);
  for (const [name, id] of Object.entries({ codex, copilot, claudeKey, openaiKey }))
    keys[name] = await door.key({ accounts: [id] });
});
afterAll(() => door.close());

interface Answer {
  status: number;
  changes: string[];
}

/** Sends the bytes as they are; no client library has a say in them. */
function post(path: string, as: string, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${keys[as]}`,
      "content-type": "application/json",
      "content-length": body.length,
    };
    const req = open(door.url + path, { method: "POST", headers }, (res) => {
      const changes = String(res.headers["x-kleis-changes"]);
      res.resume();
      res.on("end", () =>
        resolve({
          status: res.statusCode ?? 0,
          changes: changes === "none" ? [] : changes.split(",").sort(),
        }),
      );
    });
    req.on("error", reject);
    req.end(body);
  });
}

const lastOf = (requests: readonly RecordedRequest[]): Buffer => requests.at(-1)?.body ?? Buffer.alloc(0);

/** A member of an object as text, in any spacing. */
const member = (name: fc.Arbitrary<string>, value: fc.Arbitrary<string>) =>
  fc.tuple(name, space, space, value).map(([key, a, b, text]) => `"${key}"${a}:${b}${text}`);

const NAMES = ["x", "metadata", "temperature", "a b", "\\u0073tore", "é", "__proto__", "constructor", "0"];

/** A byte order mark says nothing in UTF-8, and providers refuse it. */
const withoutMark = (text: string) => Buffer.from(text.replace(/^\ufeff/, ""));

describe("with an API key a body arrives as the very bytes that came, but for a byte order mark", () => {
  /** What the API insists on, and then anything: in any order, twice, in any spelling. */
  const body = (required: Record<string, string>) =>
    fc
      .tuple(
        fc.tuple(
          ...Object.entries(required).map(([name, value]) => member(fc.constant(name), fc.constant(value))),
        ),
        fc.array(member(fc.constantFrom(...NAMES), anyJsonText), { maxLength: 5 }),
        fc.boolean(),
        fc.array(space, { minLength: 4, maxLength: 4 }),
      )
      .chain(([needed, more, bom, [a, b, c, d]]) =>
        fc
          .shuffledSubarray([...needed, ...more], { minLength: needed.length + more.length })
          .map((members) => `${bom ? "\ufeff" : ""}${a}{${b}${members.join(`${c},${d}`)}${a}}${b}`),
      );

  const content = `[{"role":"user","content":[{"type":"text","text":"\\ud83e\\uddf5 \\ud800 caf\\u00e9 \\/ 1e400"}]}]`;

  test.each([
    [
      "messages",
      "/v1/messages",
      "claudeKey",
      { model: '"claude-sonnet-4-6"', max_tokens: "1.0e1", messages: content, stream: "true" },
    ],
    [
      "messages, not streamed",
      "/v1/messages",
      "claudeKey",
      { model: '"claude-sonnet\\u002d4-6"', max_tokens: "10", messages: content },
    ],
    [
      "count_tokens",
      "/v1/messages/count_tokens",
      "claudeKey",
      { model: '"claude-sonnet-4-6"', messages: content },
    ],
    [
      "responses",
      "/v1/responses",
      "openaiKey",
      { model: '"gpt-5.5"', input: content.replaceAll('"text"', '"input_text"'), stream: "true" },
    ],
    ["chat", "/v1/chat/completions", "openaiKey", { model: '"gpt-5.5"', messages: content, stream: "false" }],
  ] as const)("%s", async (_name, path, as, required) => {
    const fake = as === "claudeKey" ? door.fakes.claude : door.fakes.codex;
    await fc.assert(
      fc.asyncProperty(body(required), async (text) => {
        const before = fake.requests.length;
        const { changes } = await post(path, as, Buffer.from(text));
        expect(fake.requests).toHaveLength(before + 1);
        expect(lastOf(fake.requests).equals(withoutMark(text))).toBe(true);
        expect(changes).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test("also bytes that are no UTF-8, and a megabyte of them", async () => {
    const odd = Buffer.concat([
      Buffer.from('{"model":"claude-sonnet-4-6","max_tokens":5,"messages":[{"role":"user","content":"'),
      Buffer.from([0xed, 0xa0, 0x80, 0xff, 0xc3, 0x28]),
      Buffer.alloc(1024 * 1024, "é"),
      Buffer.from('"}]}'),
    ]);
    await post("/v1/messages", "claudeKey", odd);
    expect(lastOf(door.fakes.claude.requests).equals(odd)).toBe(true);
  });

  test("with a provider's prefix on the model, only that is taken off", async () => {
    const rest =
      ' , "messages":[ {"role":"user","content":"anthropic/claude-sonnet-4-6"} ],"max_tokens" : 5,"model2":"anthropic/x"}';
    const { changes } = await post(
      "/v1/messages",
      "claudeKey",
      Buffer.from(`{ "model" : "anthropic/claude-sonnet-4-6"${rest}`),
    );
    expect(lastOf(door.fakes.claude.requests).toString()).toBe(`{ "model" : "claude-sonnet-4-6"${rest}`);
    expect(changes).toEqual(["model-prefix"]);
  });
});

/** A piece of a body: as the client writes it, and what becomes of it. */
interface Piece {
  readonly text: string;
  /** The text upstream; null where the piece is left out with its comma. */
  readonly upstream: string | null;
  readonly changes: readonly string[];
}

const kept = (arb: fc.Arbitrary<string>) => arb.map((text): Piece => ({ text, upstream: text, changes: [] }));
const dropped = (change: string, arb: fc.Arbitrary<string>) =>
  arb.map((text): Piece => ({ text, upstream: null, changes: [change] }));

/** A member with one value for another; only the value changes, in its place. */
const replaced = (change: string, name: string, from: string, to: string) =>
  fc.tuple(space, space).map(
    ([a, b]): Piece => ({
      text: `"${name}"${a}:${b}${from}`,
      upstream: `"${name}"${a}:${b}${to}`,
      changes: [change],
    }),
  );

/** A member that is put at the object's end where the client has none. */
interface Added {
  readonly name: string;
  readonly value: unknown;
  readonly change: string;
}

interface Case {
  readonly text: string;
  readonly upstream: string;
  readonly added: readonly Added[];
  readonly changes: string[];
}

/** An object of pieces. The first is always kept, so that every other goes with the comma before it. */
function objectOf(
  first: fc.Arbitrary<Piece>,
  others: fc.Arbitrary<Piece>[],
  added: fc.Arbitrary<Added[]>,
): fc.Arbitrary<Case> {
  return fc
    .tuple(first, fc.tuple(...others), added, fc.tuple(space, space, space, space))
    .chain(([head, pieces, more, [a, b, c, d]]) =>
      fc.shuffledSubarray(pieces, { minLength: pieces.length }).map((rest) => {
        const all = [head, ...rest];
        const separator = `${b},${c}`;
        const upstream = all.flatMap((piece) => (piece.upstream === null ? [] : [piece.upstream]));
        return {
          text: `{${a}${all.map(({ text }) => text).join(separator)}${d}}`,
          upstream: `{${a}${upstream.join(separator)}`,
          added: more,
          changes: [
            ...new Set([...all.flatMap(({ changes }) => changes), ...more.map(({ change }) => change)]),
          ].sort(),
        };
      }),
    );
}

/** An input list with ids that must not reach the provider. */
function inputOf(change: string): fc.Arbitrary<Piece> {
  const item = fc
    .tuple(kept(fc.constant('"type":"message"')), fc.boolean(), fc.tuple(space, oddString), oddString)
    .map(([head, withId, [a, id], text]): Piece => {
      const rest = `,"role":"user", "content" : [{"type":"input_text","text":${text}}]}`;
      return {
        text: `{${head.text}${withId ? `${a},"id":${id}` : ""}${rest}`,
        upstream: `{${head.text}${rest}`,
        changes: withId ? [change] : [],
      };
    });
  return fc.tuple(fc.array(item, { minLength: 1, maxLength: 4 }), space).map(([items, a]) => ({
    text: `"input":[${items.map(({ text }) => text).join(`${a},`)}]`,
    upstream: `"input":[${items.map(({ upstream }) => upstream).join(`${a},`)}]`,
    changes: items.flatMap(({ changes }) => changes),
  }));
}

const ENCRYPTED = "reasoning.encrypted_content";

/** `store`, `stream` and `include` as a client may have them; what is missing is added. */
function modes(prefix: string) {
  const either = (name: string, change: string, fine: string, wrong: [string, string][], value: unknown) =>
    fc.oneof(
      fc.tuple(kept(member(fc.constant(name), fc.constant(fine))), fc.constant<Added[]>([])),
      ...wrong.map(([from, to]) => fc.tuple(replaced(change, name, from, to), fc.constant<Added[]>([]))),
      fc.tuple(fc.constant<Piece | null>(null), fc.constant<Added[]>([{ name, value, change }])),
    );
  const stores = either(
    "store",
    `${prefix}-store`,
    "false",
    [
      ["true", "false"],
      ["null", "false"],
    ],
    false,
  );
  const includes = either(
    "include",
    `${prefix}-include`,
    `[ "${ENCRYPTED}" ]`,
    [
      ["[]", `["${ENCRYPTED}"]`],
      ['[ "a" ]', `["a","${ENCRYPTED}"]`],
    ],
    [ENCRYPTED],
  );
  return { stores, includes };
}

async function arrivesAs(
  path: string,
  as: string,
  fake: { requests: RecordedRequest[] },
  { text, upstream, added, changes }: Case,
) {
  const before = fake.requests.length;
  const answer = await post(path, as, Buffer.from(text));
  expect(answer.status).toBe(200);
  expect(fake.requests).toHaveLength(before + 1);
  const arrived = lastOf(fake.requests).toString();
  expect(arrived.slice(0, upstream.length)).toBe(upstream);
  const tail = arrived.slice(upstream.length).trimEnd();
  expect(JSON.parse(`{${tail.replace(/^,/, "")}`)).toEqual(
    Object.fromEntries(added.map(({ name, value }) => [name, value])),
  );
  expect(answer.changes).toEqual(changes);
}

describe("where a provider needs changes, a body without the declared ones is the body that came", () => {
  const model = (prefixed: string, bare: string) =>
    fc.oneof(
      kept(member(fc.constant("model"), fc.constant(`"${bare}"`))),
      replaced("model-prefix", "model", `"${prefixed}"`, `"${bare}"`),
    );
  const instructions = kept(
    member(
      fc.constant("instructions"),
      oddString.map((text) => `"Be ${text.slice(1)}`),
    ),
  );
  const tools = kept(
    fc.constant(`"tools" : [ { "type":"function","name":"id", "parameters":{"id":1.0,"store":true} } ]`),
  );

  /** A session that no client has named. */
  const cacheKey: Added = {
    name: "prompt_cache_key",
    value: expect.stringMatching(/^[0-9a-f-]{36}$/),
    change: "codex-cache-key",
  };

  function case_(prefix: "codex" | "copilot", lead: fc.Arbitrary<Piece>, refused: readonly string[]) {
    const { stores, includes } = modes(prefix);
    const session = prefix === "codex" ? [cacheKey] : [];
    return fc
      .tuple(
        stores,
        includes,
        fc.array(dropped(`${prefix}-fields`, member(fc.constantFrom(...refused), anyJsonText)), {
          maxLength: 3,
        }),
      )
      .chain(([[store, noStore], [include, noInclude], fields]) => {
        const present = [store, include].flatMap((piece) => (piece === null ? [] : [fc.constant(piece)]));
        const pieces = [
          ...present,
          ...fields.map((piece) => fc.constant(piece)),
          instructions,
          tools,
          inputOf(`${prefix}-item-ids`),
        ];
        const stream = kept(member(fc.constant("stream"), fc.constant("true")));
        return objectOf(lead, [...pieces, stream], fc.constant([...noStore, ...noInclude, ...session]));
      });
  }

  test("a ChatGPT plan", async () => {
    const refused = ["temperature", "max_output_tokens", "metadata", "user", "truncation", "stop"];
    await fc.assert(
      fc.asyncProperty(case_("codex", model("codex/gpt-5.5", "gpt-5.5"), refused), (one) =>
        arrivesAs("/v1/responses", "codex", door.fakes.codex, one),
      ),
      { numRuns: 120 },
    );
  });

  test("Copilot on responses", async () => {
    await fc.assert(
      fc.asyncProperty(case_("copilot", model("copilot/gpt-5.4", "gpt-5.4"), ["service_tier"]), (one) =>
        arrivesAs("/copilot/v1/responses", "copilot", door.fakes.copilot, one),
      ),
      { numRuns: 120 },
    );
  });

  test("Copilot on chat", async () => {
    const USAGE = "copilot-usage";
    const options = fc.oneof(
      fc.tuple(
        kept(member(fc.constant("stream_options"), fc.constant('{ "include_usage" : false }'))),
        fc.constant<Added[]>([]),
      ),
      fc.tuple(
        replaced(USAGE, "stream_options", '{ "x":1.0 }', '{ "x":1.0,"include_usage":true }'),
        fc.constant<Added[]>([]),
      ),
      fc.tuple(replaced(USAGE, "stream_options", "null", '{"include_usage":true}'), fc.constant<Added[]>([])),
      fc.tuple(
        fc.constant<Piece | null>(null),
        fc.constant<Added[]>([{ name: "stream_options", value: { include_usage: true }, change: USAGE }]),
      ),
    );
    const one = fc
      .tuple(options, fc.array(kept(member(fc.constantFrom(...NAMES), anyJsonText)), { maxLength: 4 }))
      .chain(([[option, added], more]) =>
        objectOf(
          model("copilot/gpt-5-mini", "gpt-5-mini"),
          [
            ...(option === null ? [] : [fc.constant(option)]),
            ...more.map((piece) => fc.constant(piece)),
            kept(fc.constant('"messages":[{"role":"user","content":"\\ud800 \\u0041","id":"x"}]')),
            kept(member(fc.constant("stream"), fc.constant("true"))),
          ],
          fc.constant(added),
        ),
      );
    await fc.assert(
      fc.asyncProperty(one, (body) =>
        arrivesAs("/copilot/v1/chat/completions", "copilot", door.fakes.copilot, body),
      ),
      { numRuns: 120 },
    );
  });
});
