import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { createClient } from "@libsql/client";
import { createClient as createWebClient } from "@libsql/client/web";
import { describe, expect, onTestFinished, test } from "vitest";
import { TEST_KEY } from "../../harness/secrets.ts";
import { HEADER_LIMITS } from "../../src/auth/login-guard.ts";
import { clientPerCall, sharedClient } from "../../src/storage/libsql/connections.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import { StorageError } from "../../src/storage/port.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { random, sleep } from "../support/config.ts";
import { newAccount, newFolder, newKey, newStorage, openClient, openStorage } from "../support/storage.ts";

/** Everything that an error could carry into a log. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.message, error.stack, JSON.stringify(error), everythingIn(error.cause ?? "")].join("\n");
}

describe("what is stored", () => {
  test("no secret can be read from the database's files", async () => {
    const { storage, file } = await newStorage();
    await storage.accounts.save(newAccount({ idToken: "id-planted", apiKey: "api-planted" }));
    await storage.keys.insert(newKey());
    await storage.oauthStates.insert({
      state: "s1",
      provider: "codex",
      mode: "device",
      secret: { verifier: "verifier-planted" },
      version: 0,
      createdAt: 1,
      expiresAt: 2,
    });
    await storage.settings.set("plain", "in-the-open-planted", 1);

    const names = await readdir(dirname(file));
    expect(names).toContain("kleis.db-wal");
    const bytes = await Promise.all(names.map((name) => readFile(join(dirname(file), name), "latin1")));
    const all = bytes.join("\n");
    expect(all.replaceAll("in-the-open-planted", "")).not.toMatch(/planted/);
    expect(all).toContain("in-the-open-planted");
  });

  test("is there after a restart", async () => {
    const { storage, file } = await newStorage();
    await storage.accounts.save(newAccount());
    await storage.keys.insert(newKey());
    await storage.settings.set("theme", "dark", 1);
    await storage.close();

    const later = openStorage(openClient(file));
    expect(await later.accounts.get("a1")).toMatchObject({ label: "Work", primary: true });
    expect(await later.accounts.secrets("a1")).toMatchObject({ refreshToken: "refresh-planted" });
    expect(await later.keys.reveal("k1")).toMatchObject({ key: "kleis_planted_k1" });
    expect(await later.settings.get("theme")).toBe("dark");
  });
});

describe("a setting", () => {
  test("that holds NUL or half a surrogate pair is given back whole, with a mark in its place", async () => {
    const { storage } = await newStorage();
    await storage.settings.set("a", "one\0two\ud800three \u{1f600}", 1);
    expect(await storage.settings.get("a")).toBe("one\ufffdtwo\ufffdthree \u{1f600}");
  });

  test("is null until it is set, and the last value counts", async () => {
    const { storage } = await newStorage();
    expect(await storage.settings.get("a")).toBeNull();
    await storage.settings.set("a", "1", 1);
    await storage.settings.set("b", "", 1);
    await storage.settings.set("a", "2", 2);
    expect(await storage.settings.get("a")).toBe("2");
    expect(await storage.settings.get("b")).toBe("");
  });
});

describe("a new client for each call", () => {
  test("serves every store and is closed after each call, also a failed one", async () => {
    const { file, client } = await newStorage();
    const opened: ReturnType<typeof createClient>[] = [];
    const storage = createLibsqlStorage({
      connections: clientPerCall(() => {
        const next = createClient({ url: `file:${file}`, timeout: 5000 });
        opened.push(next);
        return next;
      }),
      sealer: createSealer([TEST_KEY], random),
      sleep,
    });
    await storage.ping(1);
    await storage.accounts.save(newAccount());
    await storage.accounts.makePrimary("a1", 2_000);
    await client.execute("drop table system_settings");
    await expect(storage.settings.get("a")).rejects.toThrow(StorageError);
    expect(opened.length).toBe(5);
    expect(opened.every(({ closed }) => closed)).toBe(true);
  });
});

describe("a store that fails", () => {
  test("answers StorageError for every method, without the values that were to be written", async () => {
    const { storage, client } = await newStorage();
    client.close();
    const calls: (() => Promise<unknown>)[] = [
      () => storage.ping(1),
      () => storage.accounts.list(),
      () => storage.accounts.page({ limit: 1, after: "planted" }),
      () => storage.accounts.get("planted"),
      () => storage.accounts.secrets("planted"),
      () => storage.accounts.save(newAccount()),
      () => storage.accounts.update("planted", { label: "planted" }, 1),
      () => storage.accounts.makePrimary("planted", 1),
      () => storage.accounts.remove("planted", 1),
      () => storage.keys.list({ limit: 10, after: "planted" }),
      () => storage.keys.count({ state: "working", now: 1 }),
      () => storage.keys.get("planted"),
      () => storage.keys.findByHash("planted"),
      () => storage.keys.findByDiscoveryHash("planted"),
      () => storage.requests.read("planted", { accounts: true, settings: ["planted"] }),
      () => storage.requests.accounts(),
      () => storage.limits.read(),
      () => storage.limits.merge([], 1),
      () => storage.polls.claim("planted", 1),
      () => storage.polls.postpone("planted", 1),
      () => storage.decisions.list({ keyId: "planted" }, { limit: 1 }),
      () => storage.decisions.get("planted"),
      () => storage.usage.write({ id: "planted", at: 1, decisions: [] }),
      () =>
        storage.audit.add([
          {
            id: "planted",
            at: 1,
            by: "session",
            requestId: null,
            action: "planted",
            target: null,
            detail: null,
          },
        ]),
      () => storage.audit.list({ limit: 1 }),
      () => storage.keys.update("planted", { failover: null }),
      () => storage.keys.insert(newKey()),
      () => storage.keys.revoke("planted", 1),
      () => storage.keys.reveal("planted"),
      () => storage.keys.touch([{ id: "planted", at: 1 }]),
      () => storage.settings.get("planted"),
      () => storage.settings.set("planted", "planted", 1),
      () => storage.sessions.isEnded("planted"),
      () => storage.sessions.end("planted", 2, 1),
      () => storage.loginAttempts.status(HEADER_LIMITS, "planted", 1),
      () => storage.loginAttempts.record(HEADER_LIMITS, "planted", false, 1),
      () => storage.loginAttempts.record(HEADER_LIMITS, "planted", true, 1),
      () => storage.oauthStates.get("planted"),
      () => storage.oauthStates.update("planted", {}),
      () => storage.oauthStates.consume("planted"),
      () => storage.oauthStates.removeExpired(1),
      () =>
        storage.oauthStates.insert({
          state: "planted",
          provider: "p",
          mode: "m",
          secret: {},
          version: 0,
          createdAt: 1,
          expiresAt: 1,
        }),
    ];
    for (const call of calls) {
      const error = await call().then(
        () => "it answered",
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(StorageError);
      expect(everythingIn(error)).toMatch(/cannot [a-z' -]+: .*\(CLIENT_CLOSED\)/);
      expect(everythingIn(error).replaceAll(/tests\/storage\S*/g, "")).not.toContain("planted");
    }
  });

  test("says what to do when the file is not a database", async () => {
    const file = join(await newFolder(), "kleis.db");
    await writeFile(file, "this is no database ".repeat(500));
    const storage = openStorage(openClient(file));
    await expect(storage.accounts.list()).rejects.toThrow(StorageError);
    await expect(storage.ping(1)).rejects.toThrow(/not a database/);
    await expect(storage.accounts.save(newAccount())).rejects.toThrow(/SQLITE_NOTADB|not a database/);
  });

  test("recovers at once when another process had held the file for too long", async () => {
    const { file, storage: other, client: holder } = await newStorage();
    const impatient = createClient({ url: `file:${file}`, timeout: 0, concurrency: 1 });
    onTestFinished(() => impatient.close());
    const storage = createLibsqlStorage({
      connections: sharedClient(impatient),
      sealer: createSealer([TEST_KEY], random),
      sleep: (ms, signal) => sleep(ms / 50, signal),
    });
    const writer = await holder.transaction("write");
    await expect(storage.accounts.save(newAccount())).rejects.toThrow(/another process .*SQLITE_BUSY/);
    await expect(storage.accounts.makePrimary("a1", 1)).rejects.toThrow("SQLITE_BUSY");
    await writer.rollback();

    await storage.accounts.save(newAccount());
    await storage.accounts.makePrimary("a1", 2_000);
    await other.accounts.makePrimary("a1", 3_000);
    expect(await storage.accounts.get("a1")).toMatchObject({ updatedAt: 3_000 });
  });

  test("an unreachable server and a refused token are told apart", async () => {
    const server = createServer((_request, response) => response.writeHead(401).end("planted"));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    const remote = createLibsqlStorage({
      connections: sharedClient(
        createWebClient({ url: `http://127.0.0.1:${port}`, authToken: "token-planted" }),
      ),
      sealer: createSealer([TEST_KEY], random),
      sleep,
    });
    const refused = await remote.ping(1).catch((reason: unknown) => reason);
    expect(refused).toBeInstanceOf(StorageError);
    expect(String(refused)).toContain("TURSO_AUTH_TOKEN");
    await new Promise((done) => server.close(done));
    const unreachable = await remote.settings.set("a", "value-planted", 1).catch((reason: unknown) => reason);
    expect(unreachable).toBeInstanceOf(StorageError);
    expect(String(unreachable)).toContain("ECONNREFUSED");
    expect(everythingIn(refused) + everythingIn(unreachable)).not.toContain("planted");
  });

  test("a server that never answers is given up on", async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    onTestFinished(() => server.closeAllConnections());
    const { port } = server.address() as AddressInfo;
    const waits: number[] = [];
    const storage = createLibsqlStorage({
      connections: clientPerCall(() => createWebClient({ url: `http://127.0.0.1:${port}` })),
      sealer: createSealer([TEST_KEY], random),
      sleep: (ms, signal) => {
        waits.push(ms);
        return sleep(ms / 100, signal);
      },
    });
    await expect(storage.accounts.list()).rejects.toThrow("did not respond within 5 s");
    await expect(storage.accounts.makePrimary("a1", 1)).rejects.toThrow(StorageError);
    expect(waits).toEqual([5_000, 5_000]);
    server.close();
  });
});
