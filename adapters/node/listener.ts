/** The HTTP server: hands requests to the application, and stops in an order that lets running requests end. */
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { App } from "../../src/app.ts";
import type { Config } from "../../src/config.ts";
import type { Logger } from "../../src/runtime.ts";
import { clock } from "../edge/platform.ts";
import { listenError } from "./listen-error.ts";
import type { createPeerReader } from "./peer.ts";
import { readPublicFiles } from "./public-files.ts";
import {
  letGoWhenStalled,
  limitConnections,
  type Outgoing,
  SERVER_OPTIONS,
  whenTooSlow,
} from "./server-limits.ts";

/** How long running requests have at shutdown until their connections are cut, ms. */
export const SHUTDOWN_MS = 5_000;

/** How long before that requests that still run are told of it by `shutdown`, ms. */
const FAREWELL_MS = 1_000;

/** How often connections that fell idle meanwhile are closed at shutdown, ms. */
const SWEEP_MS = 100;

export interface ListenOptions {
  readonly app: App;
  readonly config: Config;
  readonly logger: Logger;
  readonly readPeer: ReturnType<typeof createPeerReader>;
  readonly host: string;
  readonly port: number;
  /** Takes note of what each request is answered on. */
  readonly onRequest: (request: Request, outgoing: Outgoing) => void;
}

export interface Listener {
  /** The port that it listens on. */
  readonly port: number;
  /** Takes no further connections; cuts those that still run after `SHUTDOWN_MS`, shortly after aborting `shutdown`. */
  close(shutdown: AbortController): Promise<void>;
}

/** Rejects with an error in plain words when it cannot listen there. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { app, config, logger, readPeer, host, port, onRequest } = options;
  const files = readPublicFiles();
  let isClosing = false;
  const server = await new Promise<ReturnType<typeof serve>>((listening, failed) => {
    const made = serve(
      {
        fetch: (request, env) => {
          onRequest(request, env.outgoing);
          letGoWhenStalled(env.outgoing, config.KLEIS_CLIENT_STALL_MS);
          if (isClosing && "shouldKeepAlive" in env.outgoing) env.outgoing.shouldKeepAlive = false;
          const response = files(request) ?? app.fetch(request, readPeer(env));
          const late = whenTooSlow(env.incoming);
          return late === null ? response : Promise.race([response, late]);
        },
        hostname: host,
        port,
        serverOptions: SERVER_OPTIONS,
      },
      () => listening(made),
    );
    made.on("error", (error: NodeJS.ErrnoException) => failed(listenError(error, host, port)));
  });
  if ("closeIdleConnections" in server) limitConnections(server, logger);
  return {
    port: (server.address() as AddressInfo).port,
    async close(shutdown) {
      isClosing = true;
      const closed = new Promise<void>((done) => server.close(() => done()));
      // What clients keep open after their last response is not waited for.
      const sweep = setInterval(() => {
        if ("closeIdleConnections" in server) server.closeIdleConnections();
      }, SWEEP_MS);
      await Promise.race([closed, clock.sleep(SHUTDOWN_MS - FAREWELL_MS)]);
      shutdown.abort();
      await Promise.race([closed, clock.sleep(FAREWELL_MS)]);
      clearInterval(sweep);
      if ("closeAllConnections" in server) server.closeAllConnections();
    },
  };
}
