/**
 * Outgoing HTTP/1.1 connections by origin: each carries one request at a time and is kept for the next one. Reading has
 * no time limit, connecting has.
 */
import type { Dispatcher } from "undici";
import buildConnector from "undici/lib/core/connect.js";
import Client from "undici/lib/dispatcher/client.js";

/** How long a connection may take to be made, ms: name, TCP and TLS, or the answer of a proxy. */
export const CONNECT_MS = 15_000;

/** Idle connections of one origin that are kept at most. */
const MAX_IDLE = 64;

/** How long an idle connection is kept, ms, where the server does not announce less. */
const KEEP_MS = 240_000;

export interface ConnectionOptions {
  /** Leads to an origin through a proxy; null for an origin that is reached directly. */
  readonly tunnel?: Tunnel | undefined;
  /** How long an idle connection is kept, ms. */
  readonly keepMs?: number;
}

/** `makeClient` makes the undici client that finally talks to the origin, over what it is given. */
export type Tunnel = (origin: string, makeClient: MakeClient) => Dispatcher | null;
export type MakeClient = (origin: URL | string, over: object) => Client;

export interface Connections {
  /** An idle connection, or else a new one. Goes back by `release`. */
  acquire(origin: string): Connection;
  /** Takes back a connection whose request has ended. */
  release(connection: Connection): void;
  /** A new connection that closes after its one request. */
  open(origin: string): Connection;
}

export function openConnections({ tunnel, keepMs = KEEP_MS }: ConnectionOptions = {}): Connections {
  const idle = new Map<string, Connection[]>();
  // Shared, so that TLS sessions are resumed.
  const connect = buildConnector({ timeout: CONNECT_MS, allowH2: false, keepAliveInitialDelay: 15_000 });
  const make = (origin: string, isKept: boolean) => {
    const options: Client.Options = {
      allowH2: false,
      keepAliveTimeout: keepMs,
      ...(isKept ? {} : { pipelining: 0 }),
    };
    return new Connection(origin, (watch) => {
      const makeClient: MakeClient = (target, over) => watch(new Client(target, { ...over, ...options }));
      return tunnel?.(origin, makeClient) ?? makeClient(origin, { connect });
    });
  };
  return {
    acquire: (origin) => idle.get(origin)?.pop() ?? make(origin, true),
    release(connection) {
      if (connection.isDestroyed) return;
      const { origin } = connection;
      const others = idle.get(origin) ?? [];
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

  /** `open` hands each client that it makes to `watch`. */
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
