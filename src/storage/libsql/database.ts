/**
 * Drizzle over a libSQL client, through drizzle's driver-less proxy: one place where every statement opens its
 * connection, meets its time limit and fails as a `StorageError`, and no driver is imported.
 */
import type { InStatement, ResultSet } from "@libsql/client";
import { drizzle, type SqliteRemoteDatabase } from "drizzle-orm/sqlite-proxy";
import type { Clock } from "../../runtime.ts";
import { healBusyClient } from "./busy.ts";
import type { Connection, Connections } from "./connections.ts";
import { attempt, within } from "./failure.ts";

export type Orm = SqliteRemoteDatabase;

export interface Database {
  /**
   * Runs statements; `what` completes "cannot …" in the error. `orm.batch` is one round trip: an atomic write, or, where
   * it only selects, a view of one moment that waits for no writer. `orm.transaction` must not be used: statements do
   * not share a connection.
   */
  run<T>(what: string, work: (orm: Orm) => Promise<T>): Promise<T>;
}

const READS = /^select\b/i;

export function openDatabase(connections: Connections, sleep: Clock["sleep"]): Database {
  const call = async <T>(use: (client: Connection["client"]) => Promise<T>): Promise<T> => {
    const connection = await connections.open();
    try {
      return await within(sleep, use(connection.client));
    } catch (error) {
      await healBusyClient(connection.client, error);
      throw error;
    } finally {
      connection.release();
    }
  };

  const orm = drizzle(
    async (sql, args) => toRows(await call((client) => client.execute({ sql, args }))),
    async (queries) => {
      const statements: InStatement[] = queries.map(({ sql, params }) => ({ sql, args: params }));
      const mode = queries.every(({ sql }) => READS.test(sql)) ? "read" : "write";
      const results = await call((client) => client.batch(statements, mode));
      return results.map(toRows);
    },
  );

  return { run: (what, work) => attempt(what, () => work(orm)) };
}

/** Rows as plain arrays in column order, which is what drizzle maps from. */
function toRows(result: ResultSet): { rows: unknown[][] } {
  return { rows: result.rows.map((row) => Array.from(row)) };
}
