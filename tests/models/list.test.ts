import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catalogueOf } from "../../src/models/catalogue/catalogue.ts";
import { findModel, listModels, listObject, modelObject } from "../../src/models/catalogue/list.ts";
import { modelInfos } from "../../src/models/catalogue/model-info.ts";
import { readRegistry } from "../../src/models/registry/schema.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { ALL, ask, type World, world } from "./resolve-context.ts";

const ids = (settings: World = {}) => listModels(world(settings)).map(({ id }) => id);

describe("the list of models", () => {
  test("shows Codex and Claude bare, and Copilot with its prefix", () => {
    const listed = ids();
    expect(listed).toHaveLength(10 + 15 + 32);
    expect(listed).toContain("gpt-5.6-sol");
    expect(listed).toContain("claude-opus-4-8");
    expect(listed).toContain("copilot/claude-opus-4.8");
    expect(listed).not.toContain("claude-opus-4.8");
    expect(ids({ has: ["copilot"] }).every((id) => id.startsWith("copilot/"))).toBe(true);
  });

  test("is bare and one provider's alone where the path forces it", () => {
    expect(ids({ forced: "copilot" })).toContain("claude-opus-4.8");
    expect(ids({ forced: "copilot" })).toHaveLength(32);
    expect(ids({ forced: "claude" }).every((id) => id.startsWith("claude-"))).toBe(true);
    expect(ids({ forced: "codex", has: ["copilot"] })).toEqual([]);
  });

  test("is newest first, and the same each time", () => {
    const models = listModels(world());
    const created = models.map((model) => model.created);
    expect(created).toEqual(created.toSorted((a, b) => b - a));
    expect(listModels(world())).toEqual(models);
    expect(listModels({ ...world(), providers: PROVIDERS.toReversed() }).map(({ id }) => id)).toEqual(
      models.map(({ id }) => id),
    );
  });

  test("leaves out what is not connected, disabled, waiting for a sign-in, or outside the key's scopes", () => {
    expect(ids({ has: [] })).toEqual([]);
    expect(ids({ has: ["codex-", "claude!"] })).toEqual([]);
    expect(ids({ scope: { providers: ["codex"] } })).toHaveLength(10);
    expect(ids({ scope: { accounts: ["acc-claude"] } })).toHaveLength(15);
    expect(ids({ scope: { models: ["claude-opus-4-8", "copilot/gpt-5.4", "nothing"] } }).toSorted()).toEqual([
      "claude-opus-4-8",
      "copilot/claude-opus-4.8",
      "copilot/gpt-5.4",
    ]);
  });

  test("shows the operator's own names", () => {
    const custom = [{ id: "team/fast", provider: "copilot", model: "gpt-5-mini" }];
    expect(ids({ custom })).toContain("team/fast");
    expect(ids({ custom, has: ["codex"] })).not.toContain("team/fast");
  });

  test("prefixes a bare id that would lead elsewhere", () => {
    const model = { name: "M", reasoning: false, tool_call: true, release_date: "2026-01" };
    const sound = { ...model, modalities: { input: [], output: ["text"] }, limit: { context: 9, output: 9 } };
    const odd = { ...sound, id: "gpt-9/anthropic" };
    const aliased = { ...sound, id: "openai/gpt-9" };
    const catalogue = catalogueOf(
      readRegistry({ "github-copilot": { models: { [odd.id]: odd, [aliased.id]: aliased } } }),
    );
    expect(ids({ catalogue, forced: "copilot" })).toEqual(["copilot/openai/gpt-9", "gpt-9/anthropic"]);
    expect(ids({ catalogue })).toEqual(["copilot/gpt-9/anthropic", "copilot/openai/gpt-9"]);
  });
});

describe("every id that a key is shown", () => {
  const words = PROVIDERS.flatMap(({ id, kinds }) => [
    ...kinds.map((kind) => (kind === "oauth" ? id : `${id}:${kind}`)),
    `${id}!`,
  ]);
  const everything = listModels(world({ has: words })).map(({ id }) => id);
  const settings = fc.record({
    has: fc.subarray(words),
    scope: fc.record({
      providers: fc.option(fc.subarray(ALL), { nil: null, freq: 1 }),
      accounts: fc.option(fc.subarray(words.map((word) => `acc-${word}`)), { nil: null, freq: 1 }),
      models: fc.option(fc.subarray(everything, { maxLength: 6 }), { nil: null, freq: 1 }),
    }),
    forced: fc.option(fc.constantFrom(...ALL), { nil: undefined, freq: 1 }),
  });

  test("resolves to the provider and the model that it was listed for", () => {
    let seen = 0;
    fc.assert(
      fc.property(settings, ({ forced, ...rest }) => {
        const where = forced === undefined ? rest : { ...rest, forced };
        const listed = listModels(world(where));
        expect(new Set(listed.map(({ id }) => id)).size).toBe(listed.length);
        for (const { id, entry } of listed) {
          seen += 1;
          expect(ask(id, where)).toMatchObject({ ok: true, provider: entry.provider, model: entry.id });
        }
      }),
      { numRuns: 150 },
    );
    expect(seen).toBeGreaterThan(500);
  });

  test("and nothing that a scope allows by name is missing", () => {
    fc.assert(
      fc.property(fc.subarray(everything, { minLength: 1, maxLength: 6 }), (models) => {
        expect(ids({ has: words, scope: { models } })).toEqual(expect.arrayContaining(models));
      }),
      { numRuns: 100 },
    );
  });
});

test("a listed model says what OpenAI's and Anthropic's clients read", () => {
  const model = listModels(world()).find(({ id }) => id === "gpt-5.6-sol");
  expect(model && modelObject(model)).toEqual({
    id: "gpt-5.6-sol",
    object: "model",
    created: Date.UTC(2026, 6, 9) / 1000,
    owned_by: "codex",
    type: "model",
    display_name: "GPT-5.6 Sol",
    created_at: "2026-07-09T00:00:00Z",
    name: "GPT-5.6 Sol",
    context_length: 400_000,
    max_input_tokens: 272_000,
    max_tokens: 128_000,
    capabilities: null,
  });
});

test("a copy of a model at a carrier is told apart by its name", () => {
  const named = listModels(world()).filter(({ entry }) => entry.id === "claude-sonnet-5");
  expect(named.map(({ id, name }) => `${id} = ${name}`).toSorted()).toEqual([
    "claude-sonnet-5 = Claude Sonnet 5",
    "copilot/claude-sonnet-5 = Claude Sonnet 5 (GitHub Copilot)",
  ]);
});

test.each([
  ["2026-02", "2026-02-01T00:00:00Z"],
  ["2026-02-17", "2026-02-17T00:00:00Z"],
  ["soon", "1970-01-01T00:00:00Z"],
  ["2026-13-45", "1970-01-01T00:00:00Z"],
])("a model released %s was created %s", (release_date, created_at) => {
  const model = { id: "gpt-9", name: "M", reasoning: false, tool_call: true, release_date };
  const sound = { ...model, modalities: { input: [], output: ["text"] }, limit: { context: 9, output: 9 } };
  const catalogue = catalogueOf(readRegistry({ openai: { models: { "gpt-9": sound } } }));
  expect(listModels(world({ catalogue })).map((listed) => modelObject(listed).created_at)).toEqual([
    created_at,
  ]);
});

test("the list object closes with its first and last id, null when there is none", () => {
  const models = listModels(world());
  expect(listObject({ models, hasMore: true })).toMatchObject({
    object: "list",
    has_more: true,
    first_id: models[0]?.id,
    last_id: models.at(-1)?.id,
  });
  expect(listObject({ models: [], hasMore: false })).toEqual({
    object: "list",
    data: [],
    has_more: false,
    first_id: null,
    last_id: null,
  });
});

test("a model is found by its listed id and by any name that leads to it", () => {
  const input = world();
  const models = listModels(input);
  const find = (requested: string) => findModel(models, { ...input, requested })?.id;
  expect(find("gpt-5.6-sol")).toBe("gpt-5.6-sol");
  expect(find("openai/gpt-5.6-sol")).toBe("gpt-5.6-sol");
  expect(find("claude-opus-4.8")).toBe("copilot/claude-opus-4.8");
  expect(find("gpt-9.1")).toBeUndefined();
  expect(find("foo/bar")).toBeUndefined();
});

test("a model that is asked for by its provider is itself, not a name that the operator gave it", () => {
  const input = world({ custom: [{ id: "a-name", provider: "codex", model: "gpt-5.6-sol" }] });
  const found = findModel(listModels(input), { ...input, requested: "openai/gpt-5.6-sol" });
  expect(found?.id).toBe("gpt-5.6-sol");
});

describe("Codex CLI's model list", () => {
  /** The fields that the CLI has no default for. */
  const REQUIRED = {
    slug: expect.any(String),
    display_name: expect.any(String),
    supported_reasoning_levels: expect.any(Array),
    shell_type: "shell_command",
    visibility: "list",
    supported_in_api: true,
    priority: expect.any(Number),
    supports_reasoning_summaries: expect.any(Boolean),
    support_verbosity: expect.any(Boolean),
    truncation_policy: { mode: "tokens", limit: expect.any(Number) },
    supports_parallel_tool_calls: expect.any(Boolean),
    experimental_supported_tools: [],
  };
  const infos = (settings: World = {}) => modelInfos(listModels(world(settings)), [], () => undefined);

  test("has every field that the CLI cannot do without", () => {
    expect(infos().length).toBeGreaterThan(10);
    for (const info of infos()) expect(info).toMatchObject(REQUIRED);
  });

  test("holds only bare ids, translated models among them", () => {
    const slugs = infos().map(({ slug }) => slug);
    expect(slugs).toEqual(expect.arrayContaining(["gpt-5.6-sol", "claude-sonnet-5"]));
    expect(slugs.filter((slug) => String(slug).includes("/"))).toEqual([]);
    expect(infos().find(({ slug }) => slug === "claude-sonnet-5")).toMatchObject({
      context_window: 1_000_000,
      support_verbosity: false,
      apply_patch_tool_type: "freeform",
    });
    expect(infos({ has: ["copilot"], forced: "copilot" }).map(({ slug }) => slug)).toContain("gpt-5.4");
  });

  test("speaks of the window that can be filled, and of the efforts that the vendor lists", () => {
    const sol = infos().find(({ slug }) => slug === "gpt-5.6-sol");
    expect(sol).toMatchObject({ context_window: 272_000, default_reasoning_level: "medium" });
    for (const { supported_reasoning_levels } of infos({ has: ["codex"] })) {
      const efforts = (supported_reasoning_levels as { effort: string }[]).map(({ effort }) => effort);
      expect(["low", "medium", "high", "xhigh", "max"]).toEqual(expect.arrayContaining(efforts));
      expect(efforts.length).toBeGreaterThan(0);
    }
    expect(JSON.stringify(sol?.supported_reasoning_levels)).toContain('"max"');
  });

  test("offers a model that reads only text no images, and one without reasoning no efforts", () => {
    const model = { id: "gpt-9", name: "M", reasoning: false, tool_call: true, release_date: "2026-01" };
    const sound = {
      ...model,
      modalities: { input: ["text"], output: ["text"] },
      limit: { context: 9, output: 9 },
    };
    const catalogue = catalogueOf(readRegistry({ openai: { models: { "gpt-9": sound } } }));
    expect(infos({ catalogue })).toEqual([
      expect.objectContaining({
        description: "M",
        context_window: 9,
        input_modalities: ["text"],
        web_search_tool_type: "text",
        supported_reasoning_levels: [],
        default_reasoning_level: null,
        supports_reasoning_summaries: false,
      }),
    ]);
  });
});
