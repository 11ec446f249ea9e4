/** Opens the database that an address names: a file, or a server over HTTP. */
import type { Client } from "@libsql/client";
// Not by the package's main entry: that loads a WebSocket client as well, which costs 40 ms of every start.
import { createClient } from "@libsql/client/sqlite3";
import { openRemote, type RemoteDatabase } from "../edge/database.ts";

/** How long a statement waits for another process's lock on a file, ms. */
const LOCK_MS = 5000;

/** The address is one that `readAddress` lets pass. */
export function openClient(database: RemoteDatabase): Client {
  const { url } = database;
  return url.startsWith("file:") ? createClient({ url, timeout: LOCK_MS }) : openRemote(database);
}
