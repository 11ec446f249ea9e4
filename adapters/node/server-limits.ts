/** Limits on what a connection to the Node adapter may take: time, idleness, and its share of open files. */
import { readFileSync } from "node:fs";
import type { Server, ServerOptions } from "node:http";
import type { Http2Bindings, HttpBindings } from "@hono/node-server";
import { bodyTooSlow, MIN_BODY_RATE } from "../../src/errors.ts";
import { errorResponse } from "../../src/http/error-response.ts";
import type { Logger } from "../../src/runtime.ts";

export type Incoming = (HttpBindings | Http2Bindings)["incoming"];
export type Outgoing = (HttpBindings | Http2Bindings)["outgoing"];

/**
 * Idle connections are kept for longer than those who pool them do (nginx and AWS load balancers 60 s, Traefik, cloudflared
 * and Go 90 s, Caddy 120 s, Google's load balancers 600 s, each by default), since a request that crosses with the end of
 * its connection is lost. Clients that go by the `keep-alive` header are told the shorter `keepAliveTimeout`.
 */
export const SERVER_OPTIONS: ServerOptions = {
  // Request line and headers together; more is answered with 431.
  maxHeaderSize: 32 * 1024,
  headersTimeout: 15_000,
  // All of a request with its body; how fast that must come is `MIN_BODY_RATE`.
  requestTimeout: 300_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 130_000,
  keepAliveTimeoutBuffer: 490_000,
  // TCP's own probes: a peer that vanished is noticed, and routers in between do not forget the connection.
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
};

/** The most connections, however many files may be open. */
const MAX_CONNECTIONS = 10_000;

/** How often a full house is logged at most, ms. */
const LOG_EVERY_MS = 60_000;

/** How often a request's body is looked at, ms. Twice the time of `src/proxy/request/read-body.ts`, which answers in its protocol. */
const LOOK_MS = 40_000;

/** Half of the open files at most: each request may need one for its provider, and the database needs some. */
export function limitConnections(server: Server, logger: Logger, openFiles = openFileLimit()): void {
  server.maxConnections = Math.min(Math.floor(openFiles / 2), MAX_CONNECTIONS);
  let loggedAt = Number.NEGATIVE_INFINITY;
  server.on("drop", () => {
    // Those that only wait for a next request make room for those that have one.
    server.closeIdleConnections();
    if (performance.now() - loggedAt < LOG_EVERY_MS) return;
    loggedAt = performance.now();
    logger.warn("connections_full", { limit: server.maxConnections });
  });
}

/** How many files this process may have open; infinite where that is not known. */
export function openFileLimit(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  } catch {
    return reportedFileLimit();
  }
}

/** The same from Node's own report, which takes longer. */
function reportedFileLimit(): number {
  // Without looking up the names of network addresses, which takes long.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === "number" ? soft : Number.POSITIVE_INFINITY;
}

/** Breaks off an answer of which the client has not taken a byte for this long, ms. Node looks at the socket's own queue. */
export function letGoWhenStalled(outgoing: Outgoing, stallMs: number): void {
  outgoing.setTimeout(stallMs, () => {
    // Also called where nothing is written meanwhile, as while a provider thinks.
    if (outgoing.writableLength > 0) outgoing.destroy();
  });
}

/** Resolves with a 408 once the client sends its body too slowly; null for a request without one. */
export function whenTooSlow(incoming: Incoming): Promise<Response> | null {
  const { "content-length": length, "transfer-encoding": encoding } = incoming.headers;
  if (incoming.complete || (encoding === undefined && (length === undefined || length === "0"))) return null;
  return new Promise((resolve) => {
    let known = incoming.socket.bytesRead;
    const timer = setInterval(() => {
      const { bytesRead } = incoming.socket;
      const isSlow = bytesRead - known < (MIN_BODY_RATE * LOOK_MS) / 1_000;
      known = bytesRead;
      // What waits here to be read is not the client's fault.
      if (isSlow && incoming.readableLength === 0)
        resolve(errorResponse(bodyTooSlow(), "chat", "req_too_slow"));
    }, LOOK_MS);
    const stop = () => clearInterval(timer);
    incoming.once("end", stop);
    incoming.once("close", stop);
  });
}
