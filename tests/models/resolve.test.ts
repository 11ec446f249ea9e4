import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catalogueOf, createCatalogue } from "../../src/models/catalogue/catalogue.ts";
import { readRegistry } from "../../src/models/registry/schema.ts";
import { snapshot } from "../../src/models/registry/snapshot.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { ALL, answer, ask } from "./resolve-context.ts";

/** Input; then what is found with all three, without Codex, without Claude, without Copilot. */
const NONE = "provider_not_configured";
const TABLE: [string, string, string, string, string][] = [
  ["gpt-5.6-sol", "codex gpt-5.6-sol", "copilot gpt-5.6-sol", "codex gpt-5.6-sol", "codex gpt-5.6-sol"],
  ["copilot/gpt-5.6-sol", "copilot gpt-5.6-sol", "copilot gpt-5.6-sol", "copilot gpt-5.6-sol", NONE],
  ["github-copilot/gpt-5.6-sol", "copilot gpt-5.6-sol", "copilot gpt-5.6-sol", "copilot gpt-5.6-sol", NONE],
  ["openai/gpt-5.4", "codex gpt-5.4", NONE, "codex gpt-5.4", "codex gpt-5.4"],
  ["gpt-5-mini", "copilot gpt-5-mini", "copilot gpt-5-mini", "copilot gpt-5-mini", NONE],
  ["gpt-5.3-codex", "copilot gpt-5.3-codex", "copilot gpt-5.3-codex", "copilot gpt-5.3-codex", NONE],
  [
    "claude-sonnet-5",
    "claude claude-sonnet-5",
    "claude claude-sonnet-5",
    "copilot claude-sonnet-5",
    "claude claude-sonnet-5",
  ],
  [
    "claude-opus-4.8",
    "copilot claude-opus-4.8",
    "copilot claude-opus-4.8",
    "copilot claude-opus-4.8",
    "claude claude-opus-4-8",
  ],
  [
    "claude-opus-4-8",
    "claude claude-opus-4-8",
    "claude claude-opus-4-8",
    "copilot claude-opus-4.8",
    "claude claude-opus-4-8",
  ],
  [
    "anthropic/claude-opus-4.8",
    "claude claude-opus-4-8",
    "claude claude-opus-4-8",
    NONE,
    "claude claude-opus-4-8",
  ],
  [
    "gemini-3.6-flash",
    "copilot gemini-3.6-flash",
    "copilot gemini-3.6-flash",
    "copilot gemini-3.6-flash",
    NONE,
  ],
  ["grok-4.6", "copilot grok-4.6", "copilot grok-4.6", "copilot grok-4.6", NONE],
  [
    "claude-haiku-4-5-20251001",
    "claude claude-haiku-4-5-20251001",
    "claude claude-haiku-4-5-20251001",
    "copilot claude-haiku-4.5",
    "claude claude-haiku-4-5-20251001",
  ],
  ["gpt-9.1", "codex gpt-9.1", "copilot gpt-9.1", "codex gpt-9.1", "codex gpt-9.1"],
  [
    "claude-mythos-9",
    "claude claude-mythos-9",
    "claude claude-mythos-9",
    "copilot claude-mythos-9",
    "claude claude-mythos-9",
  ],
  ["foo/bar", "model_not_found", "model_not_found", "model_not_found", "model_not_found"],
  ["text-embedding-3-small", "model_not_found", "model_not_found", "model_not_found", "model_not_found"],
  ["gpt-image-2", "model_not_found", "model_not_found", "model_not_found", "model_not_found"],
  ["chatgpt-image-latest", "model_not_found", "model_not_found", "model_not_found", "model_not_found"],
  ["gpt-realtime-2.1", "model_not_found", "model_not_found", "model_not_found", "model_not_found"],
];

describe("a user who names a model without more gets the same provider every time", () => {
  test.each(TABLE)("%s", (requested, all, noCodex, noClaude, noCopilot) => {
    expect(answer(requested)).toBe(all);
    expect(answer(requested, { has: ["claude", "copilot"] })).toBe(noCodex);
    expect(answer(requested, { has: ["codex", "copilot"] })).toBe(noClaude);
    expect(answer(requested, { has: ["codex", "claude"] })).toBe(noCopilot);
  });

  test.each([
    ["gpt-5.6-sol", "codex gpt-5.6-sol", NONE, "copilot gpt-5.6-sol"],
    ["gpt-5-mini", NONE, NONE, "copilot gpt-5-mini"],
    ["gpt-9.1", "codex gpt-9.1", NONE, "copilot gpt-9.1"],
    ["claude-sonnet-5", NONE, "claude claude-sonnet-5", "copilot claude-sonnet-5"],
    ["claude-opus-4.8", NONE, "claude claude-opus-4-8", "copilot claude-opus-4.8"],
    ["claude-opus-4-8", NONE, "claude claude-opus-4-8", "copilot claude-opus-4.8"],
    ["claude-haiku-4-5-20251001", NONE, "claude claude-haiku-4-5-20251001", "copilot claude-haiku-4.5"],
    ["claude-mythos-9", NONE, "claude claude-mythos-9", "copilot claude-mythos-9"],
    ["grok-4.6", NONE, NONE, "copilot grok-4.6"],
    ["openai/gpt-5.4", "codex gpt-5.4", NONE, NONE],
    ["anthropic/claude-opus-4.8", NONE, "claude claude-opus-4-8", NONE],
    ["copilot/gpt-5.6-sol", NONE, NONE, "copilot gpt-5.6-sol"],
    ["foo/bar", "model_not_found", "model_not_found", "model_not_found"],
  ])("%s, with one provider alone", (requested, codex, claude, copilot) => {
    expect(answer(requested, { has: ["codex"] })).toBe(codex);
    expect(answer(requested, { has: ["claude"] })).toBe(claude);
    expect(answer(requested, { has: ["copilot"] })).toBe(copilot);
  });

  test("with nothing connected, every known family is refused as not configured and the rest as unknown", () => {
    for (const model of ["gpt-5.6-sol", "gpt-5-mini", "claude-sonnet-5", "grok-9", "codex/x"]) {
      expect(answer(model, { has: [] })).toBe(NONE);
    }
    expect(answer("foo/bar", { has: [] })).toBe("model_not_found");
  });

  test("an OpenAI API key answers for what the plan refuses, and only the key does", () => {
    const both = { has: ["codex", "codex:api_key", "copilot"] };
    const answering = (model: string) => {
      const result = ask(model, both);
      return result.ok ? [result.provider, ...result.answers.keys()] : [result.code];
    };
    expect(answering("gpt-5-mini")).toEqual(["codex", "acc-codex:api_key"]);
    expect(answering("gpt-5.6-sol")).toEqual(["codex", "acc-codex", "acc-codex:api_key"]);
    expect(answering("gpt-4.2-unlisted")).toEqual(["codex", "acc-codex:api_key"]);
  });
});

describe("a model that its maker has refused to an account", () => {
  const refusing = (account: string, model: string) =>
    createCatalogue({
      registry: snapshot(),
      live: new Map([[account, { models: null, refused: new Set([model]) }]]),
    });

  test.each([
    ["gpt-5.6-sol", "acc-codex", "gpt-5.6-sol", "codex gpt-5.6-sol"],
    ["GPT-5.6-Sol", "acc-codex", "gpt-5.6-sol", "codex gpt-5.6-sol"],
    ["claude-sonnet-5", "acc-claude", "claude-sonnet-5", "claude claude-sonnet-5"],
    // The other's own spelling went to the other before, too.
    ["claude-opus-4.8", "acc-claude", "claude-opus-4-8", "copilot claude-opus-4.8"],
    ["copilot/gpt-5.6-sol", "acc-codex", "gpt-5.6-sol", "copilot gpt-5.6-sol"],
  ])("%s does not move to another subscription", (name, account, model, expected) => {
    expect(answer(name, { catalogue: refusing(account, model) })).toBe(expected);
    expect(answer(name)).toBe(expected);
  });
});

describe("a prefix names the provider", () => {
  test.each([
    ["codex/gpt-5.4", "codex gpt-5.4"],
    ["openai-codex/gpt-5.4", "codex gpt-5.4"],
    ["kleis-codex/gpt-5.4", "codex gpt-5.4"],
    ["kleis-openai/gpt-5.4", "codex gpt-5.4"],
    ["kleis-claude/claude-opus-4.8", "claude claude-opus-4-8"],
    ["kleis-anthropic/claude-sonnet-5", "claude claude-sonnet-5"],
    ["kleis-copilot/claude-opus-4-8", "copilot claude-opus-4.8"],
    ["kleis/gpt-5.6-sol", "codex gpt-5.6-sol"],
    ["kleis/copilot/gpt-5.6-sol", "copilot gpt-5.6-sol"],
    ["Copilot/gpt-5.6-sol", "copilot gpt-5.6-sol"],
    ["claude/claude-mythos-9.1", "claude claude-mythos-9-1"],
    ["copilot/claude-mythos-9-1-20270101", "copilot claude-mythos-9.1"],
    ["copilot/openai/gpt-x", "copilot openai/gpt-x"],
    ["kleis/foo/bar", "model_not_found"],
    ["unknown/gpt-5.6-sol", "model_not_found"],
    ["codex/", "invalid_request"],
    ["kleis/", "invalid_request"],
  ])("%s", (requested, expected) => expect(answer(requested)).toBe(expected));

  test("the change that the request declares is the one that was made", () => {
    const change = (requested: string, has = ALL) => {
      const result = ask(requested, { has });
      return result.ok ? result.change : result.code;
    };
    expect(change("gpt-5.6-sol")).toBeNull();
    expect(change("copilot/gpt-5.6-sol")).toBe("model-prefix");
    expect(change("kleis/gpt-5.6-sol")).toBe("model-prefix");
    expect(change("claude-opus-4.8", ["claude"])).toBe("model-spelling");
    expect(change("anthropic/claude-opus-4.8")).toBe("model-spelling");
  });
});

describe("a path that forces a provider", () => {
  test.each([
    ["copilot", "gpt-5.6-sol", "copilot gpt-5.6-sol"],
    ["copilot", "copilot/gpt-5.6-sol", "copilot gpt-5.6-sol"],
    ["copilot", "kleis/github-copilot/gpt-5.6-sol", "copilot gpt-5.6-sol"],
    ["copilot", "claude-opus-4-8", "copilot claude-opus-4.8"],
    ["claude", "claude-opus-4.8", "claude claude-opus-4-8"],
    ["codex", "gpt-9.1", "codex gpt-9.1"],
    ["claude", "foo/bar", "claude foo/bar"],
    ["claude", "copilot/claude-sonnet-5", "invalid_request"],
    ["codex", "anthropic/claude-sonnet-5", "invalid_request"],
    ["codex", "kleis-copilot/gpt-5.4", "invalid_request"],
    ["nobody", "gpt-5.4", "invalid_request"],
  ])("%s: %s", (forced, requested, expected) => expect(answer(requested, { forced })).toBe(expected));

  test("is never left for another provider", () => {
    expect(answer("gpt-5.6-sol", { forced: "codex", has: ["copilot"] })).toBe(NONE);
    expect(answer("gpt-5.6-sol", { forced: "codex", scope: { providers: ["copilot"] } })).toBe("key_scope");
  });
});

describe("a key's scopes", () => {
  test("a provider outside is passed over for a bare name, and refused for a prefixed one", () => {
    const scope = { providers: ["copilot"] };
    expect(answer("gpt-5.6-sol", { scope })).toBe("copilot gpt-5.6-sol");
    expect(answer("claude-opus-4-8", { scope })).toBe("copilot claude-opus-4.8");
    expect(answer("codex/gpt-5.6-sol", { scope })).toBe("key_scope");
  });

  test("connected but outside is key_scope, not connected at all is provider_not_configured", () => {
    const scope = { providers: ["codex"] };
    expect(answer("claude-sonnet-5", { scope })).toBe("key_scope");
    expect(answer("claude/claude-sonnet-5", { scope })).toBe("key_scope");
    expect(answer("claude-sonnet-5", { scope, has: ["codex"] })).toBe(NONE);
    expect(answer("claude/claude-sonnet-5", { scope, has: ["codex"] })).toBe(NONE);
  });

  test("an account outside takes its kind away", () => {
    const has = ["codex", "codex:api_key"];
    expect(answer("gpt-5-mini", { has })).toBe("codex gpt-5-mini");
    expect(answer("gpt-5-mini", { has, scope: { accounts: ["acc-codex"] } })).toBe("key_scope");
  });

  test("a disabled account is none, one that must sign in again is still the one meant", () => {
    expect(answer("gpt-5.6-sol", { has: ["codex-", "copilot"] })).toBe("copilot gpt-5.6-sol");
    expect(answer("gpt-5.6-sol", { has: ["codex!", "copilot"] })).toBe("codex gpt-5.6-sol");
  });

  test("a model scope without prefix covers the model everywhere and in every spelling", () => {
    const scope = { models: ["claude-opus-4-8"] };
    expect(answer("claude-opus-4-8", { scope })).toBe("claude claude-opus-4-8");
    expect(answer("claude-opus-4.8", { scope })).toBe("copilot claude-opus-4.8");
    expect(answer("copilot/claude-opus-4-8", { scope })).toBe("copilot claude-opus-4.8");
    expect(answer("claude-sonnet-5", { scope })).toBe("key_scope");
    expect(answer("claude/claude-sonnet-5", { scope })).toBe("key_scope");
    expect(answer("claude-mythos-9", { scope })).toBe("key_scope");
    expect(answer("foo/bar", { scope })).toBe("model_not_found");
  });

  test("a model scope with prefix covers it at that provider only, also for a bare name", () => {
    const scope = { models: ["github-copilot/gpt-5.6-sol"] };
    expect(answer("gpt-5.6-sol", { scope })).toBe("copilot gpt-5.6-sol");
    expect(answer("codex/gpt-5.6-sol", { scope })).toBe("key_scope");
    expect(answer("gpt-5.6-sol", { scope, forced: "codex" })).toBe("key_scope");
  });
});

describe("the operator's own names", () => {
  const custom = [{ id: "team/fast", provider: "copilot", model: "gpt-5-mini" }];

  test("lead where they say, with the change declared", () => {
    expect(ask("team/fast", { custom })).toMatchObject({
      provider: "copilot",
      model: "gpt-5-mini",
      change: "model-spelling",
    });
    expect(answer("team/fast", { custom, has: ["codex"] })).toBe(NONE);
    expect(answer("team/fast", { custom, scope: { providers: ["codex"] } })).toBe("key_scope");
    expect(answer("team/fast", { custom, scope: { models: ["gpt-5.6-sol"] } })).toBe("key_scope");
    expect(answer("team/fast", { custom, scope: { models: ["team/fast"] } })).toBe("copilot gpt-5-mini");
    expect(answer("team/fast", { custom, forced: "copilot" })).toBe("copilot gpt-5-mini");
  });

  test("come before everything but a forced path", () => {
    const shadow = [{ id: "gpt-5.6-sol", provider: "copilot", model: "gpt-5.4" }];
    expect(answer("gpt-5.6-sol", { custom: shadow })).toBe("copilot gpt-5.4");
    expect(answer("gpt-5.6-sol", { custom: shadow, forced: "codex" })).toBe("codex gpt-5.6-sol");
  });
});

describe("a refusal", () => {
  test("names the model, and where to find one that works", () => {
    const cases: [string, string[]][] = [
      ["foo/bar", ALL],
      ["gpt-5.6-sol", []],
      ["copilot/gpt-5.4", ["codex"]],
    ];
    for (const [requested, has] of cases) {
      const result = ask(requested, { has });
      expect(result).toMatchObject({ ok: false, message: expect.stringContaining(`"${requested}"`) });
      expect(result).toMatchObject({ message: expect.stringContaining("GET /v1/models") });
    }
    expect(ask("gpt-5.6-sol", { has: [] })).toMatchObject({
      provider: "codex",
      message: expect.stringContaining("Codex or "),
    });
    expect(ask("gpt-5.6-sol", { has: [] })).toMatchObject({ message: expect.stringContaining("/admin") });
  });

  test("an id that is empty or too long is a bad request, the longest legal one is not", () => {
    for (const requested of ["", "   ", "x".repeat(257)]) expect(answer(requested)).toBe("invalid_request");
    expect(answer("x".repeat(256))).toBe("model_not_found");
  });
});

test("a model outside every family is found by exact id in the one list that has it", () => {
  const extra = {
    id: "strange-1",
    name: "Strange",
    reasoning: false,
    tool_call: true,
    release_date: "2026-01-01",
  };
  const sound = {
    ...extra,
    modalities: { input: ["text"], output: ["text"] },
    limit: { context: 10, output: 5 },
  };
  const catalogue = catalogueOf(readRegistry({ "github-copilot": { models: { "strange-1": sound } } }));
  expect(answer("strange-1", { catalogue })).toBe("copilot strange-1");
  expect(answer("strange-1", { catalogue, scope: { providers: ["codex"] } })).toBe("key_scope");
  expect(answer("strange-1", { catalogue, has: ["codex"] })).toBe(NONE);
  expect(answer("strange-2", { catalogue })).toBe("model_not_found");
});

describe("whatever a client sends", () => {
  const listed = [...snapshot().values()].flat().map(({ id }) => id);
  const prefixes = PROVIDERS.flatMap(({ id, aliases }) => [id, `kleis-${id}`, ...aliases]);
  const model = fc.oneof(
    fc.constantFrom(...listed),
    fc.stringMatching(/^(claude|gpt|o|gemini|grok|codex|text)-?[a-z0-9.-]{0,20}$/),
    fc.string({ minLength: 1, maxLength: 60 }),
  );
  const requested = fc.oneof(
    model,
    fc.tuple(fc.constantFrom(...prefixes, "kleis", "foo"), model).map(([prefix, id]) => `${prefix}/${id}`),
  );
  const words = PROVIDERS.flatMap(({ id, kinds }) => [
    ...kinds.map((kind) => (kind === "oauth" ? id : `${id}:${kind}`)),
    `${id}!`,
    `${id}-`,
  ]);
  const settings = fc.record({
    has: fc.subarray(words),
    scope: fc.record({
      providers: fc.option(fc.subarray(ALL), { nil: null }),
      accounts: fc.option(fc.subarray(words.map((word) => `acc-${word}`)), { nil: null }),
      models: fc.option(fc.subarray(listed, { maxLength: 5 }), { nil: null }),
    }),
    forced: fc.option(fc.constantFrom(...ALL), { nil: undefined }),
  });
  const reachable = (
    provider: string,
    { has, scope }: { has: string[]; scope: { providers: string[] | null; accounts: string[] | null } },
  ) =>
    has.some(
      (word) =>
        !word.endsWith("-") &&
        word.startsWith(provider) &&
        (scope.providers?.includes(provider) ?? true) &&
        (scope.accounts?.includes(`acc-${word}`) ?? true),
    );

  test("the same question gets the same answer, from a provider that is connected and in scope", () => {
    fc.assert(
      fc.property(requested, settings, (name, given) => {
        const { forced, ...rest } = given;
        const where = forced === undefined ? rest : { ...rest, forced };
        const result = ask(name, where);
        expect(ask(name, where)).toEqual(result);
        if (!result.ok) return;
        expect(reachable(result.provider, given)).toBe(true);
        expect(result.answers.size).toBeGreaterThan(0);
        if (forced !== undefined) expect(result.provider).toBe(forced);
        if (result.change === null) expect(result.model).toBe(name);
        else expect(result.model).not.toBe(name);
      }),
      { numRuns: 2000 },
    );
  });

  test("a provider's prefix always wins: that provider, or a refusal", () => {
    const named = PROVIDERS.flatMap(({ id, aliases }) => [id, ...aliases].map((alias) => ({ alias, id })));
    fc.assert(
      fc.property(fc.constantFrom(...named), model, settings, ({ alias, id }, rest, { has, scope }) => {
        const result = ask(`${alias}/${rest}`, { has, scope });
        if (result.ok) expect(result.provider).toBe(id);
        else expect(result.code).not.toBe("model_not_found");
      }),
      { numRuns: 1000 },
    );
  });
});
