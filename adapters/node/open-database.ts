/** Opens the database, brings its schema up to date and checks the encryption key, before the first request. */
import { chmodSync, closeSync, openSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Client } from "@libsql/client";
import type { DatabaseClient } from "../../src/storage/libsql/connections.ts";
import { attempt } from "../../src/storage/libsql/failure.ts";
import { checkKeyRing } from "../../src/storage/libsql/key-check.ts";
import { migrate, READ_NEWEST, useWriteAheadLog } from "../../src/storage/libsql/migrate.ts";
import type { Sealer } from "../../src/storage/seal.ts";
import type { RemoteDatabase } from "../edge/database.ts";
import { clock } from "../edge/platform.ts";
import { filePath, openClient } from "./client.ts";
import { openFileDatabase } from "./file-database.ts";
import type { ForwardProxies } from "./proxies.ts";
import { ensureFolder, inFolder } from "./secrets.ts";
import { databaseFile } from "./settings.ts";

export interface OpenedDatabase {
  readonly client: DatabaseClient;
  close(): void | Promise<void>;
}

/** The database that TURSO_DATABASE_URL names, brought up and checked. */
export async function openNamed(
  database: RemoteDatabase,
  sealer: Sealer,
  proxies: ForwardProxies,
): Promise<OpenedDatabase> {
  const { url } = database;
  if (!url.startsWith("file:")) {
    const client = openClient(database, proxies);
    await bringUp(client, sealer);
    return { client, close: () => client.close() };
  }
  // Its thread starts meanwhile; this one may block on the file as long as no request is served.
  const file = openFileDatabase(url, filePath(url));
  try {
    const client = openClient(database, proxies);
    await bringUp(client, sealer).finally(() => client.close());
    await attempt("open the database file", () => file.client.execute(READ_NEWEST));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function bringUp(client: Client, sealer: Sealer): Promise<void> {
  await useWriteAheadLog(client, clock.sleep);
  await migrate(client, clock.sleep);
  await checkKeyRing(client, clock, sealer);
}

/** The data folder's own file, for its owner alone. */
export async function openFile(
  folder: string,
  sealer: Sealer,
  proxies: ForwardProxies,
): Promise<OpenedDatabase> {
  const file = databaseFile(folder);
  inFolder(folder, () => {
    ensureFolder(folder);
    // So that it is its owner's from the first moment; what SQLite puts beside it gets its mode.
    closeSync(openSync(file, "a", 0o600));
  });
  const opened = await openNamed({ url: pathToFileURL(file).href, authToken: undefined }, sealer, proxies);
  for (const suffix of ["", "-wal", "-shm"]) chmodQuietly(file + suffix);
  return opened;
}

function chmodQuietly(path: string): void {
  try {
    chmodSync(path, 0o600);
  } catch {
    // The write-ahead files come and go.
  }
}
