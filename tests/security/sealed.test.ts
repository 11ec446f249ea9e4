/** A wrong encryption key stops the server; a damaged value stops its account alone; rotation loses nothing. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createEdgeDoor } from "../../adapters/edge/door.ts";
import { start } from "../../adapters/node/server.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { checkKeyRing, KEY_CHECK } from "../../src/storage/libsql/key-check.ts";
import { migrate } from "../../src/storage/libsql/migrate.ts";
import { rotate } from "../../src/storage/libsql/rotate.ts";
import { SEALED_COLUMNS } from "../../src/storage/libsql/sealed-columns.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import { WrongKeyError } from "../../src/storage/port.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { newAccount, newKey, newStorage, openClient, openStorage, random, sleep } from "../storage/world.ts";
import { startSqld } from "../support/sqld.ts";
import { ADMIN_TOKEN, createHouse } from "./house.ts";

const OLD = Buffer.alloc(32, 7).toString("base64");
const NEW = Buffer.alloc(32, 8).toString("base64");
const clock = { now: () => 5_000, sleep };
const sealerOf = (...keys: string[]) => createSealer(keys, random);

describe("a wrong ENCRYPTION_KEY", () => {
  function env(folder: string, key: string): Record<string, string> {
    return {
      ADMIN_TOKEN,
      ENCRYPTION_KEY: key,
      KLEIS_DATA_DIR: folder,
      PORT: "0",
      LOG_LEVEL: "silent",
      MODELS_DEV_URL: "",
    };
  }

  test("keeps the Node door from starting, in words, and the right one brings it back", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kleis-key-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    await (await start(env(folder, OLD))).close();
    await expect(start(env(folder, NEW))).rejects.toThrow(
      "ENCRYPTION_KEY does not open what this database holds",
    );
    await (await start(env(folder, `${NEW},${OLD}`))).close();
    await (await start(env(folder, OLD))).close();
  });

  test("makes an edge door answer 503 with words that do not repeat it", async () => {
    const server = await startSqld();
    if (server === null) return;
    onTestFinished(() => server.stop());
    const doorWith = (key: string) =>
      createEdgeDoor(
        {
          ADMIN_TOKEN,
          ENCRYPTION_KEY: key,
          TURSO_DATABASE_URL: server.url,
          MODELS_DEV_URL: "",
          LOG_LEVEL: "silent",
        },
        {
          fetch: () => Promise.reject(new Error("nothing goes upstream")),
          waitUntil: () => {},
          sharesPromises: false,
          databaseClients: "perCall",
        },
      );
    const ask = async (key: string) =>
      await doorWith(key).fetch(
        new Request("https://kleis.example/admin/keys", {
          headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
        }),
      );
    expect((await ask(OLD)).status).toBe(200);
    const wrong = await ask(NEW);
    expect(wrong.status).toBe(503);
    const text = await wrong.text();
    expect(text).toContain("ENCRYPTION_KEY does not open");
    expect(text).toContain("not_configured");
    expect(text).not.toContain(NEW);
    expect((await ask(OLD)).status).toBe(200);
  });

  test("is told from the first one also where two begin on an empty database", async () => {
    const { client } = await newStorage();
    const outcomes = await Promise.allSettled(
      [OLD, NEW].map((key) => checkKeyRing(client, clock, sealerOf(key))),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("is told also on a database from before there was a check", async () => {
    const { client, storage } = await newStorage();
    await storage.keys.insert(newKey());
    await expect(checkKeyRing(client, clock, sealerOf(NEW))).rejects.toThrow(WrongKeyError);
    await expect(checkKeyRing(client, clock, sealerOf(NEW, OLD))).resolves.toBeUndefined();
  });

  test("is told when the check value itself was changed, and nothing falls back to plaintext", async () => {
    const { client } = await newStorage();
    await checkKeyRing(client, clock, sealerOf(OLD));
    await client.execute({
      sql: "update system_settings set value = 'kleis' where key = ?",
      args: [KEY_CHECK],
    });
    await expect(checkKeyRing(client, clock, sealerOf(OLD))).rejects.toThrow(WrongKeyError);
  });
});

describe("a stored value that does not open", () => {
  const damages: [string, string][] = [
    ["swapped", "(select access_token from provider_accounts where id = 'a2')"],
    ["moved from another column", "refresh_token"],
    ["cut short", "substr(access_token, 1, length(access_token) - 4)"],
    ["changed by one character", "substr(access_token, 1, 40) || 'A' || 'B' || substr(access_token, 43)"],
    ["written in the clear", "'a-plain-token'"],
    ["empty", "''"],
    ["of another version", "'v2' || substr(access_token, 3)"],
  ];

  test.each(damages)(
    "because it was %s marks its account, in words, and no other",
    async (_name, expression) => {
      const { storage, client } = await newStorage();
      await storage.accounts.save(newAccount());
      await storage.accounts.save(newAccount({ id: "a2", externalId: "org-2" }));
      await client.execute(`update provider_accounts set access_token = ${expression} where id = 'a1'`);
      await expect(storage.accounts.open("a1")).rejects.toThrow("provider_accounts.access_token of row a1");
      expect(await storage.accounts.get("a1")).toMatchObject({
        status: "needs_login",
        statusReason: expect.stringContaining("does not open"),
      });
      expect(await storage.accounts.open("a2")).toMatchObject({ account: { status: "active" } });
      // Connecting it again mends it.
      await storage.accounts.save(newAccount({ accessToken: "fresh-token" }));
      expect(await storage.accounts.open("a1")).toMatchObject({
        account: { status: "active" },
        secrets: { accessToken: "fresh-token" },
      });
    },
  );

  test("is noticed by a refresh as well", async () => {
    const { storage, client } = await newStorage();
    await storage.accounts.save(newAccount());
    await client.execute("update provider_accounts set refresh_token = access_token");
    await expect(storage.refreshes.read("a1")).rejects.toThrow("refresh_token");
    expect((await storage.accounts.get("a1"))?.status).toBe("needs_login");
  });

  test("because of a key that is not in this process's ring marks nothing: another process may have it", async () => {
    const { storage, client } = await newStorage();
    await storage.accounts.save(newAccount());
    await expect(openStorage(client, NEW).accounts.open("a1")).rejects.toThrow("not in ENCRYPTION_KEY");
    expect((await storage.accounts.open("a1"))?.account.status).toBe("active");
  });

  test("is a refusal in words for the agent, and the server goes on with the other accounts", async () => {
    const house = await createHouse({
      fetch: async () => Response.json({ id: "resp_1", object: "response", output: [], status: "completed" }),
    });
    const damaged = house.runtime.storage.accounts;
    const { storage, client } = await newStorage();
    await storage.accounts.save(
      newAccount({ id: "acc_claude", kind: "api_key", accessToken: null, apiKey: "x-planted-key" }),
    );
    await client.execute("update provider_accounts set api_key = 'v1.tampered'");
    const open = damaged.open.bind(damaged);
    damaged.open = (id) => (id === "acc_claude" ? storage.accounts.open(id) : open(id));
    const call = (path: string, body: object) =>
      house.ask(path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { authorization: `Bearer ${house.keys.live.key}` },
      });
    const refused = await call("/v1/messages", { model: "claude-sonnet-5", max_tokens: 1, messages: [] });
    expect(refused.status).toBe(400);
    const text = await refused.text();
    expect(text).toContain("changed or moved outside of Kleis");
    expect(text).not.toContain("tampered");
    expect((await call("/v1/responses", { model: "gpt-5.5", input: "x" })).status).toBe(200);
  });
});

describe("rotating the keys", () => {
  async function filled(accounts = 7) {
    const { client, storage, file } = await newStorage();
    await checkKeyRing(client, clock, sealerOf(OLD));
    for (let at = 0; at < accounts; at++) {
      await storage.accounts.save(
        newAccount({
          id: `a${at}`,
          externalId: `org-${at}`,
          accessToken: `access-${at}`,
          idToken: `id-${at}`,
        }),
      );
      await storage.keys.insert(newKey({ id: `k${at}` }));
    }
    await storage.oauthStates.insert({
      state: "state-1",
      provider: "claude",
      mode: "max",
      secret: { verifier: "v" },
      createdAt: 1,
      expiresAt: 9_000_000_000_000,
    });
    return { client, storage, file };
  }

  async function expectWhole(client: ReturnType<typeof openClient>, keys: string[], accounts = 7) {
    const storage = createLibsqlStorage({
      connections: sharedClient(client),
      sealer: sealerOf(...keys),
      sleep,
    });
    for (let at = 0; at < accounts; at++) {
      expect(await storage.accounts.secrets(`a${at}`)).toMatchObject({ idToken: `id-${at}` });
      expect(await storage.keys.reveal(`k${at}`)).toMatchObject({ key: `kleis_planted_k${at}` });
    }
    expect(await storage.oauthStates.get("state-1")).toMatchObject({ secret: { verifier: "v" } });
    await expect(checkKeyRing(client, clock, sealerOf(...keys))).resolves.toBeUndefined();
  }

  test("walks every column that the schema calls sealed", async () => {
    const { client } = await newStorage();
    const { rows } = await client.execute("select name from sqlite_master where type = 'table'");
    expect(rows.length).toBeGreaterThan(3);
    const source = await import("node:fs/promises").then((fs) =>
      fs.readFile(join(import.meta.dirname, "../../src/storage/libsql/schema.ts"), "utf8"),
    );
    const sealed = [...source.matchAll(/\/\*\* Sealed[^*]*\*\/\s+\w+: text\("(\w+)"\)/g)].map(
      (match) => match[1],
    );
    expect(sealed.length).toBeGreaterThan(5);
    expect(
      SEALED_COLUMNS.filter(({ only }) => only === undefined)
        .map(({ column }) => column)
        .sort(),
    ).toEqual(sealed.sort());
  });

  test("leaves nothing that needs the old key, and says how much it did", async () => {
    const { client } = await filled();
    const result = await rotate(client, sleep, sealerOf(NEW, OLD), { batch: 3 });
    // Three secrets and two texts of a key, seven times; a sign-in; the check value.
    expect(result).toMatchObject({ resealed: 7 * 5 + 2, unopened: [], left: 0 });
    await expectWhole(client, [NEW]);
    expect(await rotate(client, sleep, sealerOf(NEW), { batch: 3 })).toMatchObject({
      resealed: 0,
      current: 7 * 5 + 2,
    });
  });

  test("may be interrupted at every batch: nothing is lost, and the next run goes on", async () => {
    const batches = await rotateCounting();
    expect(batches).toBeGreaterThan(10);
    for (let end = 1; end <= batches; end++) {
      const { client } = await filled(3);
      let seen = 0;
      const interrupted = rotate(client, sleep, sealerOf(NEW, OLD), {
        batch: 1,
        onBatch: () => {
          if (++seen === end) throw new Error("interrupted");
        },
      });
      await expect(interrupted).rejects.toThrow();
      await expectWhole(client, [NEW, OLD], 3);
      const rest = await rotate(client, sleep, sealerOf(NEW, OLD), { batch: 1 });
      expect(rest.resealed).toBe(3 * 5 + 2 - end);
      await expectWhole(client, [NEW], 3);
    }

    async function rotateCounting(): Promise<number> {
      const { client } = await filled(3);
      let seen = 0;
      await rotate(client, sleep, sealerOf(NEW, OLD), { batch: 1, onBatch: () => void seen++ });
      return seen;
    }
  });

  test("loses no token that is refreshed meanwhile, by a server with the new ring or with the old", async () => {
    for (const serving of [
      [NEW, OLD],
      [OLD, NEW],
    ]) {
      const { client, file } = await filled();
      const server = createLibsqlStorage({
        connections: sharedClient(openClient(file)),
        sealer: sealerOf(...serving),
        sleep,
      });
      const newest = new Map<string, string>();
      let turn = 0;
      const refreshOne = async () => {
        const id = `a${turn++ % 7}`;
        const state = await server.refreshes.read(id);
        const taken = await server.refreshes.acquire(id, {
          owner: `o${turn}`,
          version: state!.version,
          leaseMs: 60_000,
        });
        const lease = { owner: `o${turn}`, fence: taken!.state.fence, version: state!.version };
        const token = `refreshed-${turn}`;
        const fresh = { accessToken: token, refreshToken: `${token}-r`, idToken: null, expiresAt: null };
        expect(await server.refreshes.commit(id, lease, fresh, {}, 1)).not.toBeNull();
        newest.set(id, token);
      };
      // Between reading a page and writing it, a refresh has changed rows of that page.
      const racing = sealerOf(NEW, OLD);
      const seal = racing.seal.bind(racing);
      racing.seal = async (plain, place) => {
        if (turn < 14) await refreshOne();
        return seal(plain, place);
      };
      const result = await rotate(client, sleep, racing, { batch: 3 });
      expect(result.unopened).toEqual([]);
      expect(newest.size).toBe(7);
      const after = createLibsqlStorage({ connections: sharedClient(client), sealer: sealerOf(NEW), sleep });
      for (const [id, token] of newest) {
        expect(await after.accounts.secrets(id)).toMatchObject({
          accessToken: token,
          refreshToken: `${token}-r`,
        });
      }
      expect(result.left).toBe(0);
    }
  });

  test("names what opens with no key and leaves it as it is", async () => {
    const { client } = await filled(2);
    await client.execute("update provider_accounts set id_token = 'v1.broken' where id = 'a1'");
    const result = await rotate(client, sleep, sealerOf(NEW, OLD));
    expect(result.unopened).toEqual([{ table: "provider_accounts", column: "id_token", row: "a1" }]);
    const { rows } = await client.execute("select id_token from provider_accounts where id = 'a1'");
    expect(rows[0]?.[0]).toBe("v1.broken");
  });

  test("is one command, which says what it did, and fails on what it could not", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kleis-rotate-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const client = openClient(join(folder, "kleis.db"));
    await migrate(client, sleep);
    await checkKeyRing(client, clock, sealerOf(OLD));
    await openStorage(client, OLD).accounts.save(newAccount());
    const run = (keys: string) =>
      spawnSync("node_modules/.bin/tsx", ["adapters/rotate/main.ts"], {
        cwd: join(import.meta.dirname, "../.."),
        encoding: "utf8",
        env: { PATH: process.env.PATH ?? "", KLEIS_DATA_DIR: folder, ADMIN_TOKEN, ENCRYPTION_KEY: keys },
      });
    const done = run(`${NEW},${OLD}`);
    expect(done.stdout).toContain("Done: 3 sealed anew");
    expect(done.stdout).toContain("Every other key of the ring can be taken away now.");
    expect(done.status).toBe(0);
    const wrong = run(OLD);
    expect(wrong.stderr).toContain("ENCRYPTION_KEY does not open");
    expect(wrong.status).toBe(1);
    expect(await openStorage(client, NEW).accounts.secrets("a1")).toMatchObject({
      accessToken: "access-planted",
    });
  });

  test("works on a libSQL server as well", async () => {
    const server = await startSqld();
    if (server === null) return;
    onTestFinished(() => server.stop());
    const storage = await server.storage();
    await storage.accounts.save(newAccount());
    const { createClient } = await import("@libsql/client");
    const client = createClient({ url: server.url });
    onTestFinished(() => client.close());
    expect(await rotate(client, sleep, sealerOf(NEW, OLD))).toMatchObject({ resealed: 2, left: 0 });
    const after = createLibsqlStorage({ connections: sharedClient(client), sealer: sealerOf(NEW), sleep });
    expect(await after.accounts.secrets("a1")).toMatchObject({ accessToken: "access-planted" });
  });
});
