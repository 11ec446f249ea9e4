/** The Node door: environment, data folder, database, background work, listening. Nothing of Kleis's own rules is here. */
import { setMaxListeners } from "node:events";
import { chmodSync, closeSync, existsSync, openSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { serve } from "@hono/node-server";
import type { Client } from "@libsql/client";
import { createApp } from "../../src/app.ts";
import { isLoopback } from "../../src/config.ts";
import type { Runtime } from "../../src/runtime.ts";
import { type DatabaseClient, sharedClient } from "../../src/storage/libsql/connections.ts";
import { attempt } from "../../src/storage/libsql/failure.ts";
import { checkKeyRing } from "../../src/storage/libsql/key-check.ts";
import { migrate, READ_NEWEST, useWriteAheadLog } from "../../src/storage/libsql/migrate.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import { createSealer, type Sealer } from "../../src/storage/seal.ts";
import { plainVariables, type Variables } from "../../src/variables.ts";
import type { RemoteDatabase } from "../edge/database.ts";
import { clock, random } from "../edge/platform.ts";
import { createCallbackPorts } from "./callback.ts";
import { filePath, openClient } from "./client.ts";
import { openFileDatabase } from "./file-database.ts";
import { holdsData, nearbyData } from "./find-data.ts";
import { listenError } from "./listen-error.ts";
import { createLogger } from "./logger.ts";
import { openFetch } from "./outgoing.ts";
import { createPeerReader } from "./peer.ts";
import type { ForwardProxies } from "./proxies.ts";
import { readPublicFiles } from "./public-files.ts";
import {
  ensureFolder,
  ensureSecrets,
  inFolder,
  isOpenToOthers,
  newSecrets,
  readSecrets,
  type Secrets,
} from "./secrets.ts";
import {
  letGoWhenStalled,
  limitConnections,
  type Outgoing,
  SERVER_OPTIONS,
  whenTooSlow,
} from "./server-limits.ts";
import { databaseFile, readFolder, readSettings, type Settings } from "./settings.ts";
import { unpackZstd } from "./zstd.ts";

export interface RunningServer {
  /** `http://host:port`, as it listens. */
  url: string;
  /** The admin token, when this start made it; else null. */
  newAdminToken: string | null;
  /** What the owner should know of this start, one sentence or two each. */
  warnings: readonly string[];
  /** Stops listening, lets running requests end for a moment, writes what is in memory, closes the database. */
  close(): Promise<void>;
}

/** How long running requests have at shutdown until their connections are cut, ms. */
const SHUTDOWN_MS = 5_000;

/** How long before that those that still run are told so, ms. */
const FAREWELL_MS = 1_000;

/** How often connections that fell idle meanwhile are closed at shutdown, ms. */
const SWEEP_MS = 100;

/** How long work behind them may take, ms: a refresh that was sent ends within 60 s, and losing it loses the sign-in. */
const BACKGROUND_MS = 65_000;

/** The longest that `close` takes, ms, beside a few moments of the database; what stops Kleis should wait for it. */
export const SHUTDOWN_LIMIT_MS = SHUTDOWN_MS + BACKGROUND_MS;

/** Starts Kleis. Throws an error in plain words when something that the operator can mend is wrong. */
export async function start(environment: Record<string, string | undefined>): Promise<RunningServer> {
  const variables = plainVariables(environment);
  const folder = folderOf(variables);
  const isNew = !holdsData(folder);
  const keepsSecrets = !(variables.ADMIN_TOKEN && variables.ENCRYPTION_KEY);
  // Judged before anything is made: the admin token is shown by the start that makes it, which must not fail.
  settingsOf(variables, keepsSecrets ? inFolder(folder, () => readSecrets(folder) ?? newSecrets()) : null);
  const own = keepsSecrets ? inFolder(folder, () => ensureSecrets(folder)) : null;
  const { config, host, port, database, proxies, forwardProxies } = settingsOf(variables, own);
  const hostname = host.includes(":") ? `[${host}]` : host;
  const warnings = [
    ...(own !== null || database === null ? warnOfFolder(folder) : []),
    ...(database === null ? warnOfEmptiness(folder, isNew, environment.KLEIS_DATA_DIR) : []),
    ...(database === null && variables.TURSO_AUTH_TOKEN
      ? [
          "TURSO_AUTH_TOKEN is set and TURSO_DATABASE_URL is not: the database is the file in the data folder.",
        ]
      : []),
  ];

  const sealer = createSealer(config.ENCRYPTION_KEY, random);
  const opened = await (database === null
    ? openFile(folder, sealer, forwardProxies)
    : openNamed(database, sealer, forwardProxies));
  const background = new Set<Promise<unknown>>();
  const shutdown = new AbortController();
  // One for every request that runs.
  setMaxListeners(0, shutdown.signal);
  const callbacks = createCallbackPorts();
  /** What each request is answered on. */
  const answers = new WeakMap<Request, Outgoing>();
  const runtime: Runtime = {
    config,
    storage: createLibsqlStorage({
      connections: sharedClient(opened.client),
      sealer,
      sleep: clock.sleep,
    }),
    fetch: openFetch(forwardProxies),
    clock,
    random,
    waitUntil(work) {
      const settled = work.catch(() => {}).finally(() => background.delete(settled));
      background.add(settled);
    },
    logger: createLogger(config.LOG_LEVEL),
    zstd: unpackZstd,
    sharesPromises: true,
    // A body that fails is printed, stack and all, by what serves here.
    abortConnection: (request) => answers.get(request)?.destroy(),
    shutdown: shutdown.signal,
    hosts: [hostname],
    // On another address than loopback the owner's browser is elsewhere.
    ...(isLoopback(hostname) ? { listenForCallback: callbacks.listen } : {}),
  };
  for (const warning of warnings) runtime.logger.warn("start_warning", { reason: warning });
  const app = createApp(runtime);
  let isClosing = false;
  const files = readPublicFiles();
  const readPeer = createPeerReader(proxies);

  const server = await new Promise<ReturnType<typeof serve>>((listening, failed) => {
    const made = serve(
      {
        fetch: (request, env) => {
          answers.set(request, env.outgoing);
          letGoWhenStalled(env.outgoing, config.KLEIS_CLIENT_STALL_MS);
          if (isClosing && "shouldKeepAlive" in env.outgoing) env.outgoing.shouldKeepAlive = false;
          const answer = files(request) ?? app.fetch(request, readPeer(env));
          const late = whenTooSlow(env.incoming);
          return late === null ? answer : Promise.race([answer, late]);
        },
        hostname: host,
        port,
        serverOptions: SERVER_OPTIONS,
      },
      () => listening(made),
    );
    made.on("error", (error: NodeJS.ErrnoException) => failed(listenError(error, host, port)));
  });
  if ("closeIdleConnections" in server) limitConnections(server, runtime.logger);
  const { port: bound } = server.address() as AddressInfo;

  return {
    url: `http://${hostname}:${bound}`,
    newAdminToken: own?.created && !variables.ADMIN_TOKEN ? own.ADMIN_TOKEN : null,
    warnings,
    async close() {
      isClosing = true;
      callbacks.close();
      const closed = new Promise<void>((done) => server.close(() => done()));
      // What clients keep open after their last answer is not waited for.
      const sweep = setInterval(() => {
        if ("closeIdleConnections" in server) server.closeIdleConnections();
      }, SWEEP_MS);
      await Promise.race([closed, clock.sleep(SHUTDOWN_MS - FAREWELL_MS)]);
      shutdown.abort();
      await Promise.race([closed, clock.sleep(FAREWELL_MS)]);
      clearInterval(sweep);
      if ("closeAllConnections" in server) server.closeAllConnections();
      try {
        await app.flush();
      } finally {
        await allDone(background, BACKGROUND_MS);
        await opened.close();
      }
    },
  };
}

/** Until nothing is left, or for `ms`. Work may begin further work: tokens whose first write failed are still written. */
async function allDone(background: ReadonlySet<Promise<unknown>>, ms: number): Promise<void> {
  const timer = new AbortController();
  const limit = clock.sleep(ms, timer.signal).then(() => timer.abort());
  while (background.size > 0 && !timer.signal.aborted) await Promise.race([Promise.all(background), limit]);
  timer.abort();
}

function settingsOf(variables: Variables, own: Omit<Secrets, "created"> | null): Settings {
  const result = readSettings(variables, own);
  if (result.ok) return result.settings;
  throw cannotStart(result.problems);
}

function folderOf(variables: Variables): string {
  const result = readFolder(variables);
  if (result.ok) return result.folder;
  throw cannotStart([result.problem]);
}

function cannotStart(problems: readonly string[]): Error {
  return new Error(
    `Kleis cannot start with these settings:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
  );
}

function warnOfFolder(folder: string): string[] {
  if (!existsSync(folder) || !isOpenToOthers(folder)) return [];
  return [
    `others may look into the data folder: chmod 700 ${folder} (the files that Kleis keeps there are for its own user alone)`,
  ];
}

/** `isNew`: whether the folder held nothing before this start. */
function warnOfEmptiness(folder: string, isNew: boolean, given: string | undefined): string[] {
  if (existsSync(databaseFile(folder))) return [];
  if (!isNew) {
    return [
      `${folder} holds secrets but no database: a new, empty one is made. Is it the folder that you meant?`,
    ];
  }
  return nearbyData(folder, given).map(
    (other) =>
      `${folder} is new and empty, and there is a Kleis in ${JSON.stringify(other)}. If you mean that one: stop this one, then set KLEIS_DATA_DIR to it, or rename it.`,
  );
}

interface OpenedDatabase {
  readonly client: DatabaseClient;
  close(): void | Promise<void>;
}

/** The database that TURSO_DATABASE_URL names, brought up and checked. */
async function openNamed(
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
async function openFile(folder: string, sealer: Sealer, proxies: ForwardProxies): Promise<OpenedDatabase> {
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
