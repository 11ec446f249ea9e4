/**
 * The way to a remote database over HTTP: one request per call, a limit on each, and before the first use the newest
 * schema and the check of the encryption key. What is remembered between requests is a plain yes, never a promise or a
 * connection.
 */
import { type Client, createClient } from "@libsql/client/http";
import {
  type Connections,
  clientPerCall,
  migratedFirst,
  sharedClient,
} from "../../src/storage/libsql/connections.ts";
import { checkKeyRing } from "../../src/storage/libsql/key-check.ts";
import { migrate } from "../../src/storage/libsql/migrate.ts";
import { isReady } from "../../src/storage/libsql/ready.ts";
import type { Sealer } from "../../src/storage/seal.ts";
import { clock } from "./platform.ts";

/** How long one HTTP request to the database may take, ms; a little longer than the storage itself waits. */
const LIMIT_MS = 6_000;

export interface RemoteDatabase {
  url: string;
  authToken: string | undefined;
}

/** Sends a request, with nothing added. */
export type SendRequest = (request: Request, signal: AbortSignal) => Promise<Response>;

/** A client for a server; each of its requests has the limit. */
export function openRemote(
  { url, authToken }: RemoteDatabase,
  send: SendRequest = (request, signal) => fetch(request, { signal }),
): Client {
  return createClient({
    url,
    concurrency: 4,
    // So that one value beyond what a number holds spoils its own row only.
    intMode: "bigint",
    fetch: (request: Request) => send(request, AbortSignal.timeout(LIMIT_MS)),
    ...(authToken === undefined ? {} : { authToken }),
  });
}

/** `perCall` where a client must not outlive the request that opened it (Workers). */
export function connectDatabase(
  database: RemoteDatabase,
  clients: "shared" | "perCall",
  sealer: Sealer,
): Connections {
  const open = () => openRemote(database);
  const connections = clients === "shared" ? sharedClient(open()) : clientPerCall(open);
  return migratedFirst(connections, async (client) => {
    if (await isReady(client, clock.sleep, sealer)) return;
    await migrate(client, clock.sleep);
    await checkKeyRing(client, clock, sealer);
  });
}
