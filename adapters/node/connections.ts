/**
 * Outgoing HTTP/1.1 connections by origin: each carries one request at a time and is kept for the next one. They go
 * through the environment's proxies, except to this machine itself. Reading has no time limit, connecting has.
 */
import type { Dispatcher } from "undici";
import connectToProxy from "undici/lib/api/api-connect.js";
import buildConnector from "undici/lib/core/connect.js";
import Client from "undici/lib/dispatcher/client.js";
import EnvHttpProxyAgent from "undici/lib/dispatcher/env-http-proxy-agent.js";
import Pool from "undici/lib/dispatcher/pool.js";
import { errorCodeOf } from "../../src/error-code.ts";
import { isThisMachine, type Proxies } from "./proxies.ts";

/** How long a connection may take to be made, ms: name, TCP and TLS, or the answer of a proxy. */
const CONNECT_MS = 15_000;

/** Idle connections of one origin that are kept at most. */
const MAX_IDLE = 64;

/** How long an idle connection is kept, ms, where the server does not announce less. */
const KEEP_MS = 240_000;

export interface ConnectionOptions {
  /** How long an idle connection is kept, ms. */
  readonly keepMs?: number;
}

export interface Connections {
  /** An idle connection, or else a new one. Goes back by `release`. */
  acquire(origin: string): Connection;
  /** Takes back a connection whose request has ended. */
  release(connection: Connection): void;
  /** A new connection that closes after its one request. */
  open(origin: string): Connection;
}

export function openConnections(proxies: Proxies, { keepMs = KEEP_MS }: ConnectionOptions = {}): Connections {
  const idle = new Map<string, Connection[]>();
  // Shared, so that TLS sessions are resumed.
  const connect = buildConnector({ timeout: CONNECT_MS, allowH2: false, keepAliveInitialDelay: 15_000 });
  const make = (origin: string, isKept: boolean) => {
    const options: Client.Options = {
      allowH2: false,
      keepAliveTimeout: keepMs,
      ...(isKept ? {} : { pipelining: 0 }),
    };
    return new Connection(origin, (watch) =>
      isProxied(origin, proxies)
        ? proxied(proxies, options, watch)
        : watch(new Client(origin, { ...options, connect })),
    );
  };
  return {
    acquire: (origin) => idle.get(origin)?.pop() ?? make(origin, true),
    release(connection) {
      const { origin } = connection;
      const others = idle.get(origin) ?? [];
      if (connection.isDestroyed) return;
      if (others.length >= MAX_IDLE) return connection.destroy();
      others.push(connection);
      idle.set(origin, others);
    },
    open: (origin) => make(origin, false),
  };
}

/** At most one TCP connection at a time; made when a request needs it, and made again when it was closed. */
export class Connection {
  readonly origin: string;
  readonly #dispatcher: Dispatcher;
  #client: Client | undefined;
  #made = 0;
  isDestroyed = false;

  /** `open` hands each undici client that it makes to `watch`. */
  constructor(origin: string, open: (watch: (client: Client) => Client) => Dispatcher) {
    this.origin = origin;
    this.#dispatcher = open((client) => {
      this.#client = client;
      return client.on("connect", () => {
        this.#made++;
      });
    });
  }

  /**
   * Sends a request. The result tells, once it has failed, whether it went out over a connection that had been idle:
   * one that the server may have closed without having seen the request.
   */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): () => boolean {
    const made = this.#made;
    const wasConnected = this.#client?.stats.connected === true;
    this.#dispatcher.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler);
    return () => wasConnected && made === this.#made;
  }

  destroy(): void {
    this.isDestroyed = true;
    void this.#dispatcher.destroy();
  }
}

function isProxied(origin: string, proxies: Proxies): boolean {
  const { protocol, hostname } = new URL(origin);
  return (protocol === "https:" ? proxies.https : proxies.http) !== null && !isThisMachine(hostname);
}

/** Asks the proxy for a tunnel, unless NO_PROXY names the origin. */
function proxied(
  { http, https, except }: Proxies,
  options: Client.Options,
  watch: (client: Client) => Client,
): Dispatcher {
  return new EnvHttpProxyAgent({
    httpProxy: http ?? "",
    httpsProxy: https ?? "",
    noProxy: except,
    connectTimeout: CONNECT_MS,
    proxyTunnel: true,
    factory: (origin, given) => watch(new Client(origin, { ...given, ...options })),
    clientFactory: (proxy, given) => new TunnelPool(proxy, { ...given, headersTimeout: CONNECT_MS }),
  });
}

/** Connections to a proxy. Their failures have a code of their own: PROXY_ECONNREFUSED, PROXY_HTTP_407, … */
class TunnelPool extends Pool {
  override async connect(options: unknown): Promise<Dispatcher.ConnectData> {
    const tunnel = await connectToProxy
      .call(this, options as Dispatcher.ConnectOptions)
      .catch((cause: unknown) => {
        throw proxyError(errorCodeOf(cause) ?? "FAILED", cause);
      });
    const { statusCode, socket } = tunnel;
    if (statusCode === 200) return tunnel;
    socket.on("error", () => {}).destroy();
    throw proxyError(`HTTP_${statusCode}`);
  }
}

function proxyError(code: string, cause?: unknown): Error {
  return Object.assign(new Error("the proxy made no tunnel", { cause }), { code: `PROXY_${code}` });
}
