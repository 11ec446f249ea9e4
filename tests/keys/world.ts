/** A small world for tests: the real store in a file, a clock that stands still, and a store that can be made to fail. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { onTestFinished } from "vitest";
import { readConfig } from "../../src/environment.ts";
import type { Fetch, LogFields, Runtime } from "../../src/runtime.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { migrate } from "../../src/storage/libsql/migrate.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import { type Storage, StorageError } from "../../src/storage/port.ts";
import { createSealer } from "../../src/storage/seal.ts";

export const ADMIN_TOKEN = "tH3-0wner_Of.this/place+knows";

export interface World {
  runtime: Runtime;
  /** The store as it is, past the counter and the switch. */
  storage: Storage;
  clock: { ms: number };
  /** The calls that reached the store, for example `keys.findByHash`. */
  calls: string[];
  /** While true every call fails as an unreachable database does. */
  down: boolean;
  /** Who answers what goes upstream; nobody unless a test says so. */
  upstream: Fetch;
  /** Settles when everything handed to `waitUntil` has. */
  settled(): Promise<void>;
  logged: { event: string; fields: LogFields | undefined }[];
}

export async function createWorld(options: { encryptionKey?: string } = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "kleis-test-"));
  const client = createClient({ url: `file:${join(folder, "kleis.db")}` });
  onTestFinished(() => {
    client.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await migrate(client, sleep);

  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const encryptionKey = options.encryptionKey ?? Buffer.from(random(32)).toString("base64");
  const config = readConfig({ ADMIN_TOKEN, ENCRYPTION_KEY: encryptionKey });
  if (!config.ok) throw new Error(config.problems.join("; "));

  const storage = createLibsqlStorage({
    connections: sharedClient(client),
    sealer: createSealer(config.config.ENCRYPTION_KEY, random),
    sleep,
  });
  const background: Promise<unknown>[] = [];
  const log = (event: string, fields?: LogFields) => void world.logged.push({ event, fields });
  const world: World = {
    storage,
    clock: { ms: 1_790_000_000_000 },
    calls: [],
    down: false,
    upstream: () => Promise.reject(new Error("no test here goes upstream")),
    logged: [],
    settled: async () => void (await Promise.all(background)),
    runtime: {
      config: config.config,
      storage: {
        ...storage,
        accounts: watched("accounts", storage.accounts),
        refreshes: watched("refreshes", storage.refreshes),
        keys: watched("keys", storage.keys),
      },
      fetch: (url, init) => world.upstream(url, init),
      clock: { now: () => world.clock.ms, sleep },
      random,
      waitUntil: (work) => void background.push(work),
      logger: { debug: log, info: log, warn: log, error: log },
    },
  };

  /** The store, counted and breakable. */
  function watched<Store extends object>(name: string, store: Store): Store {
    return new Proxy(store, {
      get(target, member, receiver) {
        const method: unknown = Reflect.get(target, member, receiver);
        if (typeof method !== "function") return method;
        return async (...args: unknown[]) => {
          world.calls.push(`${name}.${String(member)}`);
          if (world.down) throw new StorageError("the database cannot be reached");
          return await Reflect.apply(method, target, args);
        };
      },
    });
  }

  return world;
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
