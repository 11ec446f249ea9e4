/** Opens the database that an address names: a file, or a server over HTTP. */
// Not by the package's main entry: that loads a WebSocket client as well, which costs 40 ms of every start.
import { type Client, createClient as onHttp } from "@libsql/client/http";
import { createClient as onFile } from "@libsql/client/sqlite3";

export interface DatabaseAddress {
  /** `file:`, `libsql:`, `https:` or `http:`. */
  readonly url: string;
  readonly authToken?: string | undefined;
}

/** How long a statement waits for another process's lock on a file, ms. */
const LOCK_MS = 5000;

/** Requests at once to a server. */
const CONCURRENCY = 4;

/** Throws in plain words where the address is of another kind. */
export function openClient({ url, authToken }: DatabaseAddress): Client {
  if (url.startsWith("file:")) return onFile({ url, timeout: LOCK_MS });
  if (!/^(libsql|https?):/.test(url)) {
    throw new Error("TURSO_DATABASE_URL must begin with libsql://, https:// or file:.");
  }
  return onHttp({ url, concurrency: CONCURRENCY, ...(authToken ? { authToken } : {}) });
}
