/** A runtime for tests of parts of Kleis: everything that a part takes from it is recorded, and can be scripted. */
import type { Clock, Fetch, LogFields, Logger, Runtime } from "../../src/runtime.ts";
import { type Storage, StorageError } from "../../src/storage/port.ts";
import { random, testConfig } from "./config.ts";
import { HandClock } from "./hand-clock.ts";
import { replaying } from "./replay.ts";
import { newStorage } from "./storage.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { watchStorage } from "./watched-storage.ts";

export interface RuntimeOptions<C extends Clock = HandClock> {
  /** Besides those of `testConfig`. */
  env?: Record<string, string>;
  /** Instead of a new database file that is gone after the test. */
  storage?: Storage;
  /** Instead of one that stands still until it is set. */
  clock?: C;
  /** What answers requests that leave; without it there is no network. */
  network?: Fetch;
  /** Takes the place of any other part. */
  more?: Partial<Runtime>;
}

export interface LogEntry {
  readonly level: keyof Logger;
  readonly event: string;
  readonly fields: LogFields | undefined;
}

export interface TestRuntime<C extends Clock = HandClock> {
  readonly runtime: Runtime;
  /** The storage itself, without the record of `calls` and without `down`. */
  readonly storage: Storage;
  readonly clock: C;
  /** Calls that reached the storage, for example `keys.findByHash`. */
  readonly calls: string[];
  /** While true every call of the storage fails as with an unreachable database. */
  down: boolean;
  network: Fetch;
  /** Every request that left, in order. */
  readonly sent: Sent[];
  readonly logged: LogEntry[];
  /** The whole log as text, one JSON object per line. */
  log(): string;
  /** Settles when everything that was handed to `waitUntil` has; a virtual clock moves on meanwhile. */
  settled(): Promise<void>;
}

/** One request that left. */
export class Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly signal: AbortSignal | null;
  readonly body: RequestInit["body"];

  constructor(url: string, { method = "GET", headers, signal, body }: RequestInit) {
    this.url = url;
    this.method = method;
    this.headers = new Headers(headers);
    this.signal = signal ?? null;
    this.body = body;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.body instanceof Uint8Array) return new Uint8Array(this.body);
    if (typeof this.body === "string") return new TextEncoder().encode(this.body);
    throw new Error(`${this.method} ${this.url} has no body of bytes or text`);
  }

  get text(): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.bytes);
  }
}

const noNetwork: Fetch = () => Promise.reject(new Error("no request leaves this test"));

export async function testRuntime<C extends Clock = HandClock>(
  options: RuntimeOptions<C> = {},
): Promise<TestRuntime<C>> {
  return runtimeOver(options.storage ?? (await newStorage()).storage, options);
}

/** The same over a storage that exists already. */
export function runtimeOver<C extends Clock = HandClock>(
  storage: Storage,
  options: Omit<RuntimeOptions<C>, "storage"> = {},
): TestRuntime<C> {
  const clock = options.clock ?? (new HandClock() as Clock as C);
  const background = new Set<Promise<unknown>>();
  const log =
    (level: keyof Logger) =>
    (event: string, fields?: LogFields): void =>
      void test.logged.push({ level, event, fields });
  const test: TestRuntime<C> = {
    storage,
    clock,
    calls: [],
    down: false,
    network: options.network ?? noNetwork,
    sent: [],
    logged: [],
    log: () => test.logged.map(({ event, fields }) => `${JSON.stringify({ event, ...fields })}\n`).join(""),
    async settled() {
      while (background.size > 0) await passing(clock, Promise.all(background));
    },
    runtime: {
      config: testConfig(options.env),
      storage: watchStorage(replaying(storage), (call) => {
        test.calls.push(call);
        if (test.down) throw new StorageError("the database cannot be reached");
      }),
      fetch: async (url, init) => {
        test.sent.push(new Sent(url, init));
        return await test.network(url, init);
      },
      clock,
      random,
      waitUntil(work) {
        const settled = work.catch(() => {}).finally(() => background.delete(settled));
        background.add(settled);
      },
      logger: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
      sharesPromises: true,
      ...options.more,
    },
  };
  return test;
}

/** The result of the work; a virtual clock moves on until it is there. */
export function passing<Result>(clock: Clock, work: Promise<Result>): Promise<Result> {
  return clock instanceof VirtualClock ? clock.pass(work) : work;
}
