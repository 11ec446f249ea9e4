/** A database file, asked through a thread of its own (file-thread.ts). */
import { Worker } from "node:worker_threads";
import type { InStatement } from "@libsql/client";
import type { DatabaseClient, Rows } from "../../src/storage/libsql/connections.ts";
import { idOf } from "./file-identity.ts";
import type { FileAnswer, FileCall, FileThreadData } from "./file-thread.ts";

export interface FileDatabase {
  readonly client: DatabaseClient;
  /** Resolves once the file is closed, or after `CLOSE_MS`. */
  close(): Promise<void>;
}

/** How long the thread may take to end what it does and to close the file, ms. */
const CLOSE_MS = 5_000;

/** Beside this module: its source, or what `scripts/build.mjs` makes of it. */
const ENTRY = new URL(
  import.meta.url.endsWith(".ts") ? "./file-thread.ts" : "./file-thread.mjs",
  import.meta.url,
);

interface Waiting {
  resolve(results: Rows[]): void;
  reject(error: Error): void;
}

/** Begins to open it. At the first call the file must be there, and it must be the same one from then on. */
export function openFileDatabase(url: string, path: string): FileDatabase {
  const calls = new ThreadCalls({ url, path });
  return {
    client: {
      protocol: "file",
      get closed() {
        return calls.closed;
      },
      execute: async (statement) => (await calls.send("single", [statement]))[0] ?? { rows: [] },
      batch: (statements, mode) => calls.send(mode, statements),
      // The thread does so by itself.
      async reconnect() {},
      close: () => calls.close(),
    },
    close: () => calls.end(),
  };
}

/** Calls to the thread; one that has ended is started again by the next call. */
class ThreadCalls {
  readonly #data: FileThreadData;
  readonly #waiting = new Map<number, Waiting>();
  #file: string | null = null;
  #lastId = 0;
  #thread: Thread | null;
  closed = false;

  constructor(data: FileThreadData) {
    this.#data = data;
    this.#thread = this.#begin();
  }

  send(mode: FileCall["mode"], statements: readonly InStatement[]): Promise<Rows[]> {
    if (this.closed) return Promise.reject(failure("CLIENT_CLOSED"));
    this.#thread ??= this.#begin();
    const { worker } = this.#thread;
    this.#file ??= idOf(this.#data.path);
    const call: FileCall = { id: ++this.#lastId, file: this.#file, mode, statements };
    return new Promise((resolve, reject) => {
      this.#waiting.set(call.id, { resolve, reject });
      worker.postMessage(call);
    });
  }

  /** Takes no further calls; the thread closes the file after those that it has. */
  close(): void {
    if (!this.closed) this.#thread?.worker.postMessage("close");
    this.closed = true;
  }

  /** Closes, and resolves once the thread has ended. */
  async end(): Promise<void> {
    this.close();
    const running = this.#thread;
    if (running === null) return;
    const late = setTimeout(() => void running.worker.terminate(), CLOSE_MS);
    await running.ended;
    clearTimeout(late);
  }

  #begin(): Thread {
    // Without what is loaded before this process's own code: it is not meant for a second time, here.
    const worker = new Worker(ENTRY, {
      workerData: this.#data,
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    worker.unref();
    // "exit" follows, and rejects the calls that wait.
    worker.on("error", () => {});
    worker.on("message", (result: FileAnswer) => this.#settle(result));
    const ended = new Promise<void>((resolve) => {
      worker.once("exit", () => {
        this.#thread = null;
        for (const { reject } of this.#waiting.values()) reject(failure("DATABASE_THREAD_ENDED"));
        this.#waiting.clear();
        resolve();
      });
    });
    return { worker, ended };
  }

  #settle(result: FileAnswer): void {
    const call = this.#waiting.get(result.id);
    this.#waiting.delete(result.id);
    if ("results" in result) call?.resolve(result.results.map((rows) => ({ rows })));
    else call?.reject(failure(result.code));
  }
}

interface Thread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
