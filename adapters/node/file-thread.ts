/**
 * The thread that owns the connection to a database file. libSQL's file driver is synchronous, so that every wait inside
 * SQLite (a lock, a checkpoint, a slow disk, a large scan) stops the thread that it runs on: this one, and no stream.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Client, InStatement, Value } from "@libsql/client";
import { createClient } from "@libsql/client/sqlite3";
import { type FileIdentity, identifyFile } from "./file-identity.ts";

/** One call: a statement by itself, or several in a transaction of the given mode. */
export interface FileCall {
  readonly id: number;
  /** What the path held when the database was first used (`idOf`). */
  readonly file: string | null;
  readonly mode: "single" | "read" | "write";
  readonly statements: readonly InStatement[];
}

/** The rows of each statement, or the code of what went wrong: the driver's own words may hold bound values. */
export type FileAnswer =
  | { readonly id: number; readonly results: Value[][][] }
  | { readonly id: number; readonly code: string };

export interface FileThreadData {
  readonly url: string;
  readonly path: string;
}

/** How long SQLite itself waits for a lock, ms. Short, for other calls wait here too; `retryWhileBusy` waits longer outside. */
const LOCK_MS = 50;

const READS = /^\s*(select|explain)\b/i;

interface Opened {
  readonly client: Client;
  readonly identity: FileIdentity;
}

let opened: Opened | undefined;

parentPort?.on("message", async (call: FileCall | "close") => {
  if (call === "close") {
    opened?.client.close();
    parentPort?.close();
    return;
  }
  parentPort?.postMessage(await answer(call));
});

/** Not before the first call, for the thread is started while another one still brings the file up. */
function open(file: string | null): Opened {
  const { url, path }: FileThreadData = workerData;
  return {
    client: createClient({ url, timeout: LOCK_MS, intMode: "bigint" }),
    identity: identifyFile(path, file),
  };
}

async function answer(call: FileCall): Promise<FileAnswer> {
  const { id } = call;
  try {
    opened ??= open(call.file);
    const results = await run(opened, call);
    return { id, results: results.map(({ rows }) => rows.map((row) => Array.from(row))) };
  } catch (error) {
    const code = codeOf(error);
    if (opened !== undefined && /^SQLITE_(BUSY|LOCKED)/.test(code)) await heal(opened);
    return { id, code };
  }
}

/** A write is neither begun nor confirmed on a file that is not the one at the path any more. */
async function run({ client, identity }: Opened, { mode, statements }: FileCall) {
  const writes = !statements.every((each) => READS.test(typeof each === "string" ? each : each.sql));
  if (writes) check(identity);
  const [first] = statements;
  const results =
    mode === "single" && first !== undefined
      ? [await client.execute(first)]
      : await client.batch([...statements], mode === "read" ? "read" : "write");
  if (writes) check(identity);
  identity.learnLog();
  return results;
}

function check(identity: FileIdentity): void {
  const fault = identity.fault();
  if (fault !== null) throw Object.assign(new Error(fault), { code: fault });
}

/**
 * After a lock that could not be had. The driver (libsql through @libsql/client 0.18.0, seen 2026-11-22) keeps the refused
 * statement in progress until it is garbage-collected; until then no transaction on that connection commits. What lies at
 * the path is opened for it, so only while that is the same file.
 */
async function heal({ client, identity }: Opened): Promise<void> {
  if (identity.fault() !== null) return;
  identity.forgetLog();
  await client.reconnect();
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : "DATABASE_FAILED";
}
