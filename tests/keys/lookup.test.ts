import { expect, test } from "vitest";
import { issueKey } from "../../src/keys/issue.ts";
import { createKeyLookup } from "../../src/keys/lookup.ts";
import { StorageError } from "../../src/storage/port.ts";
import { createReadCache, FRESH_MS } from "../../src/storage/read-cache.ts";
import { testRuntime } from "../support/runtime.ts";

const UNKNOWN = `kleis_${"A".repeat(43)}`;

test("a user's key is found, and a second request asks no store", async () => {
  const { runtime, calls } = await testRuntime();
  const { key, record } = await issueKey(runtime, {});
  const lookup = createKeyLookup(runtime);
  expect(await lookup.find(key)).toEqual({ ok: true, key: record });
  calls.length = 0;
  expect(await lookup.find(key)).toEqual({ ok: true, key: record });
  expect(calls).toEqual([]);
});

test("an unknown key is refused, and asked for once only", async () => {
  const { runtime, calls } = await testRuntime();
  const lookup = createKeyLookup(runtime);
  for (let i = 0; i < 3; i++)
    expect(await lookup.find(UNKNOWN)).toEqual({ ok: false, code: "invalid_api_key" });
  expect(calls).toEqual(["keys.findByHash"]);
});

test.each(["", "sk-ant-api03-abc", "kleis_short", `${UNKNOWN}x`, ` ${UNKNOWN}`])(
  "what cannot be a key (%j) is refused without a question to the store",
  async (secret) => {
    const { runtime, calls } = await testRuntime();
    expect(await createKeyLookup(runtime).find(secret)).toEqual({ ok: false, code: "invalid_api_key" });
    expect(calls).toEqual([]);
  },
);

test("a key ends at its time, also while it is remembered", async () => {
  const { runtime, clock } = await testRuntime();
  const { key } = await issueKey(runtime, { expiresAt: clock.ms + 5_000 });
  const lookup = createKeyLookup(runtime);
  clock.ms += 4_999;
  expect(await lookup.find(key)).toMatchObject({ ok: true });
  clock.ms += 1;
  expect(await lookup.find(key)).toEqual({ ok: false, code: "expired_api_key" });
});

test("a revocation in this process is effective at once, one elsewhere within ten seconds", async () => {
  const { runtime, storage, clock } = await testRuntime();
  const here = await issueKey(runtime, {});
  const elsewhere = await issueKey(runtime, {});
  const lookup = createKeyLookup(runtime);
  await lookup.find(here.key);
  await lookup.find(elsewhere.key);
  await storage.keys.revoke(here.record.id, clock.ms);
  await storage.keys.revoke(elsewhere.record.id, clock.ms);
  lookup.forget(here.record.id);
  expect(await lookup.find(here.key)).toEqual({ ok: false, code: "invalid_api_key" });
  clock.ms += FRESH_MS - 1;
  expect(await lookup.find(elsewhere.key)).toMatchObject({ ok: true });
  clock.ms += 1;
  expect(FRESH_MS).toBeLessThan(10_000);
  expect(await lookup.find(elsewhere.key)).toEqual({ ok: false, code: "invalid_api_key" });
});

test("a read that began before a revocation does not bring the key back", async () => {
  const { runtime, storage, clock } = await testRuntime();
  const { key, record } = await issueKey(runtime, {});
  let begun: () => void = () => {};
  let proceed: () => void = () => {};
  const reading = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  const slow = {
    ...storage.keys,
    async findByHash(hash: string) {
      const found = await storage.keys.findByHash(hash);
      begun();
      await gate;
      return found;
    },
  };
  const lookup = createKeyLookup({ ...runtime, storage: { ...runtime.storage, keys: slow } });
  const early = lookup.find(key);
  await reading;
  await storage.keys.revoke(record.id, clock.ms);
  lookup.forget(record.id);
  proceed();
  await early;
  expect(await lookup.find(key)).toEqual({ ok: false, code: "invalid_api_key" });
});

test("a user's key goes on working while the database is away", async () => {
  const context = await testRuntime();
  const { runtime, clock } = context;
  const { key } = await issueKey(runtime, {});
  const lookup = createKeyLookup(runtime);
  await lookup.find(key);
  context.down = true;
  clock.ms += 3_600_000;
  expect(await lookup.find(key)).toMatchObject({ ok: true });
});

test("a database that is away is asked every two seconds, not by every request", async () => {
  const context = await testRuntime();
  const { runtime, clock, calls } = context;
  const { key } = await issueKey(runtime, {});
  const lookup = createKeyLookup(runtime);
  await lookup.find(key);
  context.down = true;
  clock.ms += 10_000;
  calls.length = 0;
  for (let i = 0; i < 5; i++) await lookup.find(key);
  expect(calls).toHaveLength(1);
  clock.ms += 2_000;
  await lookup.find(key);
  expect(calls).toHaveLength(2);
});

test("an unknown key while the database is unreachable is storage_unavailable, not a wrong key", async () => {
  const context = await testRuntime();
  const { key, record } = await issueKey(context.runtime, {});
  const lookup = createKeyLookup(context.runtime);
  await lookup.find(key);
  context.down = true;
  await expect(lookup.find(UNKNOWN)).rejects.toMatchObject({ code: "storage_unavailable", status: 503 });
  lookup.forget(record.id);
  await expect(lookup.find(key)).rejects.toMatchObject({ code: "storage_unavailable" });
});

test("a discovery token opens its key's list, and neither stands in for the other", async () => {
  const { runtime, storage, clock } = await testRuntime();
  const { key, discoveryToken, record } = await issueKey(runtime, {});
  const lookup = createKeyLookup(runtime);
  expect(await lookup.findByDiscoveryToken(discoveryToken)).toEqual({ ok: true, key: record });
  expect(await lookup.find(discoveryToken)).toMatchObject({ ok: false });
  expect(await lookup.find(`kleis_${discoveryToken}`)).toMatchObject({ ok: false });
  expect(await lookup.findByDiscoveryToken(key)).toMatchObject({ ok: false });
  expect(await lookup.findByDiscoveryToken(key.slice("kleis_".length))).toMatchObject({ ok: false });
  await storage.keys.revoke(record.id, clock.ms);
  lookup.forget(record.id);
  expect(await lookup.findByDiscoveryToken(discoveryToken)).toEqual({ ok: false, code: "invalid_api_key" });
});

test("guessed names push nothing out that exists, and memory stays bounded", async () => {
  const { runtime } = await testRuntime();
  const asked: string[] = [];
  const cache = createReadCache<string>({
    ...runtime,
    capacity: 2,
    async load(name) {
      asked.push(name);
      return name.startsWith("real") ? name : null;
    },
  });
  await cache.get("real");
  for (let i = 0; i < 10; i++) await cache.get(`guess ${i}`);
  asked.length = 0;
  await cache.get("real");
  await cache.get("guess 9");
  expect(asked).toEqual([]);
  await cache.get("guess 0");
  await cache.get("real 2");
  await cache.get("real 3");
  await cache.get("real");
  expect(asked).toEqual(["guess 0", "real 2", "real 3", "real"]);
});

test("an old answer that was forgotten while it was read anew is not served, though the store failed", async () => {
  const { runtime, clock } = await testRuntime();
  let load = async (): Promise<string | null> => "old";
  const cache = createReadCache<string>({ ...runtime, capacity: 2, load: () => load() });
  await cache.get("name");
  clock.ms += 10_000;
  load = async () => {
    cache.forget("name");
    throw new StorageError("away");
  };
  await expect(cache.get("name")).rejects.toMatchObject({ code: "storage_unavailable" });
});
