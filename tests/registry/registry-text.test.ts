import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type RegistryText, readRegistryText } from "../../src/models/registry-text.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { rawModel, rawProvider, SAMPLE } from "./world.ts";

const OPTIONS = {
  own: new Set(["kleis-codex", "kleis-claude", "kleis-copilot"]),
  sources: new Set(PROVIDERS.map(({ source }) => source)),
};
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function read(body: string | Uint8Array<ArrayBuffer>) {
  return readRegistryText(typeof body === "string" ? encoder.encode(body) : body, OPTIONS);
}

/** The text that clients get, or the reason why they get none. */
async function textOf(body: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const reading = await read(body);
  if (!reading.ok) throw new Error(reading.reason);
  return join(reading.text);
}

function join({ head, tail }: RegistryText): string {
  return decoder.decode(head) + decoder.decode(tail);
}

async function reasonOf(body: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const reading = await read(body);
  return reading.ok ? "none" : reading.reason;
}

const good = rawModel("good");
const cost = (change: object) => ({ cost: { input: 1, output: 2, ...change } });
const effort = (change: object) => ({ reasoning: true, reasoning_options: [{ type: "effort", ...change }] });
const mode = (change: object) => ({ experimental: { modes: { fast: change } } });

describe("a genuine registry", () => {
  test("passes byte for byte, and loses no model", async () => {
    const reading = await read(SAMPLE);
    expect(reading).toMatchObject({ ok: true, models: 274, dropped: 0 });
    expect(await textOf(SAMPLE)).toBe(decoder.decode(SAMPLE));
    if (reading.ok)
      expect([...reading.registry.keys()].sort()).toEqual(["anthropic", "github-copilot", "openai"]);
  });

  test("is cut right before its last brace", async () => {
    const reading = await read(` { "a" : ${JSON.stringify(rawProvider("a", good))} } \n`);
    if (!reading.ok) throw new Error(reading.reason);
    expect(decoder.decode(reading.text.tail)).toBe("} \n");
  });

  test("keeps spacing, escapes, big numbers and the order of keys around what is dropped", async () => {
    const kept = `"a" : ${JSON.stringify(rawProvider("a", good)).replace('"context":1000', '"context":1e3 , "input" : 9.0')}`;
    const odd = `"\\u0062" : {"id":"b"}`;
    expect(await textOf(`{\n  ${kept},\n  ${odd} ,\n "c":null}`)).toBe(`{\n  ${kept}}`);
    expect(await textOf(`{\n ${odd},\n ${kept}\n}`)).toBe(`{\n ${kept}\n}`);
  });

  test("comes without its byte order mark", async () => {
    const text = JSON.stringify({ a: rawProvider("a", good) });
    expect(await textOf(`\ufeff${text}`)).toBe(text);
  });

  test("has the same version for the same content only", async () => {
    const version = async (body: string | Uint8Array<ArrayBuffer>) => {
      const reading = await read(body);
      return reading.ok ? reading.text.version : "";
    };
    const text = decoder.decode(SAMPLE);
    expect(await version(text)).toBe(await version(SAMPLE));
    expect(await version(text.replace("GPT-5.4", "GPT-5.5"))).not.toBe(await version(SAMPLE));
  });
});

describe("a malformed model is dropped, and the others stay as they are", () => {
  test.each<[string, unknown]>([
    ["no limit", rawModel("bad", { limit: undefined })],
    ["limit null", rawModel("bad", { limit: null })],
    ["no context", rawModel("bad", { limit: { output: 1 } })],
    ["context as text", rawModel("bad", { limit: { context: "1000", output: 1 } })],
    ["a negative output", rawModel("bad", { limit: { context: 1, output: -1 } })],
    ["input null", rawModel("bad", { limit: { context: 1, output: 1, input: null } })],
    ["another id than its key", { ...good, id: "other" }],
    ["no id", rawModel("bad", { id: undefined })],
    ["no name", rawModel("bad", { name: undefined })],
    ["modalities that are none", rawModel("bad", { modalities: { input: "text", output: ["text"] } })],
    ["a cost that is text", rawModel("bad", { cost: "free" })],
    ["a price that is text", rawModel("bad", { cost: { input: 1, output: 1, cache_read: "1" } })],
    ["tool_call as text", rawModel("bad", { tool_call: "yes" })],
    ["an override that is none", rawModel("bad", { provider: "openai" })],
    ["modes that are none", rawModel("bad", { experimental: { modes: [] } })],
    ["reasoning options that are none", rawModel("bad", { reasoning: true, reasoning_options: "high" })],
    ["an effort without values", rawModel("bad", effort({}))],
    ["values of an effort as text", rawModel("bad", effort({ values: "high" }))],
    ["an effort that is a number", rawModel("bad", effort({ values: ["low", 3] }))],
    ["an object under the name of a price", rawModel("bad", cost({ cache_read: { input: 1 } }))],
    ["an object under a name that is no price", rawModel("bad", cost({ later: {} }))],
    ["tiers as an object", rawModel("bad", cost({ tiers: {} }))],
    ["tiers that are none", rawModel("bad", cost({ tiers: [null, 3] }))],
    ["a tier without a price", rawModel("bad", cost({ tiers: [{ input: 1, tier: { size: 9 } }] }))],
    ["a tier of no size", rawModel("bad", cost({ tiers: [{ input: 1, output: 1, tier: {} }] }))],
    ["a tier that says of no tier", rawModel("bad", cost({ tiers: [{ input: 1, output: 1 }] }))],
    ["prices of long prompts as a list", rawModel("bad", cost({ context_over_200k: [] }))],
    ["prices of long prompts without prices", rawModel("bad", cost({ context_over_200k: {} }))],
    ["an override whose package is a number", rawModel("bad", { provider: { npm: 7 } })],
    ["an override whose address is an object", rawModel("bad", { provider: { api: {} } })],
    ["an override whose body is text", rawModel("bad", { provider: { body: "x" } })],
    ["a mode that overrides with null", rawModel("bad", mode({ provider: null }))],
    ["a mode whose cost is text", rawModel("bad", mode({ cost: "x" }))],
    ["a mode whose body is text", rawModel("bad", mode({ provider: { body: "x" } }))],
    ["a mode whose headers are a list", rawModel("bad", mode({ provider: { headers: ["x"] } }))],
    ["a mode whose header is a number", rawModel("bad", mode({ provider: { headers: { a: 1 } } }))],
    ["null", null],
    ["a list", []],
    ["a number", 7],
  ])("%s", async (_name, bad) => {
    const provider = (models: object) => ({ p: { ...rawProvider("p"), models }, q: rawProvider("q", good) });
    const both = JSON.stringify(provider({ good, bad, "also-good": rawModel("also-good") }));
    const without = JSON.stringify(provider({ good, "also-good": rawModel("also-good") }));
    expect(await textOf(both)).toBe(without);
    expect(await read(both)).toMatchObject({ models: 3, dropped: 1 });
  });

  test("in our own entries too", async () => {
    const bad = rawModel("bad", cost({ tiers: {} }));
    const reading = await read(JSON.stringify({ openai: rawProvider("openai", good, bad) }));
    expect(reading.ok && reading.registry.get("openai")?.map(({ id }) => id)).toEqual(["good"]);
  });

  test("a context beyond all numbers", async () => {
    const text = JSON.stringify({
      p: rawProvider("p", good, rawModel("bad", { limit: { context: 77, output: 1 } })),
    });
    expect(await textOf(text.replace("77", "1e999"))).toBe(JSON.stringify({ p: rawProvider("p", good) }));
  });

  test("a model with everything that there may be stays", async () => {
    const prices = { input: 1, output: 2, cache_read: 0.1 };
    const rich = rawModel("rich", {
      ...cost({
        ...prices,
        reasoning: 3,
        tiers: [{ ...prices, tier: { type: "context", size: 200_000 } }],
        context_over_200k: prices,
      }),
      reasoning: true,
      reasoning_options: [
        { type: "toggle" },
        { type: "effort", values: ["low", null] },
        { type: "budget_tokens", min: 1 },
      ],
      provider: { npm: "@ai-sdk/openai", api: "https://rich.example", shape: "responses" },
      ...mode({
        cost: prices,
        provider: { body: { reasoning: { mode: "pro" } }, headers: { beta: "fast" } },
      }),
      interleaved: { field: "reasoning_content" },
    });
    const text = JSON.stringify({ p: rawProvider("p", rich) });
    expect(await textOf(text)).toBe(text);
  });

  test("a model that lacks what clients do not need stays", async () => {
    const lean = { id: "lean", name: "Lean", limit: { context: 1, output: 1 }, unheard_of: [1] };
    const text = JSON.stringify({ p: rawProvider("p", lean) });
    expect(await textOf(text)).toBe(text);
  });
});

describe("a malformed provider is dropped with its models", () => {
  test.each<[string, unknown]>([
    ["null", null],
    ["no models", { ...rawProvider("bad", good), models: undefined }],
    ["models as a list", { ...rawProvider("bad"), models: [good] }],
    ["another id than its key", rawProvider("other", good)],
    ["no name", { ...rawProvider("bad", good), name: undefined }],
    ["no env", { ...rawProvider("bad", good), env: undefined }],
    ["an empty env", { ...rawProvider("bad", good), env: [] }],
    ["env as text", { ...rawProvider("bad", good), env: "BAD_KEY" }],
    ["api that is none", { ...rawProvider("bad", good), api: 7 }],
    ["the variable of our key", { ...rawProvider("bad", good), env: ["KLEIS_API_KEY"] }],
  ])("%s", async (_name, bad) => {
    const fine = rawProvider("fine", good);
    expect(await textOf(JSON.stringify({ bad, fine }))).toBe(JSON.stringify({ fine }));
    expect(await textOf(JSON.stringify({ fine, bad }))).toBe(JSON.stringify({ fine }));
  });

  test("so is an entry under one of our own ids, however good it is", async () => {
    const fine = rawProvider("fine", good);
    const text = JSON.stringify({ "kleis-codex": rawProvider("kleis-codex", good), fine });
    expect(await textOf(text)).toBe(JSON.stringify({ fine }));
  });
});

describe("what is no registry is refused with a reason", () => {
  const whole = decoder.decode(SAMPLE);
  test.each<[string, string | Uint8Array<ArrayBuffer>, RegExp]>([
    ["a web page", "<!doctype html><title>502</title>", /web page/],
    ["nothing", "", /empty/],
    ["a half file", whole.slice(0, whole.length / 2), /not JSON/],
    ["two files", whole + whole, /not JSON/],
    ["an array", "[]", /not an object/],
    ["a text", '"ok"', /not an object/],
    ["null", "null", /not an object/],
    ["an empty object", "{}", /no well-formed model/],
    ["an error in JSON", '{"error":{"message":"busy"}}', /no well-formed model/],
    ["providers without models", JSON.stringify({ a: rawProvider("a") }), /no well-formed model/],
    ["bytes that are no text", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), /UTF-8/],
    ["5 MB of junk", "x".repeat(5_000_000), /not JSON/],
  ])("%s", async (_name, body, reason) => {
    expect(await reasonOf(body)).toMatch(reason);
  });
});

test("whatever is mixed in, what comes out is the JSON of the sound part, and its bytes were all there before", async () => {
  const id = fc.constantFrom("a", "b", "c", "d", "e", 'q"uote', "sl/ash", "ü");
  const broken = fc.constantFrom<unknown>(null, 7, [], {}, { limit: {} }, "text");
  const model = fc.record({ id, sound: fc.boolean(), broken });
  const provider = fc.record({ id, sound: fc.boolean(), models: fc.array(model, { maxLength: 6 }), broken });
  await fc.assert(
    fc.asyncProperty(
      fc.array(provider, { maxLength: 6 }),
      fc.constantFrom(undefined, 1, "\t"),
      async (drawn, space) => {
        const all: Record<string, unknown> = {};
        const sound: Record<string, unknown> = {};
        let count = 0;
        for (const { id: name, sound: isSound, models, broken: other } of drawn) {
          const distinct = [...new Map(models.map((each) => [each.id, each])).values()];
          const members = distinct.map((each) => [each.id, each.sound ? rawModel(each.id) : each.broken]);
          const kept = distinct.filter((each) => each.sound).map((each) => [each.id, rawModel(each.id)]);
          const of = (entries: unknown[][]) => ({
            ...rawProvider(name),
            models: Object.fromEntries(entries),
          });
          delete all[name];
          delete sound[name];
          all[name] = isSound ? of(members) : other;
          if (isSound) sound[name] = of(kept);
        }
        for (const value of Object.values(sound)) {
          if (typeof value === "object" && value !== null && "models" in value) {
            count += Object.keys(Object(value.models)).length;
          }
        }
        const text = JSON.stringify(all, null, space);
        if (count === 0) {
          expect(await reasonOf(text)).toMatch(/no well-formed model/);
          return;
        }
        const out = await textOf(text);
        expect(JSON.parse(out)).toEqual(sound);
        if (space === undefined) expect(out).toBe(JSON.stringify(sound));
      },
    ),
    { numRuns: 300 },
  );
});
