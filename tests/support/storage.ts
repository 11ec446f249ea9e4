/** Storage by itself: a real libSQL file in a folder of its own, gone after the test, and rows to put into it. */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@libsql/client";
import { onTestFinished } from "vitest";
import { TEST_KEY } from "../../harness/secrets.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { migrate, useWriteAheadLog } from "../../src/storage/libsql/migrate.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import type { NewAccount, NewKey, Storage } from "../../src/storage/port.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { random, sleep } from "./config.ts";

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kleis-storage-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function clientOf(file: string): Client {
  return createClient({ url: `file:${file}`, timeout: 5000, concurrency: 4 });
}

export function openClient(file: string): Client {
  const client = clientOf(file);
  onTestFinished(() => client.close());
  return client;
}

export function openStorage(client: Client, key = TEST_KEY): Storage {
  return createLibsqlStorage({
    connections: sharedClient(client),
    sealer: createSealer([key], random),
    sleep,
  });
}

interface StorageFile {
  readonly storage: Storage;
  /** For a look under the port. */
  readonly client: Client;
  readonly file: string;
}

/** A migrated storage, gone after the test. */
export async function newStorage(): Promise<StorageFile> {
  return migrated(join(await newFolder(), "kleis.db"), openClient);
}

/** The same for a whole test file: gone when it is closed. */
export async function openSharedStorage(): Promise<StorageFile & { close(): void }> {
  const folder = await mkdtemp(join(tmpdir(), "kleis-storage-"));
  const opened = await migrated(join(folder, "kleis.db"), clientOf);
  return {
    ...opened,
    close() {
      opened.client.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function migrated(file: string, open: (file: string) => Client): Promise<StorageFile> {
  const client = open(file);
  await useWriteAheadLog(client, sleep);
  await migrate(client, sleep);
  return { storage: openStorage(client), client, file };
}

/** A migrated storage on a libSQL server that wants no token; its client is closed after the test. */
export async function newServerStorage(url: string): Promise<Storage> {
  const client = createClient({ url, concurrency: 4 });
  onTestFinished(() => client.close());
  await migrate(client, sleep);
  return openStorage(client);
}

export function newAccount(change: Partial<NewAccount> = {}): NewAccount {
  return {
    id: "a1",
    provider: "claude",
    kind: "oauth",
    externalId: "org-1",
    label: "Work",
    metadata: { plan: "max", nested: { list: [1, null, "ü"] } },
    expiresAt: 5_000,
    now: 1_000,
    accessToken: "access-planted",
    refreshToken: "refresh-planted",
    idToken: null,
    apiKey: null,
    ...change,
  };
}

export function newKey(change: Partial<NewKey> = {}): NewKey {
  const id = change.id ?? "k1";
  return {
    id,
    label: "Laptop",
    prefix: "kleis_abc",
    providers: null,
    models: null,
    accounts: null,
    failover: null,
    expiresAt: null,
    now: 1_000,
    hash: `hash-${id}`,
    key: `kleis_planted_${id}`,
    discoveryHash: `discovery-hash-${id}`,
    discoveryToken: `discovery_planted_${id}`,
    ...change,
  };
}
