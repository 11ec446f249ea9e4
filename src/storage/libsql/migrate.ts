/**
 * Brings a database to the newest schema from `migrations.gen.ts`. Needs no file system; any number of processes may
 * start at once; keeps drizzle's own table, so that `drizzle-kit` and this agree on what has been applied.
 */
import type { Client, InStatement, Transaction } from "@libsql/client";
import type { Clock } from "../../runtime.ts";
import { retryWhileBusy } from "./busy.ts";
import { attempt, within } from "./failure.ts";
import { migrations } from "./migrations.gen.ts";

export interface Migration {
  /** The journal's time of generation, epoch ms; migrations are applied in its order. */
  when: number;
  /** SHA-256 of the SQL file, hex. */
  hash: string;
  statements: readonly string[];
}

type Sleep = Clock["sleep"];

/** Drizzle's own definition, with its `id` that stays null on SQLite. */
const CREATE_TABLE =
  "CREATE TABLE IF NOT EXISTS __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)";
export const READ_NEWEST = "SELECT max(created_at) FROM __drizzle_migrations";

/** The driver of a file blocks the thread while it waits for a lock, so starters in one process take turns. */
let turn: Promise<unknown> = Promise.resolve();

/**
 * Resolves when the schema is whole; one read when there is nothing to do. The client stays the caller's.
 * Rejects with `StorageError`.
 */
export function migrate(
  client: Client,
  sleep: Sleep,
  target: readonly Migration[] = migrations,
): Promise<void> {
  const work = () => bringUp(client, sleep, target);
  if (client.protocol !== "file") return attempt("migrate the database", work);
  const mine = turn.then(() => attempt("migrate the database", () => retryWhileBusy(client, sleep, work)));
  turn = mine.catch(() => undefined);
  return mine;
}

/**
 * For an adapter that opens a `file:` database, once, before `migrate`: readers then do not wait for a writer, also
 * across processes. The mode stays with the file. Does nothing for a remote database. The adapter also sets the busy
 * timeout (`createClient({ timeout: 5000 })`), which holds for the connection only. Rejects with `StorageError`.
 */
export async function useWriteAheadLog(client: Client, sleep: Sleep): Promise<void> {
  if (client.protocol !== "file") return;
  await attempt("turn on the write-ahead log", () =>
    retryWhileBusy(client, sleep, async () => {
      await client.execute("PRAGMA journal_mode=WAL");
    }),
  );
}

async function bringUp(client: Client, sleep: Sleep, target: readonly Migration[]): Promise<void> {
  const last = target.at(-1);
  if (!last || (await newestOutside(client, sleep)) >= last.when) return;

  const transaction = await within(sleep, client.transaction("write"));
  try {
    await within(sleep, transaction.execute(CREATE_TABLE));
    const newest = await newestInside(transaction, sleep);
    const statements = target.filter(({ when }) => when > newest).flatMap(toStatements);
    if (statements.length > 0) await within(sleep, transaction.batch(statements));
    await within(sleep, transaction.commit());
  } finally {
    transaction.close();
  }
}

function toStatements({ when, hash, statements }: Migration): InStatement[] {
  const note = {
    sql: 'INSERT INTO __drizzle_migrations ("hash", "created_at") VALUES (?, ?)',
    args: [hash, when],
  };
  return [...statements, note];
}

/** Before any lock is taken. A database without the table is a new one. */
async function newestOutside(client: Client, sleep: Sleep): Promise<number> {
  try {
    const { rows } = await within(sleep, client.execute(READ_NEWEST));
    return Number(rows[0]?.[0] ?? 0);
  } catch (error) {
    if (isNoSuchTable(error)) return 0;
    throw error;
  }
}

/** The driver's word for a database that is new, or older than a table. */
export function isNoSuchTable(error: unknown): boolean {
  return error instanceof Error && error.message.includes("no such table");
}

async function newestInside(transaction: Transaction, sleep: Sleep): Promise<number> {
  const { rows } = await within(sleep, transaction.execute(READ_NEWEST));
  return Number(rows[0]?.[0] ?? 0);
}
