/** What to do when another process holds the lock of a database file: heal the client, wait a bounded time, repeat. */
import { errorCodeOf } from "../../error-code.ts";
import type { Clock } from "../../runtime.ts";
import type { DatabaseClient } from "./connections.ts";

/** How long a start waits for other writers, ms. */
const START_LIMIT_MS = 15_000;
const BUSY_PAUSE_MS = 25;
const BUSY_PAUSE_MAX_MS = 400;

/**
 * Gives a file's client new connections when `error` says that the file was locked. The driver (libsql through
 * @libsql/client 0.18.0, seen 2026-11-22) keeps the refused statement in progress until it is garbage-collected; until
 * then no transaction on that connection commits, and once used it keeps other processes from committing too.
 */
async function healBusyClient(client: DatabaseClient, error: unknown): Promise<void> {
  if (client.protocol === "file" && !client.closed && isBusy(error)) await client.reconnect();
}

/**
 * Repeats `work` on a file while another process holds its lock. Rejects with the last failure once that has gone on for
 * `limitMs`. The pauses are `sleep`'s, so that no thread stands still for them.
 */
export async function retryWhileBusy<T>(
  client: DatabaseClient,
  sleep: Clock["sleep"],
  work: () => Promise<T>,
  limitMs = START_LIMIT_MS,
): Promise<T> {
  const done = new AbortController();
  let isTimed = false;
  let expired = false;
  try {
    for (let pause = BUSY_PAUSE_MS; ; pause = Math.min(pause * 2, BUSY_PAUSE_MAX_MS)) {
      try {
        return await work();
      } catch (error) {
        await healBusyClient(client, error);
        if (client.protocol !== "file" || !isBusy(error) || expired || limitMs === 0) throw error;
        if (!isTimed) {
          void sleep(limitMs, done.signal).then(() => {
            expired = true;
          });
        }
        isTimed = true;
        await sleep(pause);
      }
    }
  } finally {
    done.abort();
  }
}

function isBusy(error: unknown): boolean {
  const code = errorCodeOf(error) ?? "";
  return code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED");
}
