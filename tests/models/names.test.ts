/** One name in all its spellings means one model, wherever names are compared; what goes up is the listed spelling. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCatalogue } from "../../src/models/catalogue/catalogue.ts";
import { findModel, listModels } from "../../src/models/catalogue/list.ts";
import { readRegistry } from "../../src/models/registry/schema.ts";
import { snapshot } from "../../src/models/registry/snapshot.ts";
import { plainName } from "../../src/models/resolve/name.ts";
import { nearestName } from "../../src/models/resolve/nearest.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { answer, ask, type World, world } from "./resolve-context.ts";

/** Every kind of account, so that every model is served by somebody. */
const HAS = ["codex", "codex:api_key", "claude", "claude:api_key", "copilot"];

/** Ways in which agents and people write an id. */
const WAYS: readonly ((id: string) => string)[] = [
  (id) => id,
  (id) => id.toUpperCase(),
  (id) => id.replace(/[a-z]/, (letter) => letter.toUpperCase()),
  (id) => ` ${id}\t`,
  (id) => `${id}[1m]`,
  (id) => `${id}[200k]`,
  (id) => `${id}(high)`,
  (id) => `${id} (XHigh) `,
  (id) => `${id}(8192)`,
  (id) => ` ${id.toUpperCase()}[1M](low)`,
];

const SERVED = PROVIDERS.flatMap((provider) => {
  const { catalogue, access } = world({ has: HAS });
  const { entries } = catalogue.served(provider, access.allowed.get(provider.id) ?? []);
  return entries.map(({ id }) => ({ provider, id }));
});

/** What was found, but for how the client had written it. */
function meaning(name: string, settings: World) {
  const result = ask(name, settings);
  if (!result.ok) return { code: result.code };
  return { provider: result.provider, model: result.model, answers: [...result.answers] };
}

describe.each(PROVIDERS.map(({ id }) => id))("each model of %s in every spelling", (providerId) => {
  const own = SERVED.filter(({ provider }) => provider.id === providerId);

  test("is the listed one: bare, with each prefix, under the forced path", () => {
    for (const { provider, id } of own) {
      const prefixes = [
        "",
        "kleis/",
        ...[provider.id, ...provider.aliases].flatMap((p) => [`${p}/`, `KLEIS-${p}/`]),
      ];
      for (const forced of [undefined, provider.id]) {
        for (const prefix of prefixes) {
          const settings = forced === undefined ? { has: HAS } : { has: HAS, forced };
          const exact = meaning(prefix + id, settings);
          if (prefix !== "" && prefix !== "kleis/")
            expect(exact).toMatchObject({ provider: provider.id, model: id });
          for (const way of WAYS) {
            expect(meaning(prefix + way(id), settings), prefix + way(id)).toEqual(exact);
          }
        }
      }
    }
  });

  test("is found by GET, and covered by a scope in every spelling", () => {
    const where = { has: HAS, forced: providerId };
    const listed = listModels(world(where));
    for (const { provider, id } of own) {
      const exact = findModel(listed, { ...world(where), requested: id });
      expect(exact?.entry.id).toBe(id);
      for (const way of WAYS) {
        expect(findModel(listed, { ...world(where), requested: way(id) }), way(id)).toBe(exact);
        for (const scope of [way(id), `${provider.id}/${way(id)}`]) {
          expect(answer(id, { ...where, scope: { models: [scope] } }), scope).toBe(`${providerId} ${id}`);
          expect(answer(`x-${id}`, { ...where, scope: { models: [scope] } }), scope).toBe("key_scope");
        }
      }
    }
  });
});

test("the operator's names are compared alike, and do not hide what is listed exactly so", () => {
  const custom = [
    { id: "Team/Fast", provider: "copilot", model: "GPT-5-Mini" },
    { id: "GPT-5.5", provider: "copilot", model: "gpt-5-mini" },
  ];
  for (const way of WAYS) {
    expect(answer(way("team/fast"), { custom })).toBe("copilot gpt-5-mini");
    expect(answer("Team/Fast", { custom, scope: { models: [way("team/fast")] } })).toBe("copilot gpt-5-mini");
  }
  expect(answer("GPT-5.5", { custom })).toBe("copilot gpt-5-mini");
  expect(answer("gpt-5.5", { custom })).toBe("codex gpt-5.5");
  expect(listModels(world({ custom })).map(({ id }) => id)).toEqual(
    expect.arrayContaining(["Team/Fast", "GPT-5.5", "gpt-5.5"]),
  );
});

test("of two listed ids that differ in case each is itself", () => {
  const model = {
    name: "Twin",
    reasoning: false,
    tool_call: true,
    release_date: "2026-01-01",
    modalities: { input: ["text"], output: ["text"] },
    limit: { context: 10, output: 5 },
  };
  const models = Object.fromEntries(["Twin-1", "twin-1"].map((id) => [id, { ...model, id }]));
  const catalogue = createCatalogue({ registry: readRegistry({ "github-copilot": { models } }) });
  expect(answer("Twin-1", { catalogue })).toBe("copilot Twin-1");
  expect(answer("twin-1", { catalogue })).toBe("copilot twin-1");
  expect(answer("TWIN-1", { catalogue })).toBe("copilot Twin-1");
});

describe("a name that is listed nowhere", () => {
  test.each([
    ["claude/foo/bar", "claude foo/bar"],
    [" codex/ft:GPT-4o:Org::Id ", "codex ft:GPT-4o:Org::Id"],
    ["codex/GPT-9.1[1m]", "codex gpt-9.1"],
    ["copilot/Claude-Mythos-9-1(high)", "copilot claude-mythos-9.1"],
    ["claude-mythos-9[1m]", "claude claude-mythos-9"],
    ["GPT-9.1(high)", "codex gpt-9.1"],
  ])("%s goes where its prefix or family leads: %s", (requested, expected) => {
    expect(answer(requested, { has: HAS })).toBe(expected);
  });

  test.each([
    "gpt-5.5(turbo)",
    "gpt-5.5 please",
    "claude-",
    "gpt-",
    "o3nonsense",
    "claude-x/../y",
    "gpt-9.1[huge]",
  ])("%s is no name of any family", (requested) => {
    for (const has of [HAS, ["codex", "copilot"], ["claude", "copilot"], ["copilot"]])
      expect(answer(requested, { has })).toBe("model_not_found");
  });

  test("is not carried by another subscription while its maker can be asked", () => {
    for (const requested of ["gpt-5-nano-2", "gpt-4.2-unlisted", "o9-mini", "chatgpt-9"]) {
      expect(answer(requested, { has: ["codex", "copilot"] }), requested).toBe("model_not_found");
      expect(answer(requested, { has: ["codex!", "copilot"] }), requested).toBe("model_not_found");
      expect(answer(requested, { has: ["codex"] }), requested).toBe("model_not_found");
      expect(answer(requested, { has: ["copilot"] }), requested).toBe(`copilot ${requested}`);
      const scope = { models: [`copilot/${requested}`] };
      expect(answer(requested, { has: ["codex", "copilot"], scope }), requested).toBe(`copilot ${requested}`);
      expect(answer(`copilot/${requested}`, { has: ["codex", "copilot"] })).toBe(`copilot ${requested}`);
    }
  });

  test("is refused with the nearest that is listed, if one is near", () => {
    const words = (requested: string, settings: World = {}) => {
      const result = ask(requested, settings);
      return result.ok ? "" : result.message;
    };
    expect(words("gpt-5.5(turbo)")).toContain('Did you mean "gpt-5.5"?');
    expect(words("cluade-sonnet-5")).toContain('Did you mean "claude-sonnet-5"?');
    expect(words("cluade-sonnet-5", { scope: { models: ["claude-opus-4-8"] } })).not.toContain(
      'claude-sonnet-5"?',
    );
    expect(words("something-else-entirely/x")).not.toContain("Did you mean");
    expect(nearestName("", ["a"])).toBe(undefined);
  });
});

test("whatever is guessed by family goes up as a whole id of that family", () => {
  const listed = new Set([...snapshot().values()].flat().map(({ id }) => plainName(id)));
  const start = fc.constantFrom("gpt-", "claude-", "o3", "gemini-", "codex-", "chatgpt-");
  fc.assert(
    fc.property(start, fc.string({ maxLength: 30, unit: "grapheme-ascii" }), (family, rest) => {
      const result = ask(family + rest, { has: HAS });
      if (!result.ok || listed.has(result.model) || (family + rest).includes("/")) return;
      expect(result.model).toMatch(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/);
    }),
    { numRuns: 500 },
  );
});
