/** Resolutions are remembered for as long as nothing that they depend on has changed, and for nobody else. */
import { describe, expect, test } from "vitest";
import { createCatalogue } from "../../src/models/catalogue/catalogue.ts";
import { snapshot } from "../../src/models/registry/snapshot.ts";
import { accessOf, type KeyScopes, NO_SCOPES } from "../../src/models/resolve/access.ts";
import { resolveMemoized } from "../../src/models/resolve/memo.ts";
import { resolve } from "../../src/models/resolve/resolve.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { ALL, accounts } from "./resolve-context.ts";

const MODEL = "claude-sonnet-5";

const catalogue = () => createCatalogue({ registry: snapshot() });
const scopes = (change: Partial<KeyScopes> = {}): KeyScopes => ({ ...NO_SCOPES, ...change });

describe("what a key may reach", () => {
  test("is worked out once for the same accounts, and once for all keys without limits", () => {
    const all = accounts(...ALL);
    const limited = scopes({ providers: ["claude"] });
    expect(accessOf(all, scopes())).toBe(accessOf(all, scopes()));
    expect(accessOf(all, limited)).toBe(accessOf(all, limited));
    expect(accessOf([...all], limited)).not.toBe(accessOf(all, limited));
  });

  test("is never another key's, though all but one limit are the same", () => {
    const all = accounts(...ALL);
    const keys = [
      scopes(),
      scopes({ providers: ["claude"] }),
      scopes({ accounts: ["acc-codex"] }),
      scopes({ models: [MODEL] }),
    ];
    const reaches = keys.map((key) => accessOf(all, key));
    expect(new Set(reaches).size).toBe(keys.length);
    expect(reaches.map(({ allowed }) => [...allowed.keys()])).toEqual([ALL, ["claude"], ["codex"], ALL]);
    expect(reaches.map(({ models }) => models)).toEqual([null, null, null, [MODEL]]);
  });
});

describe("a model's name", () => {
  test("is resolved once, until the accounts, the scopes or the catalogue are others", () => {
    const all = accounts(...ALL);
    const input = { providers: PROVIDERS, catalogue: catalogue(), access: accessOf(all, scopes()) };
    const found = resolveMemoized({ ...input, requested: MODEL });
    expect(found).toEqual(resolve({ ...input, requested: MODEL }));
    expect(resolveMemoized({ ...input, requested: MODEL })).toBe(found);
    expect(resolveMemoized({ ...input, catalogue: catalogue(), requested: MODEL })).not.toBe(found);
    expect(resolveMemoized({ ...input, forced: "copilot", requested: MODEL })).toMatchObject({
      provider: "copilot",
    });
    const without = accessOf(accounts("copilot"), scopes());
    expect(resolveMemoized({ ...input, access: without, requested: MODEL })).toMatchObject({
      provider: "copilot",
    });
    const outside = accessOf(all, scopes({ models: ["gpt-5.5"] }));
    expect(resolveMemoized({ ...input, access: outside, requested: MODEL })).toMatchObject({
      code: "key_scope",
    });
  });

  test("that was refused is refused in the words of the next request, too", () => {
    const input = { providers: PROVIDERS, catalogue: catalogue(), access: accessOf([], scopes()) };
    for (const adminUrl of ["https://one.example/admin", "https://two.example/admin"]) {
      expect(resolveMemoized({ ...input, adminUrl, requested: MODEL })).toMatchObject({
        ok: false,
        message: expect.stringContaining(adminUrl),
      });
    }
  });

  test("is forgotten when very many others were asked for", () => {
    const access = accessOf(accounts(...ALL), scopes());
    const input = { providers: PROVIDERS, catalogue: catalogue(), access };
    const found = resolveMemoized({ ...input, requested: MODEL });
    for (let at = 0; at < 200; at++) resolveMemoized({ ...input, requested: `claude/anything-${at}` });
    const again = resolveMemoized({ ...input, requested: MODEL });
    expect(again).not.toBe(found);
    expect(again).toEqual(found);
  });
});
