/** Opens the database that an address names: a file, or a server over HTTP. */
import type { Client } from "@libsql/client";
// Not by the package's main entry: that loads a WebSocket client as well, which costs 40 ms of every start.
import { createClient } from "@libsql/client/sqlite3";
import { openRemote, type RemoteDatabase } from "../edge/database.ts";

/** How long a statement waits for another process's lock on a file, ms. */
const LOCK_MS = 5000;

/** The address begins with `file:`, `libsql:`, `https:` or `http:`. Throws in plain words where it is of another kind. */
export function openClient(database: RemoteDatabase): Client {
  const { url } = database;
  if (url.startsWith("file:")) return createClient({ url, timeout: LOCK_MS });
  if (!/^(libsql|https?):/.test(url)) {
    throw new Error("TURSO_DATABASE_URL must begin with libsql://, https:// or file:.");
  }
  return openRemote(database);
}
