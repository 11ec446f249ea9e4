import { describe, expect, test } from "vitest";
import { testKeyOf } from "../../harness/secrets.ts";
import { SealError } from "../../src/storage/seal.ts";
import { newAccount, newStorage, openClient, openStorage } from "../support/storage.ts";

describe("connecting an account", () => {
  test("a new account is kept with everything that was said of it, and is the primary", async () => {
    const { storage } = await newStorage();
    const saved = await storage.accounts.save(newAccount());
    expect(saved).toEqual({
      id: "a1",
      provider: "claude",
      kind: "oauth",
      externalId: "org-1",
      label: "Work",
      enabled: true,
      primary: true,
      rank: null,
      status: "active",
      statusReason: null,
      metadata: { plan: "max", nested: { list: [1, null, "ü"] } },
      expiresAt: 5_000,
      lastRefreshAt: null,
      lastRefreshStatus: null,
      lastRefreshError: null,
      lastRefusal: null,
      createdAt: 1_000,
      updatedAt: 1_000,
    });
    expect(await storage.accounts.get("a1")).toEqual(saved);
  });

  test("its secrets come back as they were, absent ones as null", async () => {
    const { storage } = await newStorage();
    await storage.accounts.save(newAccount());
    await storage.accounts.save(
      newAccount({
        id: "a2",
        kind: "api_key",
        accessToken: null,
        refreshToken: null,
        apiKey: "",
        idToken: "id-ü",
      }),
    );
    expect(await storage.accounts.secrets("a1")).toEqual({
      accessToken: "access-planted",
      refreshToken: "refresh-planted",
      idToken: null,
      apiKey: null,
    });
    expect(await storage.accounts.secrets("a2")).toEqual({
      accessToken: null,
      refreshToken: null,
      idToken: "id-ü",
      apiKey: "",
    });
  });

  test("connecting again updates in place: id, label, creation and the owner's switch stay", async () => {
    const { storage, client } = await newStorage();
    await storage.accounts.save(newAccount());
    await storage.accounts.update("a1", { label: "Mine", enabled: false }, 1_500);
    await client.execute(
      "update provider_accounts set status = 'needs_login', status_reason = 'gone', last_refresh_status = 'failed', last_refresh_error = 'no'",
    );
    const again = await storage.accounts.save(
      newAccount({
        id: "other",
        label: "New",
        now: 2_000,
        accessToken: "access-2",
        refreshToken: null,
        metadata: {},
      }),
    );
    expect(again).toMatchObject({
      id: "a1",
      label: "Mine",
      enabled: false,
      status: "active",
      statusReason: null,
      lastRefreshStatus: null,
      lastRefreshError: null,
      lastRefusal: null,
      createdAt: 1_000,
      updatedAt: 2_000,
      metadata: {},
    });
    expect(await storage.accounts.secrets("a1")).toMatchObject({
      accessToken: "access-2",
      refreshToken: null,
    });
    expect(await storage.accounts.list()).toHaveLength(1);
  });

  test("only the first account of each provider becomes its primary", async () => {
    const { storage } = await newStorage();
    await storage.accounts.save(newAccount());
    await storage.accounts.save(newAccount({ id: "a2", externalId: "org-2" }));
    await storage.accounts.save(newAccount({ id: "b1", provider: "codex" }));
    const primaries = (await storage.accounts.list()).filter(({ primary }) => primary);
    expect(primaries.map(({ id }) => id)).toEqual(["a1", "b1"]);
  });

  test("accounts are listed oldest first, also within one millisecond", async () => {
    const { storage } = await newStorage();
    await storage.accounts.save(newAccount({ id: "z", externalId: "1", now: 2_000 }));
    await storage.accounts.save(newAccount({ id: "y", externalId: "2", now: 1_000 }));
    await storage.accounts.save(newAccount({ id: "a", externalId: "3", now: 2_000 }));
    expect((await storage.accounts.list()).map(({ id }) => id)).toEqual(["y", "z", "a"]);
  });
});

describe("several writers at once", () => {
  test("connecting different accounts makes one primary and loses none", async () => {
    const { storage, file } = await newStorage();
    const second = openStorage(openClient(file));
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? storage : second).accounts.save(newAccount({ id: `a${i}`, externalId: `org-${i}` })),
      ),
    );
    const all = await storage.accounts.list();
    expect(all).toHaveLength(20);
    expect(all.filter(({ primary }) => primary)).toHaveLength(1);
  });

  test("connecting the same account leaves one row whose secrets open and belong together, each under a version of its own", async () => {
    const { storage, file } = await newStorage();
    const second = openStorage(openClient(file));
    const saved = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? storage : second).accounts.save(
          newAccount({ id: `a${i}`, accessToken: `access-${i}`, refreshToken: `refresh-${i}` }),
        ),
      ),
    );
    expect(new Set(saved.map(({ id }) => id)).size).toBe(1);
    expect(await storage.accounts.list()).toHaveLength(1);
    const secrets = await storage.accounts.secrets(saved[0]!.id);
    expect(secrets!.accessToken!.replace("access", "refresh")).toBe(secrets!.refreshToken);
    expect((await storage.accounts.open(saved[0]!.id))?.version).toBe(19);
  });

  test("several that know an account again make one of it, and of none two", async () => {
    const { storage, file } = await newStorage();
    const second = openStorage(openClient(file));
    await storage.accounts.save(newAccount({ externalId: "fp_1" }));
    const saved = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? storage : second).accounts.save(
          newAccount({ id: `a${i + 2}`, refreshToken: `refresh-${i}` }),
          ({ externalId }) => externalId === "fp_1",
        ),
      ),
    );
    expect(new Set(saved.map(({ id }) => id))).toEqual(new Set(["a1"]));
    expect(await storage.accounts.list()).toMatchObject([{ id: "a1", externalId: "org-1" }]);
  });

  test("choosing primaries at once leaves exactly one", async () => {
    const { storage, file } = await newStorage();
    const second = openStorage(openClient(file));
    for (let i = 0; i < 6; i++)
      await storage.accounts.save(newAccount({ id: `a${i}`, externalId: `org-${i}` }));
    await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        (i % 2 ? storage : second).accounts.makePrimary(`a${i % 6}`, 2_000 + i),
      ),
    );
    expect((await storage.accounts.list()).filter(({ primary }) => primary)).toHaveLength(1);
  });

  test("the database itself refuses a second primary and a second account of the same name", async () => {
    const { storage, client } = await newStorage();
    await storage.accounts.save(newAccount());
    await storage.accounts.save(newAccount({ id: "a2", externalId: "org-2" }));
    await expect(
      client.execute("update provider_accounts set is_primary = 1 where id = 'a2'"),
    ).rejects.toThrow("UNIQUE");
    await expect(
      client.execute("update provider_accounts set external_id = 'org-1' where id = 'a2'"),
    ).rejects.toThrow("UNIQUE");
  });
});

test("of the refresh tokens that an account has used up the last hundred are known again, by their hashes alone", async () => {
  const { storage, client } = await newStorage();
  await storage.accounts.save(newAccount({ refreshToken: "refresh-0" }));
  for (let version = 0; version <= 100; version++) {
    const lease = { owner: "o", fence: 0, version };
    const next = {
      accessToken: "access",
      refreshToken: `refresh-${version + 1}`,
      idToken: null,
      apiKey: null,
      expiresAt: null,
      spentToken: `refresh-${version}`,
    };
    expect(await storage.refreshes.commit("a1", lease, next, {}, 1)).not.toBeNull();
  }
  for (const number of [1, 50, 100]) {
    const older = storage.accounts.save(newAccount({ refreshToken: `refresh-${number}` }));
    await expect(older).rejects.toMatchObject({ name: "SpentTokenError" });
  }
  const { rows } = await client.execute("select spent_tokens from provider_accounts");
  expect(String(rows[0]?.spent_tokens)).toMatch(/^([0-9a-f]{32} ){100}$/);
  expect(await storage.accounts.save(newAccount({ refreshToken: "refresh-0" }))).toMatchObject({ id: "a1" });
});

describe("managing an account", () => {
  test("label and switch change apart from each other", async () => {
    const { storage } = await newStorage();
    await storage.accounts.save(newAccount());
    expect(await storage.accounts.update("a1", { enabled: false }, 2_000)).toMatchObject({
      label: "Work",
      enabled: false,
      updatedAt: 2_000,
    });
    expect(await storage.accounts.update("a1", { label: "Home" }, 3_000)).toMatchObject({
      label: "Home",
      enabled: false,
      updatedAt: 3_000,
    });
  });

  test("another account can be made the primary, within its provider only", async () => {
    const { storage } = await newStorage();
    await storage.accounts.save(newAccount());
    await storage.accounts.save(newAccount({ id: "a2", externalId: "org-2" }));
    await storage.accounts.save(newAccount({ id: "b1", provider: "codex" }));
    expect(await storage.accounts.makePrimary("a2", 2_000)).toMatchObject({ id: "a2", primary: true });
    expect((await storage.accounts.list()).filter(({ primary }) => primary).map(({ id }) => id)).toEqual([
      "a2",
      "b1",
    ]);
    expect(await storage.accounts.makePrimary("a2", 3_000)).toMatchObject({ primary: true });
  });

  test("removing the primary hands over to the newest enabled account of its provider", async () => {
    const { storage } = await newStorage();
    await storage.accounts.save(newAccount());
    await storage.accounts.save(newAccount({ id: "a2", externalId: "2", now: 2_000 }));
    await storage.accounts.save(newAccount({ id: "a3", externalId: "3", now: 3_000 }));
    await storage.accounts.save(newAccount({ id: "a4", externalId: "4", now: 4_000 }));
    await storage.accounts.save(newAccount({ id: "b1", provider: "codex", now: 9_000 }));
    await storage.accounts.update("a4", { enabled: false }, 5_000);
    expect(await storage.accounts.remove("a1", 6_000)).toBe(true);
    expect(await storage.accounts.get("a3")).toMatchObject({ primary: true, updatedAt: 6_000 });
    expect((await storage.accounts.list()).filter(({ primary }) => primary).map(({ id }) => id)).toEqual([
      "a3",
      "b1",
    ]);
    expect(await storage.accounts.secrets("a1")).toBeNull();
  });

  test("removing another account leaves the primary alone", async () => {
    const { storage } = await newStorage();
    await storage.accounts.save(newAccount());
    await storage.accounts.save(newAccount({ id: "a2", externalId: "2", now: 2_000 }));
    await storage.accounts.save(newAccount({ id: "a3", externalId: "3", now: 3_000 }));
    expect(await storage.accounts.remove("a2", 4_000)).toBe(true);
    expect(await storage.accounts.get("a1")).toMatchObject({ primary: true, updatedAt: 1_000 });
    expect(await storage.accounts.get("a3")).toMatchObject({ primary: false });
  });

  test("with no enabled account left there is no primary, until an enabled one is connected", async () => {
    const { storage } = await newStorage();
    await storage.accounts.save(newAccount());
    await storage.accounts.save(newAccount({ id: "a2", externalId: "2" }));
    await storage.accounts.update("a2", { enabled: false }, 2_000);
    await storage.accounts.remove("a1", 3_000);
    expect(await storage.accounts.save(newAccount({ externalId: "2" }))).toMatchObject({
      id: "a2",
      primary: false,
    });
    expect(await storage.accounts.save(newAccount({ id: "a3", externalId: "3" }))).toMatchObject({
      primary: true,
    });
  });

  test("only one of several callers removes it", async () => {
    const { storage } = await newStorage();
    await storage.accounts.save(newAccount());
    const answers = await Promise.all([1, 2, 3].map(() => storage.accounts.remove("a1", 2_000)));
    expect(answers.filter(Boolean)).toHaveLength(1);
  });

  test("an account that is not there is null or false, never an error", async () => {
    const { storage } = await newStorage();
    await storage.accounts.save(newAccount());
    expect(await storage.accounts.get("x")).toBeNull();
    expect(await storage.accounts.secrets("x")).toBeNull();
    expect(await storage.accounts.update("x", { label: "l" }, 1)).toBeNull();
    expect(await storage.accounts.makePrimary("x", 1)).toBeNull();
    expect(await storage.accounts.remove("x", 1)).toBe(false);
    expect(await storage.accounts.get("a1")).toMatchObject({ primary: true, updatedAt: 1_000 });
  });
});

describe("a secret that was moved or sealed with another key", () => {
  test("does not open in another row", async () => {
    const { storage, client } = await newStorage();
    await storage.accounts.save(newAccount());
    await storage.accounts.save(newAccount({ id: "a2", externalId: "org-2" }));
    await client.execute(
      "update provider_accounts set access_token = (select access_token from provider_accounts where id = 'a1') where id = 'a2'",
    );
    await expect(storage.accounts.secrets("a2")).rejects.toThrow(SealError);
    expect(await storage.accounts.secrets("a1")).toMatchObject({ accessToken: "access-planted" });
  });

  test("does not open in another column", async () => {
    const { storage, client } = await newStorage();
    await storage.accounts.save(newAccount());
    await client.execute("update provider_accounts set id_token = refresh_token");
    await expect(storage.accounts.secrets("a1")).rejects.toThrow("provider_accounts.id_token of row a1");
  });

  test("says that the key is missing, and the account is still listed", async () => {
    const { storage, client } = await newStorage();
    await storage.accounts.save(newAccount());
    const stranger = openStorage(client, testKeyOf("nine"));
    await expect(stranger.accounts.secrets("a1")).rejects.toThrow("ENCRYPTION_KEY");
    expect(await stranger.accounts.list()).toHaveLength(1);
  });
});
