import { describe, expect, test } from "vitest";
import { SealError } from "../../src/storage/seal.ts";
import { newKey, newStorage } from "../support/storage.ts";

describe("an issued key", () => {
  test("is found by its hashes and by nothing else", async () => {
    const { storage } = await newStorage();
    const key = await storage.keys.insert(
      newKey({ providers: ["claude"], models: [], accounts: ["a1", "a2"], expiresAt: 9_000 }),
    );
    expect(key).toEqual({
      id: "k1",
      label: "Laptop",
      failover: null,
      prefix: "kleis_abc",
      providers: ["claude"],
      models: [],
      accounts: ["a1", "a2"],
      createdAt: 1_000,
      expiresAt: 9_000,
      revokedAt: null,
      lastUsedAt: null,
    });
    expect(await storage.keys.get("k1")).toEqual(key);
    expect(await storage.keys.findByHash("hash-k1")).toEqual(key);
    expect(await storage.keys.findByDiscoveryHash("discovery-hash-k1")).toEqual(key);
    expect(await storage.keys.findByHash("discovery-hash-k1")).toBeNull();
    expect(await storage.keys.findByDiscoveryHash("hash-k1")).toBeNull();
    expect(await storage.keys.get("x")).toBeNull();
  });

  test("without scopes is one without limits", async () => {
    const { storage } = await newStorage();
    expect(await storage.keys.insert(newKey())).toMatchObject({
      providers: null,
      models: null,
      accounts: null,
    });
  });

  test("is revealed on request, and only with its own secrets", async () => {
    const { storage, client } = await newStorage();
    await storage.keys.insert(newKey());
    await storage.keys.insert(newKey({ id: "k2" }));
    expect(await storage.keys.reveal("k1")).toEqual({
      key: "kleis_planted_k1",
      discoveryToken: "discovery_planted_k1",
    });
    expect(await storage.keys.reveal("x")).toBeNull();
    await client.execute(
      "update api_keys set sealed_key = (select sealed_key from api_keys where id = 'k1') where id = 'k2'",
    );
    await expect(storage.keys.reveal("k2")).rejects.toThrow(SealError);
  });

  test("keeps the time of its first revocation", async () => {
    const { storage } = await newStorage();
    await storage.keys.insert(newKey());
    expect(await storage.keys.revoke("k1", 2_000)).toMatchObject({ revokedAt: 2_000 });
    expect(await storage.keys.revoke("k1", 3_000)).toMatchObject({ revokedAt: 2_000 });
    expect(await storage.keys.revoke("x", 3_000)).toBeNull();
  });

  test("cannot be issued twice", async () => {
    const { storage } = await newStorage();
    await storage.keys.insert(newKey());
    await expect(storage.keys.insert(newKey({ id: "k2", hash: "hash-k1" }))).rejects.toThrow(
      "SQLITE_CONSTRAINT",
    );
    await expect(
      storage.keys.insert(newKey({ id: "k2", discoveryHash: "discovery-hash-k1" })),
    ).rejects.toThrow("SQLITE_CONSTRAINT");
    expect((await storage.keys.list({ limit: 10 }))?.entries).toHaveLength(1);
  });

  test("is listed newest first", async () => {
    const { storage } = await newStorage();
    await storage.keys.insert(newKey({ id: "k1", now: 1_000 }));
    await storage.keys.insert(newKey({ id: "k2", now: 2_000 }));
    await storage.keys.insert(newKey({ id: "a3", now: 2_000 }));
    const page = await storage.keys.list({ limit: 10 });
    expect(page?.entries.map(({ id }) => id)).toEqual(["a3", "k2", "k1"]);
  });
});

describe("noting when keys were used", () => {
  test("keeps the latest time of each, whatever the order, and ignores keys that are gone", async () => {
    const { storage } = await newStorage();
    await storage.keys.insert(newKey());
    await storage.keys.insert(newKey({ id: "k2" }));
    await storage.keys.touch([
      { id: "k1", at: 3_000 },
      { id: "gone", at: 9_000 },
      { id: "k1", at: 2_000 },
      { id: "k2", at: 4_000 },
    ]);
    await storage.keys.touch([{ id: "k2", at: 1_000 }]);
    expect(await storage.keys.get("k1")).toMatchObject({ lastUsedAt: 3_000 });
    expect(await storage.keys.get("k2")).toMatchObject({ lastUsedAt: 4_000 });
  });

  test("of no key asks nothing of the database", async () => {
    const { storage, client } = await newStorage();
    client.close();
    await expect(storage.keys.touch([])).resolves.toBeUndefined();
  });
});
