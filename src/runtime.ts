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
  /** Unpacks zstd, where the runtime can; without it such a body is refused with 415. */
  readonly zstd?: (
    packed: ReadableStream<Uint8Array<ArrayBuffer>>,
  ) => ReadableStream<Uint8Array<ArrayBuffer>>;
}
