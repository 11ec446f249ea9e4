/** The Node door as a process of its own, for tests of several that share one database. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

export interface ServerProcess {
  readonly url: string;
  stop(): Promise<void>;
}

/** Resolves when it listens; rejects with what it said when it does not. */
export async function startProcess(env: Record<string, string>): Promise<ServerProcess> {
  const child = spawn("node_modules/.bin/tsx", ["adapters/node/main.ts"], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? "", PORT: "0", LOG_LEVEL: "silent", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const url = await listening(child);
  return {
    url,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
    },
  };
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    let said = "";
    const hear = (bytes: Buffer) => {
      said += bytes;
      const url = /running at (http:\S+)/.exec(said)?.[1];
      if (url !== undefined) found(url);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", (code) => failed(new Error(`the server ended with ${code}: ${said}`)));
    child.once("error", failed);
  });
}
