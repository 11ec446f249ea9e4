import { execFile, spawn } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Client, createClient } from "@libsql/client";
import { getTableColumns } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { migrate as drizzleMigrate } from "drizzle-orm/libsql/migrator";
import { describe, expect, test } from "vitest";
import { migrate, useWriteAheadLog } from "../../src/storage/libsql/migrate.ts";
import { migrations } from "../../src/storage/libsql/migrations.gen.ts";
import * as schema from "../../src/storage/libsql/schema.ts";
import { StorageError } from "../../src/storage/port.ts";
import { sleep } from "../support/config.ts";
import { newAccount, newFolder, openClient, openStorage } from "../support/storage.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const later = {
  when: migrations.at(-1)!.when + 1_000,
  hash: "f".repeat(64),
  statements: ["CREATE TABLE later (id text)", "INSERT INTO later VALUES ('once')"],
};

async function newClient(): Promise<Client> {
  return openClient(join(await newFolder(), "kleis.db"));
}

async function expectWhole(client: Client): Promise<void> {
  for (const [name, table] of [
    ["provider_accounts", schema.providerAccounts],
    ["api_keys", schema.apiKeys],
    ["oauth_states", schema.oauthStates],
    ["system_settings", schema.systemSettings],
    ["admin_tries", schema.loginAttempts],
    ["ended_sessions", schema.endedSessions],
    ["account_limits", schema.accountLimits],
    ["requests", schema.requests],
    ["usage_batches", schema.usageBatches],
    ["audit", schema.audit],
  ] as const) {
    const { rows } = await client.execute(`select name from pragma_table_info('${name}')`);
    expect(rows.map((row) => row.name).sort()).toEqual(
      Object.values(getTableColumns(table))
        .map((column) => column.name)
        .sort(),
    );
  }
  const { rows } = await client.execute(
    "select hash, created_at from __drizzle_migrations order by created_at",
  );
  expect(rows.map((row) => [row.hash, row.created_at])).toEqual(
    migrations.map(({ hash, when }) => [hash, when]),
  );
}

describe("starting on a new database", () => {
  test("makes the whole schema", async () => {
    const client = await newClient();
    await migrate(client, sleep);
    await expectWhole(client);
  });

  test.each([0, 5000])(
    "four processes at once all succeed (busy timeout %i ms)",
    async (timeout) => {
      const file = join(await newFolder(), "kleis.db");
      const starters = [1, 2, 3, 4].map(() => startProcess(file, timeout));
      await Promise.all(starters.map(({ ready }) => ready));
      for (const { go } of starters) go();
      const endings = await Promise.all(starters.map(({ ended }) => ended));
      expect(endings).toEqual(
        starters.map(() => ({ code: 0, out: `ready\napplied ${migrations.length}\n`, err: "" })),
      );
      await expectWhole(openClient(file));
    },
    60_000,
  );

  test("several starters in one process all succeed, at once", async () => {
    const file = join(await newFolder(), "kleis.db");
    const clients = [1, 2, 3].map(() => openClient(file));
    const { pauses, pausing } = pausesOf(sleep);
    await Promise.all(clients.map((client) => migrate(client, pausing)));
    // They take turns, and none of them meets another's lock.
    expect(pauses).toEqual([]);
    await expectWhole(clients[0]!);
  });

  test("the write-ahead log stays on for whoever opens the file", async () => {
    const file = join(await newFolder(), "kleis.db");
    await useWriteAheadLog(openClient(file), sleep);
    const { rows } = await openClient(file).execute("PRAGMA journal_mode");
    expect(rows[0]?.[0]).toBe("wal");
  });
});

describe("starting on a database that is there", () => {
  test("does nothing when nothing is new, and takes no write lock", async () => {
    const client = await newClient();
    await migrate(client, sleep);
    const writer = await client.transaction("write");
    await migrate(client, sleep);
    await writer.rollback();
    await expectWhole(client);
  });

  test("recognises a file that drizzle migrated, and drizzle recognises ours", async () => {
    const theirs = await newClient();
    await drizzleMigrate(drizzle(theirs), { migrationsFolder: "migrations" });
    await migrate(theirs, sleep);
    await expectWhole(theirs);
    await migrate(theirs, sleep, [...migrations, later]);
    expect((await theirs.execute("select id from later")).rows).toHaveLength(1);

    const ours = await newClient();
    await migrate(ours, sleep);
    await drizzleMigrate(drizzle(ours), { migrationsFolder: "migrations" });
    await expectWhole(ours);
  });

  test("applies only what is new, and keeps the data", async () => {
    const client = await newClient();
    await migrate(client, sleep);
    await openStorage(client).accounts.save(newAccount());
    await migrate(client, sleep, [...migrations, later]);
    await migrate(client, sleep, [...migrations, later]);
    expect((await client.execute("select id from later")).rows).toHaveLength(1);
    expect(await openStorage(client).accounts.list()).toHaveLength(1);
  });

  test("keeps the log-outs of the version that had them in a setting", async () => {
    const client = await newClient();
    const before = migrations.findIndex(({ statements }) =>
      statements.some((each) => each.includes("ended_sessions")),
    );
    await migrate(client, sleep, migrations.slice(0, before));
    const put = (value: string) =>
      client.execute({
        sql: "insert or replace into system_settings values ('admin.ended_sessions', ?, 1)",
        args: [value],
      });
    await put(JSON.stringify({ one: 1_900_000_000_000, two: 1_900_000_000_001, odd: "x" }));
    await migrate(client, sleep);
    const { rows } = await client.execute("select id, ends_at from ended_sessions order by id");
    expect(rows.map((row) => [row[0], row[1]])).toEqual([
      ["one", 1_900_000_000_000],
      ["two", 1_900_000_000_001],
    ]);
  });

  test("a database of version 0.1 keeps its accounts and keys, and they may move nowhere", async () => {
    const client = await newClient();
    const v1 = migrations.findIndex(({ statements }) =>
      statements.some((each) => each.includes("account_limits")),
    );
    await migrate(client, sleep, migrations.slice(0, v1));
    await client.execute(`insert into provider_accounts (id, provider, kind, external_id, label, enabled, is_primary,
      status, metadata, created_at, updated_at, token_version) values
      ('a1', 'claude', 'oauth', 'org-1', 'Work', 1, 1, 'active', '{"plan":"max"}', 1, 2, 3)`);
    await client.execute(`insert into api_keys (id, label, prefix, hash, sealed_key, discovery_hash,
      sealed_discovery_token, created_at) values ('k1', 'Laptop', 'kleis_a', 'h', 's', 'd', 't', 1)`);
    await migrate(client, sleep);
    await expectWhole(client);
    const found = await openStorage(client).requests.read("h", { accounts: true, settings: [] });
    expect(found?.key).toMatchObject({ id: "k1", label: "Laptop", failover: null });
    expect(found?.key).not.toHaveProperty("damaged");
    expect(found?.accounts?.all).toMatchObject([
      { id: "a1", label: "Work", primary: true, status: "active", metadata: { plan: "max" }, rank: null },
    ]);
    expect(found?.accounts?.limits.rows).toEqual([]);
  });

  test("starts on a setting of log-outs that is no JSON", async () => {
    const client = await newClient();
    const before = migrations.findIndex(({ statements }) =>
      statements.some((each) => each.includes("ended_sessions")),
    );
    await migrate(client, sleep, migrations.slice(0, before));
    await client.execute("insert into system_settings values ('admin.ended_sessions', '{', 1)");
    await migrate(client, sleep);
    await expectWhole(client);
  });

  test("an older Kleis leaves a newer database as it is", async () => {
    const client = await newClient();
    await migrate(client, sleep, [...migrations, later]);
    await migrate(client, sleep);
    expect((await client.execute("select count(*) from __drizzle_migrations")).rows[0]?.[0]).toBe(
      migrations.length + 1,
    );
  });

  test("a migration that fails half way leaves nothing behind", async () => {
    const client = await newClient();
    await migrate(client, sleep);
    const broken = { ...later, statements: [...later.statements, "INSERT INTO nowhere VALUES ('planted')"] };
    const error = await migrate(client, sleep, [...migrations, broken]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StorageError);
    expect(String(error)).not.toContain("planted");
    await expect(client.execute("select * from later")).rejects.toThrow("no such table");
    await migrate(client, sleep, [...migrations, later]);
    expect((await client.execute("select id from later")).rows).toHaveLength(1);
  });

  test("says so when the file is not a database", async () => {
    const file = join(await newFolder(), "kleis.db");
    await writeFile(file, "this is no database ".repeat(500));
    await expect(migrate(openClient(file), sleep)).rejects.toThrow("not a database");
  });

  test("gives up with a StorageError when another holds the file for ever", async () => {
    const file = join(await newFolder(), "kleis.db");
    const holder = await openClient(file).transaction("write");
    // Its time is that of the pauses alone.
    const clock = new VirtualClock();
    const begun = clock.now();
    const pausing = (ms: number, signal?: AbortSignal) =>
      signal === undefined ? clock.advance(ms) : clock.sleep(ms, signal);
    const impatient = createClient({ url: `file:${file}`, timeout: 0 });
    await expect(migrate(impatient, pausing)).rejects.toThrow(/cannot migrate the database: another process/);
    const waitedMs = clock.now() - begun;
    expect(waitedMs).toBeGreaterThanOrEqual(15_000);
    expect(waitedMs).toBeLessThan(16_000);
    await holder.rollback();

    await migrate(impatient, pausing);
    expect(clock.now() - begun).toBe(waitedMs);
    impatient.close();
  });
});

describe("the generated migrations", () => {
  const check = (...places: string[]) =>
    promisify(execFile)(process.execPath, ["scripts/generate-migrations.mjs", "--check", ...places]);

  test("are those of the migrations folder", async () => {
    await expect(check()).resolves.toBeDefined();
  });

  test("are found out of date as soon as the folder says something else", async () => {
    const folder = await newFolder();
    await mkdir(join(folder, "migrations"));
    await cp("migrations", join(folder, "migrations"), { recursive: true });
    const first = join(folder, "migrations", "0000_init.sql");
    await writeFile(
      first,
      `${await readFile(first, "utf8")}--> statement-breakpoint\nCREATE TABLE more (id text);`,
    );
    await expect(check(join(folder, "migrations"), "src/storage/libsql/migrations.gen.ts")).rejects.toThrow(
      "differs",
    );
  });
});

/** The pauses that are made, without the limits that are set beside them. */
function pausesOf(inner: typeof sleep) {
  const pauses: number[] = [];
  const pausing = (ms: number, signal?: AbortSignal) => {
    if (signal === undefined) pauses.push(ms);
    return inner(ms, signal);
  };
  return { pauses, pausing };
}

function startProcess(file: string, timeout: number) {
  const child = spawn("node_modules/.bin/tsx", [
    "tests/storage/starter/migrate-once.ts",
    file,
    String(timeout),
  ]);
  let out = "";
  let err = "";
  const ready = new Promise<void>((done) => {
    child.stdout.on("data", (bytes: Buffer) => {
      out += bytes;
      done();
    });
  });
  child.stderr.on("data", (bytes: Buffer) => {
    err += bytes;
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((done) => {
    child.on("close", (code) => done({ code, out, err }));
  });
  return { ready, ended, go: () => child.stdin.end("go\n") };
}
