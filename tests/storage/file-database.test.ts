/** The Node door's database file, through its thread: what waits, what goes on meanwhile, and what is refused. */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { createClient } from "@libsql/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { openFileDatabase } from "../../adapters/node/file-database.ts";
import { TEST_KEY } from "../../harness/secrets.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { CALL_LIMIT_MS } from "../../src/storage/libsql/failure.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import type { Storage } from "../../src/storage/port.ts";
import { StorageError } from "../../src/storage/port.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { random, sleep } from "../support/config.ts";
import { newAccount, newKey, newStorage } from "../support/storage.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** A store on the file as the door opens it, with a row in it; whoever made the file has let go of it. */
async function opened(pause = sleep) {
  const made = await newStorage();
  await made.storage.accounts.save(newAccount());
  await made.storage.keys.insert(newKey());
  made.client.close();
  const database = openFileDatabase(`file:${made.file}`, made.file);
  onTestFinished(() => database.close());
  const storage = createLibsqlStorage({
    connections: sharedClient(database.client),
    sealer: createSealer([TEST_KEY], random),
    sleep: pause,
  });
  await storage.ping(1);
  return { storage, file: made.file, client: database.client, close: database.close };
}

/** Another process that is writing, as far as SQLite can tell. */
async function lock(file: string): Promise<() => Promise<void>> {
  const other = createClient({ url: `file:${file}`, timeout: 5_000 });
  onTestFinished(() => other.close());
  const transaction = await other.transaction("write");
  return () => transaction.rollback();
}

function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "it was done",
    (error: unknown) => error,
  );
}

describe("what waits inside SQLite", () => {
  test("stops no other work of the process", async () => {
    const { client } = await opened();
    let isDone = false;
    const scan = client
      .execute(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000000) select max(i) from n",
      )
      .then(({ rows }) => {
        isDone = true;
        return rows[0]?.[0];
      });
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(isDone).toBe(false);
    expect(await scan).toBe(2_000_000n);
  });

  test("does not keep reads from being answered while another process writes", async () => {
    const { storage, file } = await opened();
    const release = await lock(file);
    const write = storage.settings.set("a", "1", 1);
    expect(await storage.accounts.list()).toHaveLength(1);
    expect(await storage.requests.read("hash-k1", { accounts: true, settings: [] })).not.toBeNull();
    await release();
    await write;
    expect(await storage.settings.get("a")).toBe("1");
  });

  test("is waited for as long as before, and then says so", async () => {
    // Its time is that of the pauses alone.
    const clock = new VirtualClock();
    const begun = clock.now();
    const { storage, file } = await opened((ms, signal) =>
      signal === undefined ? clock.advance(ms) : clock.sleep(ms, signal),
    );
    const release = await lock(file);
    const error = await failureOf(storage.settings.set("a", "1", 1));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({
      lasts: false,
      message: expect.stringContaining("another process is writing"),
    });
    const waitedMs = clock.now() - begun;
    expect(waitedMs).toBeGreaterThanOrEqual(CALL_LIMIT_MS);
    expect(waitedMs).toBeLessThan(CALL_LIMIT_MS + 500);
    await release();
    await storage.settings.set("a", "2", 2);
    expect(await storage.settings.get("a")).toBe("2");
  });

  test("is not waited for by the note of when a key was used", async () => {
    const pauses: number[] = [];
    const { storage, file } = await opened((ms, signal) => {
      if (signal === undefined) pauses.push(ms);
      return sleep(ms, signal);
    });
    const release = await lock(file);
    expect(await failureOf(storage.keys.touch([{ id: "k1", at: 5 }]))).toBeInstanceOf(StorageError);
    expect(pauses).toEqual([]);
    await release();
    await storage.keys.touch([{ id: "k1", at: 5 }]);
    expect(await storage.keys.get("k1")).toMatchObject({ lastUsedAt: 5 });
  });
});

/** The database and what SQLite keeps beside it. */
const filesOf = (file: string) => ["", "-wal", "-shm"].map((end) => file + end);

function removeAll(file: string): void {
  for (const each of filesOf(file)) rmSync(each, { force: true });
}

function moveAll(from: string, to: string): void {
  const names = filesOf(to);
  for (const [at, each] of filesOf(from).entries()) renameSync(each, names[at] ?? "");
}

/** What may become of the file under a running server, and how it is put right; null: by a restart only. */
const FATES: Record<
  string,
  { strike(file: string): void; back: ((file: string) => void) | null; words: string }
> = {
  "all of it deleted": {
    strike: removeAll,
    back: null,
    words: "deleted or moved",
  },
  "deleted alone": { strike: (file) => rmSync(file), back: null, words: "deleted or moved" },
  moved: {
    strike: (file) => moveAll(file, `${file}.away`),
    back: (file) => moveAll(`${file}.away`, file),
    words: "deleted or moved",
  },
  "moved with its folder": {
    strike: (file) => renameSync(dirname(file), `${dirname(file)}.away`),
    back: (file) => renameSync(`${dirname(file)}.away`, dirname(file)),
    words: "deleted or moved",
  },
  "deleted with its folder": {
    strike: (file) => rmSync(dirname(file), { recursive: true }),
    back: null,
    words: "deleted or moved",
  },
  "hidden by another folder, as a volume that is mounted over it does": {
    strike(file) {
      renameSync(dirname(file), `${dirname(file)}.away`);
      mkdirSync(dirname(file));
      cpSync(`${file.replace(dirname(file), `${dirname(file)}.away`)}`, file);
    },
    back(file) {
      rmSync(dirname(file), { recursive: true });
      renameSync(`${dirname(file)}.away`, dirname(file));
    },
    words: "another file was put in the place",
  },
  "replaced by a backup": {
    strike(file) {
      cpSync(file, `${file}.backup`);
      renameSync(`${file}.backup`, file);
    },
    back: null,
    words: "another file was put in the place",
  },
  "left without its log": {
    strike: (file) => rmSync(`${file}-wal`),
    back: null,
    words: "write-ahead log",
  },
};

const WRITES: Record<string, (storage: Storage) => Promise<unknown>> = {
  "the deep check": (storage) => storage.ping(2),
  "a new key": (storage) => storage.keys.insert(newKey({ id: "k2" })),
  "a revocation": (storage) => storage.keys.revoke("k1", 2),
  "an account": (storage) => storage.accounts.save(newAccount({ id: "a2", externalId: "org-2" })),
  "the lease of a refresh": (storage) =>
    storage.refreshes.acquire("a1", { owner: "me", version: 0, leaseMs: 1_000 }),
  "the note before a refresh token is sent": (storage) =>
    storage.refreshes.intend("a1", { owner: "me", fence: 0, version: 0 }),
};

describe.each(Object.entries(FATES))("a file that was %s while it was open", (_, { strike, back, words }) => {
  test("takes no write, says why, and goes on being read", async () => {
    const { storage, file, close } = await opened();
    onTestFinished(() => rmSync(`${dirname(file)}.away`, { recursive: true, force: true }));
    strike(file);
    for (const [what, write] of Object.entries(WRITES)) {
      const error = await failureOf(write(storage));
      expect(error, what).toMatchObject({ name: "StorageError", lasts: true });
      expect(String(error), what).toContain(words);
    }
    expect(await storage.accounts.list()).toHaveLength(1);
    if (back !== null) {
      back(file);
      await storage.keys.insert(newKey({ id: "k2" }));
      expect(await storage.keys.count({ state: "working", now: 2 })).toBe(2);
    }
    await close();
  });
});

test("a lock that cannot be had makes no new file in the place of one that is gone", async () => {
  const { storage, file } = await opened();
  const release = await lock(file);
  const write = failureOf(storage.settings.set("a", "1", 1));
  removeAll(file);
  expect(String(await write)).toContain("deleted or moved");
  expect(existsSync(file)).toBe(false);
  await release();
});

test("once it is closed, calls are refused, and what was written is there", async () => {
  const { storage, file, close } = await opened();
  await storage.settings.set("a", "1", 1);
  await close();
  expect(await failureOf(storage.settings.get("a"))).toBeInstanceOf(StorageError);
  const again = openFileDatabase(`file:${file}`, file);
  onTestFinished(() => again.close());
  const { rows } = await again.client.execute("select value from system_settings where key = 'a'");
  expect(rows[0]?.[0]).toBe("1");
});
