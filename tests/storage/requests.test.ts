/** What a request learns in one round trip. That it is one is shown in `tests/path`. */
import { expect, test } from "vitest";
import { newAccount, newKey, newStorage } from "../support/storage.ts";

const ALL = { accounts: true, settings: ["known", "unset"] };

test("a request gets its key, every account, what opens the enabled ones, and the settings that are set", async () => {
  const { storage } = await newStorage();
  const key = await storage.keys.insert(newKey());
  const account = await storage.accounts.save(newAccount());
  await storage.accounts.save(newAccount({ id: "off", externalId: "org-2", now: 2_000 }));
  const off = await storage.accounts.update("off", { enabled: false }, 3_000);
  await storage.settings.set("known", "1", 1);
  await storage.settings.set("other", "2", 1);

  const found = await storage.requests.read("hash-k1", ALL);
  expect(found?.key).toEqual(key);
  expect(found?.accounts?.all).toEqual([account, off]);
  expect(found?.accounts?.sealed.map(({ id }) => id)).toEqual(["a1"]);
  expect(await found?.accounts?.sealed[0]?.open()).toEqual(await storage.accounts.open("a1"));
  expect([...(found?.settings ?? [])]).toEqual([["known", "1"]]);
});

test("what was not wished for stays away, and without the key everything does", async () => {
  const { storage } = await newStorage();
  await storage.keys.insert(newKey());
  await storage.accounts.save(newAccount());
  const found = await storage.requests.read("hash-k1", { accounts: false, settings: [] });
  expect(found).toMatchObject({ key: { id: "k1" }, accounts: null });
  expect(found?.settings.size).toBe(0);
  expect(await storage.requests.read("hash-k2", ALL)).toBeNull();
});

test("of very many accounts the key's own, the primary and the newest can be opened at once", async () => {
  const { storage } = await newStorage();
  await storage.keys.insert(newKey({ accounts: ["a7", "a8", "gone"] }));
  for (let at = 0; at < 70; at++)
    await storage.accounts.save(newAccount({ id: `a${at}`, externalId: `${at}`, now: 1_000 + at }));
  const found = await storage.requests.read("hash-k1", ALL);
  expect(found?.accounts?.all).toHaveLength(70);
  const ids = new Set(found?.accounts?.sealed.map(({ id }) => id));
  expect(ids.size).toBe(50);
  // The first account is the primary.
  for (const id of ["a7", "a8", "a0", "a69", "a23"]) expect([id, ids.has(id)]).toEqual([id, true]);
  expect(ids.has("a22")).toBe(false);
});

test("a request waits for no writer", async () => {
  const { storage, client } = await newStorage();
  await storage.keys.insert(newKey());
  const writer = await client.transaction("write");
  await writer.execute("update api_keys set label = 'not yet'");
  expect(await storage.requests.read("hash-k1", ALL)).toMatchObject({ key: { label: "Laptop" } });
  await writer.rollback();
});
