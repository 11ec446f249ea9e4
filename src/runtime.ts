/** What a runtime gives to the core. Everything in `src/` that is not a pure function gets it from here. */
import type { Config } from "./config.ts";
import type { Storage } from "./storage/port.ts";

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds, or as soon as `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Fields hold no secret: tokens, keys and bodies are never passed to a logger. */
export type LogFields = Record<string, string | number | boolean | null | undefined>;

export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** The part of `fetch` that Kleis uses: an absolute URL and a complete init, nothing implied. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What a browser is shown when it comes back from a provider. */
export interface CallbackPage {
  readonly status: number;
  readonly title: string;
  readonly text: string;
}

/** What is listened for on this machine; `receive` gets the query string without `?`. */
export interface CallbackOptions {
  readonly port: number;
  readonly path: string;
  /** Epoch ms. */
  readonly until: number;
  receive(query: string): Promise<CallbackPage>;
}

export interface CallbackListener {
  /** Keeps listening until then (epoch ms), never shorter than before. */
  extend(until: number): void;
  /** Ends it once running answers are out. */
  close(): void;
}

/** Who is asking, as far as the runtime's adapter can tell. */
export interface Peer {
  /** True when the request comes from a program on this very machine. */
  readonly local?: boolean;
  /** The network address that the request comes from, as far as the adapter can tell: good enough to tell attempts apart, not to be trusted. */
  readonly source?: string | undefined;
}

/** A body whose first bytes have been read, and what follows them. */
export interface PeekedBody {
  readonly head: Uint8Array<ArrayBuffer>;
  readonly rest: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** A body that the runtime itself passes to the client, and a copy of its bytes. */
export interface Passthrough {
  /** The client's side; stays open until `end` or `abort`. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The bytes that have passed, in pieces of any size, some time after they did. Rejects where the body breaks. */
  readonly copy: {
    read(): Promise<{ done: boolean; value?: Uint8Array<ArrayBuffer> | undefined }>;
  };
  /** After the last byte of the body: writes the tail, if any, and ends. Rejects when the client has left. */
  end(tail: Uint8Array<ArrayBuffer>): Promise<void>;
  /** After the last byte of the body: aborts, so that a client does not take it for whole. */
  abort(): Promise<void>;
}

export interface Runtime {
  readonly config: Config;
  readonly storage: Storage;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Cryptographically strong random bytes. */
  random(bytes: number): Uint8Array<ArrayBuffer>;
  /** Keeps the runtime alive until the work has settled, whatever becomes of the request. */
  waitUntil(work: Promise<unknown>): void;
  readonly logger: Logger;
  /**
   * The host names under which the admin pages are served, besides IP addresses, loopback's names and PUBLIC_URL's. Absent
   * where a request only gets here by a name that is its deployment's own.
   */
  readonly hosts?: readonly string[];
  /**
   * True where one request may wait for what another began. On Workers it may not; absent means not. Storage then keeps
   * requests apart.
   */
  readonly sharesPromises?: boolean;
  /**
   * True for a server: its memory and its timers last while no request runs. Absent where a process may be stopped, or be one
   * of many, as soon as no request runs.
   */
  readonly outlivesRequests?: boolean;
  /**
   * Listens on a loopback port for a browser that a provider sends back to this machine; null when the port is taken.
   * Absent where the runtime cannot, or where no browser of its own machine would come.
   */
  readonly listenForCallback?: (options: CallbackOptions) => Promise<CallbackListener | null>;
  /**
   * Aborts the client's connection, so that it does not take half a response for a whole one. Absent where a body that fails
   * does so by itself.
   */
  readonly abortConnection?: (request: Request) => void;
  /**
   * Aborts shortly before the runtime ends: what is still running ends with an error in its protocol. Absent where the
   * runtime ends without notice.
   */
  readonly shutdown?: AbortSignal;
  /** Passes a body to the client without waking for each of its chunks; absent where that saves nothing. */
  readonly passthrough?: (body: Promise<PeekedBody>) => Passthrough;
  /** Unpacks zstd, where the runtime can; without it such a body is refused with 415. */
  readonly zstd?: (
    packed: ReadableStream<Uint8Array<ArrayBuffer>>,
  ) => ReadableStream<Uint8Array<ArrayBuffer>>;
}
