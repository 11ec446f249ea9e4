import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { catalogueOf } from "../../src/models/catalogue/catalogue.ts";
import { readRegistry } from "../../src/models/registry/schema.ts";
import { SNAPSHOT_DATE, SNAPSHOT_JSON } from "../../src/models/registry/snapshot.gen.ts";
import { snapshot } from "../../src/models/registry/snapshot.ts";
import type { CredentialKind } from "../../src/providers/account.ts";
import { PROVIDERS, providerById } from "../../src/providers/index.ts";
import type { Provider } from "../../src/providers/provider.ts";

const SOUND = {
  id: "gpt-9",
  name: "GPT-9",
  reasoning: true,
  tool_call: true,
  release_date: "2026-10-01",
  modalities: { input: ["text"], output: ["text"] },
  limit: { context: 1000, output: 100 },
};

function provider(id: string): Provider {
  const found = providerById(id);
  if (found === undefined) throw new Error(`no provider ${id}`);
  return found;
}

function accountRefs(...kinds: CredentialKind[]) {
  return kinds.map((kind) => ({ id: `acc-${kind}`, kind }));
}

function servedIds(id: string, kinds: CredentialKind[], registry = snapshot()): string[] {
  return catalogueOf(registry)
    .served(provider(id), accountRefs(...kinds))
    .entries.map((entry) => entry.id);
}

function registryOf(...models: object[]) {
  const entries = models.map((model) => ["id" in model ? model.id : "gpt-9", model]);
  return readRegistry({ openai: { id: "openai", models: Object.fromEntries(entries) } });
}

describe("the built-in registry", () => {
  test("holds every source of ours, and only models for agents", () => {
    for (const { source } of PROVIDERS) expect(snapshot().get(source)?.length).toBeGreaterThan(10);
    for (const model of [...snapshot().values()].flat()) {
      expect(model).toMatchObject({ tool_call: true });
      expect(model.status).not.toBe("deprecated");
      expect(model.modalities.output).toContain("text");
    }
  });

  test("loses no model on the way through the decoder", () => {
    const raw: Record<string, { models: Record<string, unknown> }> = JSON.parse(SNAPSHOT_JSON);
    for (const [source, { models }] of Object.entries(raw)) {
      expect(snapshot().get(source)).toEqual(Object.values(models));
    }
  });

  test("is dated, and carries its licence", () => {
    expect(SNAPSHOT_DATE).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    const text = readFileSync(new URL("../../src/models/registry/snapshot.gen.ts", import.meta.url), "utf8");
    expect(text).toContain("Copyright (c) 2025 models.dev");
    expect(text).toContain("Permission is hereby granted, free of charge");
  });

  test("gives each kind of account what it answers for", () => {
    expect(servedIds("codex", ["oauth"])).toHaveLength(10);
    expect(servedIds("claude", ["oauth"])).toHaveLength(15);
    expect(servedIds("copilot", ["oauth"])).toHaveLength(32);
    expect(servedIds("codex", ["api_key"])).toContain("gpt-5-mini");
    expect(servedIds("codex", ["oauth"])).not.toContain("gpt-5-mini");
    expect(servedIds("codex", [])).toEqual([]);
    expect(servedIds("copilot", ["api_key"])).toEqual([]);
  });
});

describe("a malformed registry", () => {
  test.each([
    ["no limit", { ...SOUND, limit: undefined }],
    ["a limit without context", { ...SOUND, limit: { output: 1 } }],
    ["a context that is text", { ...SOUND, limit: { context: "1000", output: 1 } }],
    ["a negative limit", { ...SOUND, limit: { context: 1000, output: -1 } }],
    ["no name", { ...SOUND, name: undefined }],
    ["no modalities", { ...SOUND, modalities: undefined }],
    ["an empty id", { ...SOUND, id: "" }],
    ["an id that is too long", { ...SOUND, id: "g".repeat(257) }],
  ])("costs only the model with %s", (_name, broken) => {
    const other = { ...SOUND, id: "gpt-9.1" };
    expect(servedIds("codex", ["oauth"], registryOf(other, broken))).toEqual(["gpt-9.1"]);
  });

  test("costs only the model whose key is not its id, or that is no object", () => {
    const models = { "gpt-9": SOUND, alias: SOUND, nothing: null, word: "gpt" };
    expect(servedIds("codex", ["oauth"], readRegistry({ openai: { models } }))).toEqual(["gpt-9"]);
  });

  test.each([[null], [[]], ["text"], [{ openai: null }], [{ openai: { models: [] } }]])(
    "%j is an empty one",
    (value) => {
      expect(servedIds("codex", ["oauth"], readRegistry(value))).toEqual([]);
    },
  );
});

test.each([
  ["deprecated", { status: "deprecated" }],
  ["without tools", { tool_call: false }],
  ["without text", { modalities: { input: ["text"], output: ["image"] } }],
  ["without a context", { limit: { context: 0, output: 0 } }],
])("a model that is %s is not offered, whatever the provider says", (_name, change) => {
  const eager: Provider = { ...provider("codex"), serves: () => true };
  const entries = (...models: object[]) =>
    catalogueOf(registryOf(...models)).served(eager, accountRefs("oauth")).entries;
  expect(entries({ ...SOUND, ...change })).toEqual([]);
  expect(entries(SOUND)).toHaveLength(1);
});

describe("an entry", () => {
  const both: Provider = {
    ...provider("codex"),
    serves: () => true,
    modelLimits: (_model, kind) =>
      kind === "oauth" ? { context: 400, output: 90, input: 300 } : { context: 1000, output: 80 },
    operations: (_model, kind) => (kind === "oauth" ? ["responses"] : ["responses", "chat"]),
  };
  const entry = (provider: Provider, ...kinds: CredentialKind[]) =>
    catalogueOf(registryOf(SOUND))
      .served(provider, accountRefs(...kinds))
      .get("gpt-9");

  test("promises the smallest limit of the accounts that may answer, and all their operations", () => {
    expect(entry(both, "oauth", "api_key")).toMatchObject({
      kinds: ["oauth", "api_key"],
      limit: { context: 400, output: 80, input: 300 },
      operations: ["responses", "chat"],
    });
    expect(entry(both, "api_key")).toMatchObject({
      limit: { context: 1000, output: 80 },
      operations: ["responses", "chat"],
    });
  });

  test("leaves out a kind that serves it but can be asked for nothing", () => {
    const mute: Provider = { ...both, operations: (_model, kind) => (kind === "oauth" ? [] : ["chat"]) };
    expect(entry(mute, "oauth", "api_key")).toMatchObject({ kinds: ["api_key"], operations: ["chat"] });
    expect(entry(mute, "oauth")).toBeUndefined();
  });

  test("carries the subscription's limits, not the registry's", () => {
    const served = (kind: CredentialKind) =>
      catalogueOf(snapshot()).served(provider("codex"), accountRefs(kind)).get("gpt-5.6-sol")?.limit;
    expect(served("oauth")).toEqual({ context: 400_000, input: 272_000, output: 128_000 });
    expect(served("api_key")?.context).toBe(1_050_000);
  });
});

test("the catalogue of one registry is worked out once", () => {
  const registry = registryOf(SOUND);
  let asked = 0;
  const counting: Provider = {
    ...provider("codex"),
    serves: () => {
      asked += 1;
      return true;
    },
  };
  catalogueOf(registry).served(counting, accountRefs("oauth"));
  catalogueOf(registry).served(counting, accountRefs("oauth"));
  expect(asked).toBe(1);
});
