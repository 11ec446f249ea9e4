/** The page says of accounts, keys and models what is known of them, and not more. */
import { describe, expect, test } from "vitest";
import { KEY_REJECTED, NOT_CHECKED } from "../../src/accounts/credential-rejection.ts";
import { StorageError } from "../../src/storage/port.ts";
import { type Kleis, startKleis } from "../support/kleis.ts";
import { newAccount, newKey } from "../support/storage.ts";

const KEY = { kind: "api_key", accessToken: null, refreshToken: null, expiresAt: null } as const;

async function entered() {
  const kleis = await startKleis();
  const cookie = await kleis.login();
  const see = async (path: string) => (await kleis.browse(path, { cookie })).text();
  const send = async (path: string, form: Record<string, string>) =>
    (await kleis.browse(path, { cookie, form })).text();
  return { kleis, see, send, accounts: kleis.runtime.storage.accounts };
}

async function refuse({ runtime }: Kleis, id: string) {
  const { accounts } = runtime.storage;
  const { statusReason: from = null } = (await accounts.get(id)) ?? {};
  return accounts.changeReason(id, { version: 0, from, to: KEY_REJECTED });
}

/** What a person reads. */
const read = (page: string) => page.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");

describe("after an import", () => {
  const form = { kind: "api_key", provider: "claude", api_key: "hello" };

  test("an owner reads that the key is saved and not checked, and where to test it", async () => {
    const { kleis, send } = await entered();
    await kleis.runtime.storage.keys.insert(newKey());
    const page = await send("/admin/page/import", form);
    expect(read(page)).toContain("The account is saved");
    expect(read(page)).toContain("It has not been tested yet: the provider has not been asked.");
    expect(read(page)).toContain("could not be reached to check this API key: it is saved, but not checked");
    expect(page).toContain('<a href="/admin/page/use">Test it</a>');
    expect(read(page)).not.toMatch(/is connected|can use it at once/);
  });

  test("an owner reads what of it was not stored", async () => {
    const { kleis, send, accounts } = await entered();
    const tokens = { kind: "tokens", provider: "claude", refresh_token: "sk-ant-ort01-ONE" };
    await send("/admin/page/import", tokens);
    const [id = ""] = (await accounts.list()).map((account) => account.id);
    const { refreshes } = kleis.runtime.storage;
    const wish = { owner: "test", version: 0, leaseMs: 1_000 };
    const lease = { ...wish, fence: (await refreshes.acquire(id, wish))?.state.fence ?? 0 };
    const next = { accessToken: "at", refreshToken: "rt", idToken: null, apiKey: null, expiresAt: null };
    await refreshes.commit(id, lease, { ...next, spentToken: "sk-ant-ort01-ONE" }, {}, kleis.clock.ms);
    const page = read(await send("/admin/page/import", tokens));
    expect(page).toContain("the imported tokens are older than those that Kleis holds");
  });

  test("an owner without a key is told to create one first", async () => {
    const { send } = await entered();
    const page = await send("/admin/page/import", form);
    expect(read(page)).toContain("Create a key, one per agent or machine, and then test it");
    expect(page).toContain('href="/admin/page/keys/new"');
  });
});

describe("a key that its provider refused", () => {
  test("is a warning on its card, with the way to replace it", async () => {
    const { kleis, see, accounts } = await entered();
    await accounts.save(newAccount({ ...KEY, apiKey: "sk-ant-api03-ONE", label: "Console" }));
    const fine = await see("/admin");
    expect(read(fine)).toContain("Active Kind API key, Max Token has no end");
    expect(fine).toContain(
      'class="quiet" id="replace-a1" href="/admin/page/import?kind=api_key&amp;provider=claude&amp;replaces=a1"',
    );
    await refuse(kleis, "a1");
    const page = await see("/admin");
    expect(read(page)).toContain(`Active, but its key was refused ${KEY_REJECTED}`);
    expect(read(page)).toContain("Token refused by the provider");
    expect(page).toContain('class="quiet strong" id="replace-a1"');
  });

  test.each([
    ["that is refused", true],
    ["that still works", false],
  ])("is replaced: requests use the new one instead of one %s", async (_name, isRefused) => {
    const { kleis, see, send, accounts } = await entered();
    await accounts.save(newAccount({ ...KEY, apiKey: "sk-ant-api03-ONE", label: "Console" }));
    if (isRefused) await refuse(kleis, "a1");
    const panel = await see("/admin/page/import?kind=api_key&provider=claude&replaces=a1");
    expect(read(panel)).toContain("Replace the key of Console");
    expect(panel).toContain('<input type="hidden" name="replaces" value="a1"/>');
    expect([...panel.matchAll(/<option value="([^"]+)"/g)].map((match) => match[1])).toEqual(["claude"]);

    const form = { kind: "api_key", provider: "claude", replaces: "a1" };
    const again = await send("/admin/page/import", { ...form, api_key: "sk-ant-oat01-TOKEN" });
    expect(read(again)).toContain("Replace the key of Console");
    const saved = await send("/admin/page/import", { ...form, api_key: "sk-ant-api03-TWO" });
    expect(read(saved)).toContain("primary: requests use it");
    expect(read(saved)).toContain(
      "The account with the former key, “Console”, is still there: remove it on its card.",
    );
    const all = await accounts.list();
    expect(all.map(({ id, primary }) => [id === "a1", primary])).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  test("ends when the same key is imported again, which stays the same account", async () => {
    const { kleis, send, see, accounts } = await entered();
    const form = { kind: "api_key", provider: "claude", api_key: "sk-ant-api03-ONE" };
    await send("/admin/page/import", form);
    const [id = ""] = (await accounts.list()).map((account) => account.id);
    await refuse(kleis, id);
    const saved = await send("/admin/page/import", { ...form, replaces: id });
    expect(read(saved)).not.toContain("former key");
    expect(await accounts.list()).toMatchObject([{ id, primary: true, statusReason: NOT_CHECKED }]);
    expect(read(await see("/admin"))).not.toContain("refused");
  });
});

describe("a key that is limited to an account", () => {
  async function limited() {
    const world = await entered();
    const { kleis, accounts } = world;
    await accounts.save(newAccount({ id: "mine", externalId: "1", label: "Mine", metadata: {} }));
    await accounts.save(
      newAccount({ ...KEY, id: "other", externalId: "2", label: "Other", apiKey: "sk-ant-api03-ONE" }),
    );
    const { keys } = kleis.runtime.storage;
    await keys.insert(newKey({ accounts: ["mine"], models: ["claude-sonnet-4-5"] }));
    /** What the page of models says of one, in its last column. */
    const says = async (model: string) => {
      const page = await world.see(`/admin/page/models?key=k1&q=${model}`);
      const rows = page.split("<tr").filter((row) => row.includes(`<code>${model}</code>`));
      return rows.map((row) => read(row.slice(row.indexOf('data-name="This key"') + 21)).trim());
    };
    return { ...world, says };
  }

  async function end({ kleis }: { kleis: Kleis }) {
    const { refreshes } = kleis.runtime.storage;
    const wish = { owner: "test", version: 0, leaseMs: 1_000 };
    const fence = (await refreshes.acquire("mine", wish))?.state.fence ?? 0;
    await refreshes.reject("mine", { owner: "test", fence, version: 0 }, "It is over.", kleis.clock.ms);
    kleis.clock.ms += 60_000;
  }

  test("is shown what it may not ask for, and what its account cannot answer now", async () => {
    const world = await limited();
    expect(await world.says("claude-sonnet-4-5")).toEqual(["answers"]);
    expect(await world.says("claude-haiku-4-5")).toEqual(["outside its limits"]);
    await end(world);
    expect(await world.says("claude-sonnet-4-5")).toEqual(["its account cannot answer now"]);
    expect(await world.says("claude-haiku-4-5")).toEqual(["outside its limits"]);
    await world.accounts.save(newAccount({ id: "mine", externalId: "1", metadata: {} }));
    await world.accounts.update("mine", { enabled: false }, world.kleis.clock.ms);
    world.kleis.clock.ms += 60_000;
    expect(await world.says("claude-sonnet-4-5")).toEqual(["its account cannot answer now"]);
    expect(await world.see("/admin/page/models?key=k1")).not.toContain("GET /v1/models");
  });

  test("says on its card that this account cannot answer, and can still be used and revoked", async () => {
    const world = await limited();
    const words = "Active, but no account that it may use can answer now";
    expect(read(await world.see("/admin/page/keys"))).not.toContain(words);
    await end(world);
    const page = await world.see("/admin/page/keys");
    expect(read(page)).toContain(words);
    expect(page).toContain('id="revoke-k1"');
    expect(page).not.toContain("card key is-off");
  });
});

describe("a name for a model", () => {
  const form = (id: string) => ({ id, provider: "codex", model: "gpt-5.5", former: "" });
  const names = async ({ runtime }: Kleis) => {
    const stored: unknown = JSON.parse((await runtime.storage.settings.get("models.custom")) ?? "[]");
    return (stored as { id: string }[]).map(({ id }) => id);
  };

  test("is added to the stored ones, also to those that another process has just stored", async () => {
    const { kleis, send, see } = await entered();
    const other = await kleis.another();
    await see("/admin/page/models");
    await other.browse("/admin/page/models", { cookie: await other.login(), form: form("first") });
    await send("/admin/page/models", form("second"));
    expect(await names(kleis)).toEqual(["first", "second"]);
  });

  test("takes the place of no others where the stored ones cannot be read", async () => {
    const { kleis, send } = await entered();
    await send("/admin/page/models", form("first"));
    const { settings } = kleis.runtime.storage;
    const failing: typeof settings = {
      ...settings,
      get: (key) => (key === "models.custom" ? Promise.reject(new StorageError("away")) : settings.get(key)),
    };
    const storage = { ...kleis.runtime.storage, settings: failing };
    const poor = await kleis.another({ storage });
    const cookie = await poor.login();
    expect((await poor.browse("/admin/page/models", { cookie, form: form("second") })).status).toBe(503);
    expect(await names(kleis)).toEqual(["first"]);
    await settings.set("models.custom", "[{}]", 1);
    const damaged = await kleis.another();
    const again = await damaged.browse("/admin/page/models", {
      cookie: await damaged.login(),
      form: form("second"),
    });
    expect([again.status, await again.text()]).toEqual([503, expect.stringContaining("PUT /admin/models")]);
    expect(await settings.get("models.custom")).toBe("[{}]");
  });
});
