import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rawModel, rawProvider, SAMPLE } from "../../harness/models-dev.ts";
import { type RegistryText, readRegistryText } from "../../src/models/registry/splice.ts";
import { PROVIDERS } from "../../src/providers/index.ts";

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
    ["another id than its key", { ...good, id: "other" }],
    ["no id", rawModel("bad", { id: undefined })],
    ["no name", rawModel("bad", { name: undefined })],
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
    const bad = rawModel("bad", { limit: { context: 1 } });
    const reading = await read(JSON.stringify({ openai: rawProvider("openai", good, bad) }));
    expect(reading.ok && reading.registry.get("openai")?.map(({ id }) => id)).toEqual(["good"]);
  });

  test("a context beyond all numbers", async () => {
    const text = JSON.stringify({
      p: rawProvider("p", good, rawModel("bad", { limit: { context: 77, output: 1 } })),
    });
    expect(await textOf(text.replace("77", "1e999"))).toBe(JSON.stringify({ p: rawProvider("p", good) }));
  });

  test("a model that lacks what clients do not need stays", async () => {
    const lean = { id: "lean", name: "Lean", limit: { context: 1, output: 1 }, unheard_of: [1] };
    const text = JSON.stringify({ p: rawProvider("p", lean) });
    expect(await textOf(text)).toBe(text);
  });
});

/** A model with everything that there may be. */
function richModel() {
  const prices = { input: 1, output: 2, cache_read: 0.1 };
  return rawModel("rich", {
    family: "rich",
    status: "beta",
    knowledge: "2026-01",
    temperature: true,
    limit: { context: 9, output: 3, input: 6 },
    ...cost({
      ...prices,
      reasoning: 3,
      tiers: [
        { ...prices, tier: { type: "context", size: 200_000 } },
        { ...prices, cache_write: 4, tier: { size: 300_000 } },
      ],
      context_over_200k: { ...prices },
    }),
    reasoning: true,
    reasoning_options: [
      { type: "toggle" },
      { type: "effort", values: ["low", null, "high"] },
      { type: "budget_tokens", min: 1 },
    ],
    provider: { npm: "@ai-sdk/openai", api: "https://rich.example", shape: "responses" },
    ...mode({
      cost: { ...prices },
      provider: { body: { reasoning: { mode: "pro" } }, headers: { beta: "fast" } },
    }),
    interleaved: { field: "reasoning_content" },
  });
}

type Place = readonly (string | number)[];

/** Every place in a value, from the outside in. */
function placesIn(value: unknown, at: Place = []): Place[] {
  if (typeof value !== "object" || value === null) return [at];
  return [at, ...Object.keys(value).flatMap((key) => placesIn(Reflect.get(value, key), [...at, key]))];
}

/** A copy with something else at a place; undefined takes it away. */
function changed(value: object, place: Place, to: unknown): Record<string, unknown> {
  const copy = structuredClone(value);
  const last = place.at(-1) ?? "";
  const holder = place.slice(0, -1).reduce<object>((each, step) => Reflect.get(each, step) as object, copy);
  if (to !== undefined) Reflect.set(holder, last, to);
  else if (Array.isArray(holder)) holder.splice(Number(last), 1);
  else Reflect.deleteProperty(holder, last);
  return copy as Record<string, unknown>;
}

/** What must be there for what holds it to be of use. */
const NEEDED =
  /^(cost|.*\/cost|cost\/context_over_200k|cost\/tiers\/\d+)\/(input|output)$|\/tier$|\/tier\/size$|^modalities\/(input|output)$|^reasoning_options\/1\/values$/;
/** What a model cannot do without, and what nobody looks at. */
const WHOLE = /^(id|name|limit|limit\/context|limit\/output)$/;
const FREE = /^(interleaved\/|reasoning_options\/\d+\/(type|min)|.*\/tier\/type$|.*\/body\/)/;

describe("a member that need not be there costs only itself", () => {
  const rich = richModel();
  const registry = (model: object) =>
    JSON.stringify({ openai: rawProvider("openai", good, model as typeof good) });
  const cases = placesIn(rich).filter(
    (place) => place.length > 0 && !WHOLE.test(place.join("/")) && !FREE.test(place.join("/")),
  );
  const valueAt = (place: Place) =>
    place.reduce<unknown>((each, step) => Reflect.get(each as object, step), rich);
  const goesWith = (place: Place): Place =>
    NEEDED.test(place.join("/")) ? goesWith(place.slice(0, -1)) : place;

  test("a model with everything passes as it came", async () => {
    expect(await textOf(registry(rich))).toBe(registry(rich));
    expect(cases.length).toBeGreaterThan(60);
  });

  test.each(cases.map((place) => [place.join("/"), place] as const))("%s", async (_name, place) => {
    const was = valueAt(place);
    const isEffort = place[0] === "reasoning_options" && place.includes("values") && place.length > 3;
    const wrong = [typeof was === "string" || was === null ? 7 : "x", ...(isEffort ? [] : [null])];
    const gone = changed(rich, goesWith(place), undefined);
    for (const value of wrong) {
      const reading = await read(registry(changed(rich, place, value)));
      if (!reading.ok) throw new Error(reading.reason);
      expect(join(reading.text), JSON.stringify(value)).toBe(registry(gone));
      expect(reading).toMatchObject({ models: 2, dropped: 0 });
      // Our own entries are described by the same, if nothing is missing that they need.
      const own = reading.registry.get("openai")?.find(({ id }) => id === "rich");
      if (own !== undefined) expect(own).toEqual(gone);
      if (["cost", "family", "status", "provider", "experimental"].includes(String(place[0])))
        expect(own).toBeDefined();
    }
  });

  test("several in one model, inside and around each other", async () => {
    const prices = (change: object) => ({ input: 1, output: 1, ...change });
    const bad = rawModel("bad", {
      family: null,
      cost: prices({
        cache_read: "1",
        tiers: [prices({ cache_read: null }), 3, prices({ tier: { size: 2 }, cache_write: {} }), null],
      }),
    });
    const mended = rawModel("bad", { cost: prices({ tiers: [prices({ tier: { size: 2 } })] }) });
    expect(await textOf(registry(bad))).toBe(registry(mended));
    const reading = await read(registry(bad));
    expect(reading.ok && reading.registry.get("openai")?.at(-1)).toEqual(mended);
  });

  test("of a provider, null is as if it were not there", async () => {
    const bare = rawProvider("p", good);
    for (const name of ["api", "doc"]) {
      const { [name as "doc"]: _, ...without } = bare;
      expect(await textOf(JSON.stringify({ p: { ...bare, [name]: null } }))).toBe(
        JSON.stringify({ p: without }),
      );
    }
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
