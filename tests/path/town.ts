/**
 * Several processes of Kleis on one database, one after the other or side by side: each is the whole app with a cold
 * memory of its own, and every round trip that it makes to the database is seen. The providers are the strict fakes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { onTestFinished } from "vitest";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { SAMPLE } from "../../harness/models-dev.ts";
import { TEST_KEY } from "../../harness/secrets.ts";
import { type App, createApp } from "../../src/app.ts";
import { readConfig } from "../../src/environment.ts";
import type { Runtime } from "../../src/runtime.ts";
import type { Connections } from "../../src/storage/libsql/connections.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { migrate, useWriteAheadLog } from "../../src/storage/libsql/migrate.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import type { Storage } from "../../src/storage/port.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { type Fakes, startFakes } from "../fakes/index.ts";
import { OPERATIONS, type OperationName } from "../http/own-error.ts";
import { random, sleep } from "../support/config.ts";
import { type CountedClient, countedClient } from "../support/counted-client.ts";

export const ADMIN_TOKEN = "round-trips-6e1d07c93ab842f5";

export interface Process {
  readonly app: App;
  readonly runtime: Runtime;
  readonly storage: Storage;
  readonly fakes: Fakes;
  /** Moves its clock on, which stands still otherwise: what is fresh is no matter of how fast a machine is. */
  pass(ms: number): void;
  post(operation: OperationName, key: string, model?: string): Promise<Response>;
  /** Asks the admin API; throws when it refuses. */
  admin<Answer>(method: string, path: string, body?: object): Promise<Answer>;
  /** Settles when everything that was begun behind requests has ended. */
  settled(): Promise<void>;
}

export type CountedProcess = Process & Pick<CountedClient, "trips"> & { readonly counted: CountedClient };

export interface Town {
  readonly file: string;
  readonly fakes: Fakes;
  /** How often the registry of models was asked for. */
  readonly registryAsked: () => number;
  /** Starts a process whose round trips are counted from its first request on. */
  process(env?: Record<string, string>): CountedProcess;
}

export interface TownOptions {
  /** What the registry of models holds. */
  registry?: string | Uint8Array;
  /** Takes what is to be done at the end; the end of the test, unless told otherwise. */
  atEnd?: (work: () => unknown) => unknown;
}

/** A new database in a file. */
export async function foundTown(options: TownOptions = {}): Promise<Town> {
  const { registry: body = SAMPLE, atEnd = onTestFinished } = options;
  const folder = mkdtempSync(join(tmpdir(), "kleis-town-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "kleis.db");
  const fakes = await startFakes();
  atEnd(() => fakes.close());
  const registry = await startRegistry(body);
  atEnd(registry.close);
  const open = () => {
    const client = createClient({ url: `file:${file}`, timeout: 5000, concurrency: 4 });
    atEnd(() => client.close());
    return client;
  };
  const first = open();
  await useWriteAheadLog(first, sleep);
  await migrate(first, sleep);
  return {
    file,
    fakes,
    registryAsked: () => registry.asked,
    process(env) {
      const counted = countedClient(open());
      const connections = sharedClient(counted.client);
      const running = startProcess(fakes, connections, { MODELS_DEV_URL: registry.url, ...env });
      return { ...running, counted, trips: counted.trips };
    },
  };
}

/** models.dev, with what is genuine of it. */
async function startRegistry(body: string | Uint8Array) {
  const server = createServer((_request, response) => {
    registry.asked++;
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const registry = {
    url: `http://127.0.0.1:${port}/api.json`,
    asked: 0,
    close: () => void server.close(),
  };
  return registry;
}

/** One process over whatever leads to a database. */
export function startProcess(fakes: Fakes, connections: Connections, env = {}): Process {
  const config = readConfig({ ADMIN_TOKEN, ENCRYPTION_KEY: TEST_KEY, ...fakes.env, ...env });
  if (!config.ok) throw new Error(config.problems.join("; "));
  const storage = createLibsqlStorage({ connections, sealer: createSealer([TEST_KEY], random), sleep });
  const background = new Set<Promise<unknown>>();
  const silent = () => {};
  let now = Date.now();
  const runtime: Runtime = {
    config: config.config,
    storage,
    fetch: nodeFetch,
    clock: { now: () => now, sleep },
    random,
    waitUntil(work) {
      const settled = work.catch(silent).finally(() => background.delete(settled));
      background.add(settled);
    },
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  };
  const app = createApp(runtime);
  const send = async (method: string, path: string, secret: string, body?: object) =>
    app.fetch(
      new Request(`https://kleis.example${path}`, {
        method,
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  return {
    app,
    runtime,
    storage,
    fakes,
    pass(ms) {
      now += ms;
    },
    post(operation, key, model) {
      const { path, body } = OPERATIONS[operation];
      return send("POST", path, key, model === undefined ? body : { ...body, model });
    },
    async admin<Answer>(method: string, path: string, body?: object) {
      const response = await send(method, `/admin${path}`, ADMIN_TOKEN, body);
      const answer = (await response.json()) as Answer;
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
      return answer;
    },
    async settled() {
      while (background.size > 0) await Promise.all(background);
    },
  };
}

export interface Issued {
  readonly id: string;
  readonly key: string;
}

export function issue({ admin }: Process, limits: object = {}): Promise<Issued> {
  return admin("POST", "/keys", limits);
}

/** One sign-in of each provider and an API key, and every list that Kleis keeps of models, stored; the accounts' ids. */
export async function settle(process: Process): Promise<Record<"claude" | "codex" | "copilot", string>> {
  const { admin, fakes } = process;
  const connect = async (body: object) => {
    const { accounts } = await admin<{ accounts: { id: string }[] }>("POST", "/accounts/import", body);
    return accounts[0]?.id ?? "";
  };
  const claude = fakes.claude.issueTokens();
  const codex = fakes.codex.issueTokens();
  const oauth = (tokens: { accessToken: string; refreshToken: string; expiresAt: number }) => ({
    kind: "oauth",
    access_token: tokens.accessToken,
    refresh_token: tokens.refreshToken,
    expires_at: tokens.expiresAt,
  });
  const ids = {
    claude: await connect({ provider: "claude", ...oauth(claude) }),
    codex: await connect({ provider: "codex", ...oauth(codex), account_id: codex.accountId }),
    copilot: await connect({
      provider: "copilot",
      kind: "oauth",
      access_token: fakes.copilot.issueTokens().accessToken,
    }),
  };
  await admin("PUT", "/models", { models: [{ id: "swift", provider: "copilot", model: "gpt-5-mini" }] });
  await process.settled();
  return ids;
}
