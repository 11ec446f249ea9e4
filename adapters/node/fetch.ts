/**
 * `fetch` for upstream requests, over undici's `dispatch` (why: bench/README.md). Bytes come as they were sent (Node's
 * own `fetch` unpacks whatever is labelled as packed, and gives up after 300 s), connections are kept, back-pressure
 * reaches the socket.
 */
import type { Readable } from "node:stream";
import type { Fetch } from "../../src/runtime.ts";
import { type Connection, type Connections, openConnections } from "./connections.ts";
import { Exchange } from "./exchange.ts";

export interface NodeFetchOptions {
  /**
   * Whether a request is sent once more when the kept connection that carried it was closed before anything was
   * answered. False for what must not run twice; true unless set.
   */
  readonly repeats?: boolean;
}

/** A `Fetch` over these connections. */
export function createNodeFetch(connections: Connections, { repeats = true }: NodeFetchOptions = {}): Fetch {
  return async (address, { method = "GET", headers: given, body, signal = null }) => {
    signal?.throwIfAborted();
    const { origin, pathname, search } = new URL(address);
    const headers = Object.fromEntries(new Headers(given));
    let bytes = toBytes(body);
    if (bytes !== undefined) headers["content-length"] = String(bytes.byteLength);

    // What is kept until the response ends would otherwise keep the body, too.
    const letGo = () => {
      bytes = undefined;
    };
    const attempt = (connection: Connection, release: () => void) => {
      const exchange = new Exchange(signal, release);
      const wasIdle = connection.dispatch(
        { origin, path: pathname + search, method, headers, body: bytes === undefined ? null : once(bytes) },
        exchange,
      );
      // What is not connected yet cannot be aborted, only given up.
      const giveUp = () => {
        if (exchange.isConnecting) connection.destroy();
      };
      signal?.addEventListener("abort", giveUp);
      const response = exchange.response.finally(() => signal?.removeEventListener("abort", giveUp));
      response.then(letGo, () => {});
      return { response, wasStale: () => wasIdle() && exchange.wasClosedUnanswered };
    };
    /** Over a connection of its own: another kept one may be as stale. */
    const alone = () => {
      const connection = connections.open(origin);
      return attempt(connection, () => connection.destroy()).response;
    };

    if (headers.connection === "close") return alone();
    const kept = connections.acquire(origin);
    const { response, wasStale } = attempt(kept, () => connections.release(kept));
    try {
      return await response;
    } catch (error) {
      // A kept connection that the server closed while idle never took the request; a new one may.
      if (!repeats || signal?.aborted || !wasStale()) throw error;
    }
    return alone();
  };
}

/** Straight to where it goes, through no proxy. */
export const nodeFetch: Fetch = createNodeFetch(openConnections());

/** The body as something to iterate over once: undici keeps a plain one until the response has ended. */
function once(bytes: Uint8Array): Readable {
  const left = [bytes];
  const next = () => {
    const value = left.pop();
    return value === undefined ? { done: true, value } : { done: false, value };
  };
  // Any iterable will do (undici's docs of Dispatcher), which its types do not say.
  return { [Symbol.iterator]: () => ({ next }) } as unknown as Readable;
}

function toBytes(body: RequestInit["body"]): Uint8Array | undefined {
  if (body === null || body === undefined) return undefined;
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError("an upstream request's body is text or bytes");
}
