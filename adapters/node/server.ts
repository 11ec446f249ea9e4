/** Starts Kleis on Node: environment, data folder, database, background work, listening. Kleis's own rules are in `src`. */
import { setMaxListeners } from "node:events";
import { createApp } from "../../src/app.ts";
import { isLoopback } from "../../src/config.ts";
import type { Runtime } from "../../src/runtime.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { clock, random } from "../edge/platform.ts";
import { Background } from "./background.ts";
import { createCallbackPorts } from "./callback.ts";
import { listen, SHUTDOWN_MS } from "./listener.ts";
import { createLogger } from "./logger.ts";
import { openFile, openNamed } from "./open-database.ts";
import { openFetch } from "./outgoing.ts";
import { createPeerReader } from "./peer.ts";
import { prepare } from "./prepare.ts";
import type { Outgoing } from "./server-limits.ts";
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

/** How long work after responses may take, ms: a refresh that was sent ends within 60 s, and losing it loses the sign-in. */
const BACKGROUND_MS = 65_000;

/** The longest that `close` takes, ms, beside a few moments of the database; what stops Kleis should wait for it. */
export const SHUTDOWN_LIMIT_MS = SHUTDOWN_MS + BACKGROUND_MS;

/** Throws an error in plain words when something that the operator can correct is wrong. */
export async function start(environment: Record<string, string | undefined>): Promise<RunningServer> {
  const { settings, folder, newAdminToken, warnings } = prepare(environment);
  const { config, host, port, database, proxies, forwardProxies } = settings;
  const hostname = host.includes(":") ? `[${host}]` : host;
  const sealer = createSealer(config.ENCRYPTION_KEY, random);
  const opened = await (database === null
    ? openFile(folder, sealer, forwardProxies)
    : openNamed(database, sealer, forwardProxies));
  const background = new Background();
  const shutdown = new AbortController();
  // One for every request that runs.
  setMaxListeners(0, shutdown.signal);
  const callbacks = createCallbackPorts();
  const answeredOn = new WeakMap<Request, Outgoing>();
  const logger = createLogger(config.LOG_LEVEL);
  const runtime: Runtime = {
    config,
    storage: createLibsqlStorage({ connections: sharedClient(opened.client), sealer, sleep: clock.sleep }),
    fetch: openFetch(forwardProxies),
    clock,
    random,
    waitUntil: (work) => background.add(work),
    logger,
    zstd: unpackZstd,
    sharesPromises: true,
    outlivesRequests: true,
    // A body that fails is printed, stack and all, by what serves here.
    abortConnection: (request) => answeredOn.get(request)?.destroy(),
    shutdown: shutdown.signal,
    hosts: [hostname],
    // On another address than loopback the owner's browser is elsewhere.
    ...(isLoopback(hostname) ? { listenForCallback: callbacks.listen } : {}),
  };
  for (const warning of warnings) logger.warn("start_warning", { reason: warning });
  const app = createApp(runtime);
  const listener = await listen({
    app,
    config,
    logger,
    readPeer: createPeerReader(proxies),
    host,
    port,
    onRequest: (request, outgoing) => answeredOn.set(request, outgoing),
  });
  return {
    url: `http://${hostname}:${listener.port}`,
    newAdminToken,
    warnings,
    async close() {
      callbacks.close();
      await listener.close(shutdown);
      try {
        await app.flush();
      } finally {
        await background.done(BACKGROUND_MS);
        await opened.close();
      }
    },
  };
}
