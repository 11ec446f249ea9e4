/**
 * Several processes of Kleis on one database, one after the other or at the same time: each starts with nothing
 * remembered, and every round trip that it makes to the database is recorded. The providers are the strict fakes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { onTestFinished } from "vitest";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { SAMPLE } from "../../harness/models-dev.ts";
import { ADMIN_TOKEN, TEST_KEY } from "../../harness/secrets.ts";
import type { Connections } from "../../src/storage/libsql/connections.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { migrate, useWriteAheadLog } from "../../src/storage/libsql/migrate.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { type Fakes, startFakes } from "../fakes/index.ts";
import { OPERATIONS, type OperationName } from "../http/own-error.ts";
import { importsOf } from "../support/accounts.ts";
import { random, sleep } from "../support/config.ts";
import { type CountedClient, countedClient } from "../support/counted-client.ts";
import { HandClock } from "../support/hand-clock.ts";
import { type Kleis, startKleis } from "../support/kleis.ts";
import { successOf } from "../support/requests.ts";

export interface Process extends Kleis {
  readonly fakes: Fakes;
  post(operation: OperationName, key: string, model?: string): Promise<Response>;
  /** The JSON of a request to the admin API that must succeed. */
  own<Body>(method: string, path: string, body?: object): Promise<Body>;
}

export type CountedProcess = Process & Pick<CountedClient, "trips"> & { readonly counted: CountedClient };

export interface Processes {
  readonly file: string;
  readonly fakes: Fakes;
  /** How often the registry of models was asked for. */
  readonly registryAsked: () => number;
  /** Starts a process whose round trips are counted from its first request on. */
  process(env?: Record<string, string>): Promise<CountedProcess>;
}

export interface ProcessesOptions {
  /** What the registry of models holds. */
  registry?: string | Uint8Array;
  /** Takes what is to be done at the end; the end of the test, unless told otherwise. */
  atEnd?: (work: () => unknown) => unknown;
}

/** A new database in a file. */
export async function openProcesses(options: ProcessesOptions = {}): Promise<Processes> {
  const { registry: body = SAMPLE, atEnd = onTestFinished } = options;
  const folder = mkdtempSync(join(tmpdir(), "kleis-processes-"));
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
    async process(env) {
      const counted = countedClient(open());
      const connections = sharedClient(counted.client);
      const running = await startProcess(fakes, connections, { MODELS_DEV_URL: registry.url, ...env });
      return Object.assign(running, { counted, trips: counted.trips });
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

/** One process over connections to a database. */
export async function startProcess(fakes: Fakes, connections: Connections, env = {}): Promise<Process> {
  const kleis = await startKleis({
    env: { ...fakes.env, ...env },
    storage: createLibsqlStorage({ connections, sealer: createSealer([TEST_KEY], random), sleep }),
    clock: new HandClock(Date.now()),
    network: nodeFetch,
    more: { sharesPromises: false },
  });
  return Object.assign(kleis, {
    fakes,
    post(operation: OperationName, key: string, model?: string) {
      const { path, body } = OPERATIONS[operation];
      return kleis.send("POST", path, key, model === undefined ? body : { ...body, model });
    },
    own: async <Body>(method: string, path: string, body?: object) =>
      successOf<Body>(await kleis.send(method, `/admin${path}`, ADMIN_TOKEN, body)),
  });
}

export interface Issued {
  readonly id: string;
  readonly key: string;
}

export function issue({ own }: Process, limits: object = {}): Promise<Issued> {
  return own("POST", "/keys", limits);
}

/** One sign-in of each provider, a model of the operator's, and every list of models stored; the accounts' ids. */
export async function settle(process: Process): Promise<Record<"claude" | "codex" | "copilot", string>> {
  const { own, fakes } = process;
  const connect = async (body: object) => {
    const { accounts } = await own<{ accounts: { id: string }[] }>("POST", "/accounts/import", body);
    return accounts[0]?.id ?? "";
  };
  const { claude, codex, copilot } = importsOf(fakes);
  const ids = {
    claude: await connect(claude),
    codex: await connect(codex),
    copilot: await connect(copilot),
  };
  await own("PUT", "/models", { models: [{ id: "swift", provider: "copilot", model: "gpt-5-mini" }] });
  await process.settled();
  return ids;
}
