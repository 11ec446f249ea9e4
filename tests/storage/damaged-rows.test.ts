/** A row that Kleis did not write like this: it shows itself as damaged, and the others go on. */
import { join } from "node:path";
import { createClient } from "@libsql/client/sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { sha256Hex } from "../../src/bytes.ts";
import { createKeyLookup } from "../../src/keys/lookup.ts";
import { migrate } from "../../src/storage/libsql/migrate.ts";
import { sleep } from "../support/config.ts";
import { testRuntime } from "../support/runtime.ts";
import { newAccount, newFolder, newKey, openStorage } from "../support/storage.ts";

/** Three accounts and three keys, in a client as the doors open it. */
async function stored() {
  const client = createClient({ url: `file:${join(await newFolder(), "kleis.db")}`, intMode: "bigint" });
  onTestFinished(() => client.close());
  await migrate(client, sleep);
  const storage = openStorage(client);
  for (const id of ["1", "2", "3"]) {
    await storage.accounts.save(newAccount({ id: `a${id}`, externalId: id }));
    await storage.keys.insert(newKey({ id: `k${id}`, providers: ["claude"] }));
  }
  return { client, storage };
}

const BIG = "9223372036854775807";

describe.each([
  ["metadata", "'[\"planted\"'"],
  ["metadata", "'[]'"],
  ["metadata", "''"],
  ["metadata", "x'00ff'"],
  ["kind", "'planted'"],
  ["status", "'planted'"],
  ["status_reason", "x'00ff'"],
  ["label", "x'00ff'"],
  ["external_id", "x'00ff'"],
  ["provider", "x'00ff'"],
  ["expires_at", "'planted'"],
  ["expires_at", BIG],
  ["expires_at", "1.5"],
  ["created_at", BIG],
  ["updated_at", "x'00ff'"],
  ["last_refresh_at", "'planted'"],
  ["last_refresh_status", "'planted'"],
  ["last_refresh_error", "x'00ff'"],
])("an account whose %s is %s", (column, value) => {
  test("is listed as one that must be connected again, with the others as they are", async () => {
    const { client, storage } = await stored();
    const [before] = await storage.accounts.list();
    await client.execute(`update provider_accounts set ${column} = ${value} where id = 'a2'`);
    const lists = [
      await storage.accounts.list(),
      (await storage.accounts.page({ limit: 10 }))?.entries,
      (await storage.requests.read("hash-k1", { accounts: true, settings: [] }))?.accounts?.all,
    ];
    for (const list of lists) {
      expect(list).toHaveLength(3);
      const odd = list?.find(({ id }) => id === "a2");
      expect(odd).toMatchObject({ status: "needs_login", statusReason: expect.stringContaining("damaged") });
      expect(JSON.stringify(odd)).not.toContain("planted");
      expect(list?.find(({ id }) => id === "a1")).toEqual(before);
    }
    expect(await storage.accounts.secrets("a1")).toMatchObject({ accessToken: "access-planted" });
    expect(await storage.accounts.remove("a2", 2)).toBe(true);
    expect(await storage.accounts.list()).toHaveLength(2);
  });
});

test("an account whose row was damaged is whole when it is connected again", async () => {
  const { client, storage } = await stored();
  await client.execute(
    "update provider_accounts set metadata = '{', expires_at = 'x', status = 'y' where id = 'a2'",
  );
  await storage.accounts.save(newAccount({ id: "new", externalId: "2", now: 9 }));
  expect(await storage.accounts.get("a2")).toMatchObject({
    status: "active",
    statusReason: null,
    expiresAt: 5_000,
  });
});

describe.each([
  ["providers", "'{'"],
  ["models", "'[1]'"],
  ["accounts", "'\"a1\"'"],
  ["accounts", "x'00ff'"],
  ["label", "x'00ff'"],
  ["prefix", "x'00ff'"],
  ["created_at", "'planted'"],
  ["expires_at", BIG],
  ["expires_at", "'never'"],
  ["last_used_at", BIG],
])("a key whose %s is %s", (column, value) => {
  test("is listed as damaged, opens nothing and can be revoked; the others are as they were", async () => {
    const { client, storage } = await stored();
    await client.execute(`update api_keys set ${column} = ${value} where id = 'k2'`);
    const list = (await storage.keys.list({ limit: 10 }))?.entries ?? [];
    expect(list).toHaveLength(3);
    expect(list.find(({ id }) => id === "k2")?.damaged).toHaveLength(1);
    expect(list.find(({ id }) => id === "k1")).toEqual(await storage.keys.get("k1"));
    expect(await storage.keys.findByHash("hash-k1")).not.toHaveProperty("damaged");
    expect(await storage.keys.findByHash("hash-k2")).toHaveProperty("damaged");
    expect(await storage.keys.revoke("k2", 2)).toMatchObject({ revokedAt: 2 });
  });
});

test("a key whose limits cannot be read is refused, and not taken for one without limits", async () => {
  const { runtime } = await testRuntime();
  const { client, storage } = await stored();
  const secret = `kleis_${"x".repeat(43)}`;
  await storage.keys.insert(newKey({ id: "k4", hash: await sha256Hex(secret) }));
  const lookup = createKeyLookup({ ...runtime, storage });
  expect(await lookup.find(secret)).toMatchObject({ ok: true });
  await client.execute("update api_keys set providers = '{' where id = 'k4'");
  lookup.clear();
  expect(await lookup.find(secret)).toEqual({ ok: false, code: "invalid_api_key" });
});
