/**
 * Drizzle over a libSQL client, through drizzle's driver-less proxy: one place where every statement opens its
 * connection, meets its time limit and fails as a `StorageError`, and no driver is imported.
 */
import type { InStatement } from "@libsql/client";
import { drizzle, type SqliteRemoteDatabase } from "drizzle-orm/sqlite-proxy";
import type { Clock } from "../../runtime.ts";
import { retryWhileBusy } from "./busy.ts";
import type { Connections, DatabaseClient, Rows } from "./connections.ts";
import { attempt, CALL_LIMIT_MS, within } from "./failure.ts";

export type Orm = SqliteRemoteDatabase;

export interface Database {
  /**
   * Runs statements; `what` completes "cannot …" in the error. `orm.batch` is one round trip: an atomic write, or, where
   * it only selects, a view of one moment that waits for no writer. `orm.transaction` must not be used: statements do
   * not share a connection.
   */
  run<T>(what: string, work: (orm: Orm) => Promise<T>): Promise<T>;
  /** As `run`, for a write that can be made later just as well: it gives up at once where another process is writing. */
  runIfFree<T>(what: string, work: (orm: Orm) => Promise<T>): Promise<T>;
}

const READS = /^select\b/i;

export function openDatabase(connections: Connections, sleep: Clock["sleep"]): Database {
  const patient = openOrm(connections, sleep, CALL_LIMIT_MS);
  const hasty = openOrm(connections, sleep, 0);
  return {
    run: (what, work) => attempt(what, () => work(patient)),
    runIfFree: (what, work) => attempt(what, () => work(hasty)),
  };
}

/** `lockMs`: how long each call waits for another process's lock. */
function openOrm(connections: Connections, sleep: Clock["sleep"], lockMs: number): Orm {
  const call = async <T>(use: (client: DatabaseClient) => Promise<T>): Promise<T> => {
    const { client, release } = await connections.open();
    try {
      return await retryWhileBusy(client, sleep, () => within(sleep, use(client)), lockMs);
    } finally {
      release();
    }
  };

  return drizzle(
    async (sql, args) => toRows(await call((client) => client.execute({ sql, args: args.map(storable) }))),
    async (queries) => {
      const statements: InStatement[] = queries.map(({ sql, params }) => ({
        sql,
        args: params.map(storable),
      }));
      const mode = queries.every(({ sql }) => READS.test(sql)) ? "read" : "write";
      const results = await call((client) => client.batch(statements, mode));
      return results.map(toRows);
    },
  );
}

/**
 * A text as it can be read again: SQLite's functions end a text at NUL, and what is no Unicode (half of a surrogate pair)
 * is not stored as it was. Both become U+FFFD.
 */
function storable<Value>(value: Value): Value | string {
  return typeof value === "string" ? value.replaceAll("\0", "\ufffd").replace(/\p{Cs}/gu, "\ufffd") : value;
}

/** Rows as plain arrays in column order, which is what drizzle maps from. */
function toRows({ rows }: Rows): { rows: unknown[][] } {
  return { rows: rows.map((row) => Array.from(row, fromDriver)) };
}

/** Whole numbers may come as bigint, so that one beyond what a number holds spoils its own row only. */
function fromDriver(value: unknown): unknown {
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
