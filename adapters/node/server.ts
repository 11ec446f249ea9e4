/** The Node door: environment, data folder, database, background work, listening. Nothing of Kleis's own rules is here. */
import { chmodSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { serve } from "@hono/node-server";
import type { Client } from "@libsql/client";
import { createApp } from "../../src/app.ts";
import { type Config, isLoopback, readConfig } from "../../src/config.ts";
import type { Runtime } from "../../src/runtime.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { checkKeyRing } from "../../src/storage/libsql/key-check.ts";
import { migrate, useWriteAheadLog } from "../../src/storage/libsql/migrate.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { clock, random } from "../edge/platform.ts";
import { createCallbackPorts } from "./callback.ts";
import { openClient } from "./client.ts";
import { nodeFetch } from "./fetch.ts";
import { createLogger } from "./logger.ts";
import { peerOf } from "./peer.ts";
import { readPublicFiles } from "./public-files.ts";
import { ensureFolder, ensureSecrets } from "./secrets.ts";
import { unpackZstd } from "./zstd.ts";

export interface RunningServer {
  /** `http://host:port`, as it listens. */
  url: string;
  /** The admin token, when this start made it; else null. */
  newAdminToken: string | null;
  /** Stops listening, lets running requests end for a moment, writes what is in memory, closes the database. */
  close(): Promise<void>;
}

/** Request line and headers together, bytes; more is answered with 431. */
const MAX_HEADER_BYTES = 32 * 1024;

/** How long running requests may take to end at shutdown, ms. */
const SHUTDOWN_MS = 5_000;

/** How often connections that fell idle meanwhile are closed at shutdown, ms. */
const SWEEP_MS = 100;

/** How long work behind them may take, ms: a refresh that was sent ends within 30 s, and losing it loses the sign-in. */
const BACKGROUND_MS = 35_000;

/** Starts Kleis. Throws an error in plain words when something that the operator can mend is wrong. */
export async function start(environment: Record<string, string | undefined>): Promise<RunningServer> {
  const folder = resolve(environment.KLEIS_DATA_DIR || ".kleis");
  const own = environment.ADMIN_TOKEN && environment.ENCRYPTION_KEY ? null : ensureSecrets(folder);
  if (!environment.TURSO_DATABASE_URL) ensureFolder(folder);
  const config = configOf({
    ...environment,
    ADMIN_TOKEN: environment.ADMIN_TOKEN || own?.ADMIN_TOKEN,
    ENCRYPTION_KEY: environment.ENCRYPTION_KEY || own?.ENCRYPTION_KEY,
  });
  const host = environment.HOST || "127.0.0.1";
  const hostname = host.includes(":") ? `[${host}]` : host;
  const port = portOf(environment.PORT);

  const client = await openDatabase(environment, folder);
  const sealer = createSealer(config.ENCRYPTION_KEY, random);
  try {
    await checkKeyRing(client, clock, sealer);
  } catch (error) {
    client.close();
    throw error;
  }
  const background = new Set<Promise<unknown>>();
  const callbacks = createCallbackPorts();
  const runtime: Runtime = {
    config,
    storage: createLibsqlStorage({
      connections: sharedClient(client),
      sealer,
      sleep: clock.sleep,
    }),
    fetch: nodeFetch,
    clock,
    random,
    waitUntil(work) {
      const settled = work.catch(() => {}).finally(() => background.delete(settled));
      background.add(settled);
    },
    logger: createLogger(config.LOG_LEVEL),
    zstd: unpackZstd,
    sharesPromises: true,
    // On another address than loopback the owner's browser is elsewhere.
    ...(isLoopback(hostname) ? { hosts: [hostname], listenForCallback: callbacks.listen } : {}),
  };
  const app = createApp(runtime);
  const files = readPublicFiles();

  const server = await new Promise<ReturnType<typeof serve>>((listening, failed) => {
    const made = serve(
      {
        fetch: (request, env) => files(request) ?? app.fetch(request, peerOf(env)),
        hostname: host,
        port,
        serverOptions: { maxHeaderSize: MAX_HEADER_BYTES },
      },
      () => listening(made),
    );
    made.on("error", (error: NodeJS.ErrnoException) => {
      failed(
        error.code === "EADDRINUSE" ? new Error(`Port ${port} is taken. Set PORT to another one.`) : error,
      );
    });
  });
  const { port: bound } = server.address() as AddressInfo;

  return {
    url: `http://${hostname}:${bound}`,
    newAdminToken: own?.created && !environment.ADMIN_TOKEN ? own.ADMIN_TOKEN : null,
    async close() {
      callbacks.close();
      const closed = new Promise<void>((done) => server.close(() => done()));
      // What clients keep open after their last answer is not waited for.
      const sweep = setInterval(() => {
        if ("closeIdleConnections" in server) server.closeIdleConnections();
      }, SWEEP_MS);
      await Promise.race([closed, clock.sleep(SHUTDOWN_MS)]);
      clearInterval(sweep);
      if ("closeAllConnections" in server) server.closeAllConnections();
      await app.flush();
      await Promise.race([Promise.all(background), clock.sleep(BACKGROUND_MS)]);
      client.close();
    },
  };
}

function configOf(environment: Record<string, string | undefined>): Config {
  const result = readConfig(environment);
  if (result.ok) return result.config;
  throw new Error(
    `Kleis can not start with these settings:\n${result.problems.map((problem) => `  - ${problem}`).join("\n")}`,
  );
}

function portOf(value: string | undefined): number {
  const port = Number(value || "4747");
  if (Number.isInteger(port) && port >= 0 && port < 65536) return port;
  throw new Error("PORT must be a number from 0 to 65535.");
}

/** The embedded file, or the server that TURSO_DATABASE_URL names; migrated before it is used. */
async function openDatabase(
  environment: Record<string, string | undefined>,
  folder: string,
): Promise<Client> {
  const url = environment.TURSO_DATABASE_URL || pathToFileURL(join(folder, "kleis.db")).href;
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol === "http:" && !isLoopback(parsed.hostname)) {
    throw new Error("TURSO_DATABASE_URL may be http:// only on this machine. Use libsql:// or https://.");
  }
  const client = openClient({ url, authToken: environment.TURSO_AUTH_TOKEN || undefined });
  const isFile = url.startsWith("file:");
  await useWriteAheadLog(client, clock.sleep);
  await migrate(client, clock.sleep);
  if (isFile && !environment.TURSO_DATABASE_URL) {
    for (const suffix of ["", "-wal", "-shm"]) chmodQuietly(join(folder, `kleis.db${suffix}`));
  }
  return client;
}

function chmodQuietly(path: string): void {
  try {
    chmodSync(path, 0o600);
  } catch {
    // The write-ahead files come and go.
  }
}
