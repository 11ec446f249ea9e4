/**
 * The way to a remote database over HTTP: one request per call, a limit on each, and the newest schema before the first
 * use. What is remembered between requests is a plain yes, never a promise or a connection.
 */
import { type Client, createClient } from "@libsql/client/http";
import {
  type Connections,
  clientPerCall,
  migratedFirst,
  sharedClient,
} from "../../src/storage/libsql/connections.ts";
import { migrate } from "../../src/storage/libsql/migrate.ts";
import { clock } from "./platform.ts";

/** How long one HTTP request to the database may take, ms; a little longer than the storage itself waits. */
const LIMIT_MS = 6_000;

export interface RemoteDatabase {
  url: string;
  authToken: string | undefined;
}

/** `perCall` where a client must not outlive the request that opened it (Workers). */
export function connectDatabase(
  { url, authToken }: RemoteDatabase,
  clients: "shared" | "perCall",
): Connections {
  const open = (): Client =>
    createClient({
      url,
      concurrency: 4,
      fetch: (request: Request) => fetch(request, { signal: AbortSignal.timeout(LIMIT_MS) }),
      ...(authToken === undefined ? {} : { authToken }),
    });
  const connections = clients === "shared" ? sharedClient(open()) : clientPerCall(open);
  return migratedFirst(connections, (client) => migrate(client, clock.sleep));
}
