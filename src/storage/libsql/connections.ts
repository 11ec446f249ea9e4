/**
 * How the storage comes by a libSQL client, which each runtime opens in its own way. Names the driver as a type only,
 * so that no bundle carries a driver that its adapter did not choose.
 */
import type { Client, InStatement, Value } from "@libsql/client";

/** What the storage asks of a client: libSQL's own, or what stands for one. */
export interface DatabaseClient {
  /** `file` for a file of this machine, whose lock other processes may hold. */
  readonly protocol: string;
  readonly closed: boolean;
  execute(statement: InStatement): Promise<Rows>;
  batch(statements: InStatement[], mode: "read" | "write"): Promise<Rows[]>;
  /** Gives it new connections to the same database. */
  reconnect(): void | Promise<void>;
  close(): void;
}

/** What a statement returned, a list of values in the order of the columns for each row. */
export interface Rows {
  readonly rows: readonly ArrayLike<Value>[];
}

/** A client for the length of one call; `release` is called exactly once, also after a failure. */
export interface Connection<C extends DatabaseClient = DatabaseClient> {
  client: C;
  release(): void;
}

export interface Connections<C extends DatabaseClient = DatabaseClient> {
  /** May throw or reject; the storage turns that into a `StorageError`. */
  open(): Connection<C> | Promise<Connection<C>>;
  close(): void;
}

/**
 * One client for the whole process (Node, Vercel), or for one request. For a remote database give the client a `fetch`
 * with a time limit: a call that the storage gave up on otherwise keeps one of the client's `concurrency` places until
 * the server answers.
 */
export function sharedClient<C extends DatabaseClient>(client: C): Connections<C> {
  return { open: () => ({ client, release() {} }), close: () => client.close() };
}

/** A new client for each call, closed after it: on Workers a client must not outlive the request that opened it. */
export function clientPerCall<C extends DatabaseClient>(open: () => C): Connections<C> {
  return {
    open() {
      const client = open();
      return { client, release: () => client.close() };
    },
    close() {},
  };
}

/**
 * For a runtime without a start of its own: brings the database up before its first use, with the client of that use.
 * Uses that begin at the same time each do it, which `migrate` allows; after a failure the next use tries again.
 */
export function migratedFirst(
  connections: Connections<Client>,
  bringUp: (client: Client) => Promise<void>,
): Connections<Client> {
  let done = false;
  return {
    async open() {
      const connection = await connections.open();
      if (done) return connection;
      try {
        await bringUp(connection.client);
        done = true;
        return connection;
      } catch (error) {
        connection.release();
        throw error;
      }
    },
    close: () => connections.close(),
  };
}
