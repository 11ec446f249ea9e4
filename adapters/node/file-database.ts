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
  const data: FileThreadData = { url, path };
  let file: string | null = null;
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let closed = false;
  let thread: Thread | null = begin();

  function begin(): Thread {
    // Without what is loaded before this process's own code: it is not meant for a second time, here.
    const worker = new Worker(ENTRY, {
      workerData: data,
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    worker.unref();
    // "exit" follows, and tells the calls that wait.
    worker.on("error", () => {});
    worker.on("message", (answer: FileAnswer) => {
      const call = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ("results" in answer) call?.resolve(answer.results.map((rows) => ({ rows })));
      else call?.reject(failure(answer.code));
    });
    const ended = new Promise<void>((resolve) => {
      worker.once("exit", () => {
        thread = null;
        for (const { reject } of waiting.values()) reject(failure("DATABASE_THREAD_ENDED"));
        waiting.clear();
        resolve();
      });
    });
    return { worker, ended };
  }

  function ask(mode: FileCall["mode"], statements: readonly InStatement[]): Promise<Rows[]> {
    if (closed) return Promise.reject(failure("CLIENT_CLOSED"));
    thread ??= begin();
    const { worker } = thread;
    file ??= idOf(path);
    return new Promise((resolve, reject) => {
      const call: FileCall = { id: ++lastId, file, mode, statements };
      waiting.set(call.id, { resolve, reject });
      worker.postMessage(call);
    });
  }

  function close(): void {
    if (!closed) thread?.worker.postMessage("close");
    closed = true;
  }

  return {
    client: {
      protocol: "file",
      get closed() {
        return closed;
      },
      execute: async (statement) => (await ask("single", [statement]))[0] ?? { rows: [] },
      batch: (statements, mode) => ask(mode, statements),
      // The thread does so by itself.
      async reconnect() {},
      close,
    },
    async close() {
      close();
      const running = thread;
      if (running === null) return;
      const late = setTimeout(() => void running.worker.terminate(), CLOSE_MS);
      await running.ended;
      clearTimeout(late);
    },
  };
}

interface Thread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
