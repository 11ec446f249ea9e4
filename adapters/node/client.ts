/**
 * Opens the database that an address names, a file or a server over HTTP, for what may stop this thread: a start, or a
 * command line. A file that is served from is opened by file-database.ts.
 */
import type { Client } from "@libsql/client";
// Not by the package's main entry: that loads a WebSocket client as well, which costs 40 ms of every start.
import { createClient } from "@libsql/client/sqlite3";
import { openRemote, type RemoteDatabase } from "../edge/database.ts";
import { openDatabaseFetch } from "./outgoing.ts";
import type { ForwardProxies } from "./proxies.ts";

/** How long a statement waits for another process's lock on a file, ms. */
const LOCK_MS = 5000;

/** The address is one that `readAddress` lets pass; a server is reached through the proxies. */
export function openClient(database: RemoteDatabase, proxies: ForwardProxies): Client {
  const { url } = database;
  return url.startsWith("file:")
    ? createClient({ url, timeout: LOCK_MS, intMode: "bigint" })
    : openRemote(database, openDatabaseFetch(proxies));
}

/** The path that libSQL's driver opens for a `file:` address. */
export function filePath(url: string): string {
  const path = decodeURIComponent(url.replace(/^file:(\/\/[^/]*)?/, "").replace(/[?#].*$/, ""));
  // `file:///C:/…`
  return process.platform === "win32" ? path.replace(/^\/(?=[A-Za-z]:)/, "") : path;
}
