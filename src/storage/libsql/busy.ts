/** What to do when another process holds the lock of a database file: heal the client, wait a bounded time, repeat. */
import type { Client } from "@libsql/client";
import type { Clock } from "../../runtime.ts";
import { codeOf } from "./failure.ts";

/** How long to wait for other writers, ms. */
const BUSY_LIMIT_MS = 15_000;
const BUSY_PAUSE_MS = 25;
const BUSY_PAUSE_MAX_MS = 400;

/**
 * Gives a file's client new connections when `error` says that the file was locked. The driver (libsql through
 * @libsql/client 0.18.0, seen 2026-11-22) keeps the refused statement in progress until it is garbage-collected; until
 * then no transaction on that connection commits, and once used it keeps other processes from committing too.
 */
export async function healBusyClient(client: Client, error: unknown): Promise<void> {
  if (client.protocol === "file" && !client.closed && isBusy(error)) await client.reconnect();
}

/** Repeats `work` while another process holds the lock; after `BUSY_LIMIT_MS` rejects with the last failure. */
export async function patiently<T>(
  client: Client,
  sleep: Clock["sleep"],
  work: () => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  let expired = false;
  void sleep(BUSY_LIMIT_MS, done.signal).then(() => {
    expired = true;
  });
  try {
    for (let pause = BUSY_PAUSE_MS; ; pause = Math.min(pause * 2, BUSY_PAUSE_MAX_MS)) {
      try {
        return await work();
      } catch (error) {
        await healBusyClient(client, error);
        if (!isBusy(error) || expired) throw error;
        await sleep(pause);
      }
    }
  } finally {
    done.abort();
  }
}

function isBusy(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  return code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED");
}
