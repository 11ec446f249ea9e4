/** Child processes: started, waited for by a line that they print, and ended again. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { type AddressInfo, createServer } from "node:net";
import { resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "..");

/** The Node that the tests run on, which is the one of package.json. */
export const NODE = process.execPath;

export interface Running {
  /** What the awaited line held. */
  readonly found: string;
  /** Everything that was printed so far, both streams. */
  output(): string;
  close(): Promise<void>;
}

/** An environment that holds nothing of this machine's but what a program needs to start. */
export function bareEnvironment(more: Record<string, string> = {}): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, ...more };
}

/** Starts a program and resolves with what `line` captures in its output; rejects when it ends before. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
  line: RegExp,
  end: NodeJS.Signals = "SIGTERM",
): Promise<Running> {
  const child: ChildProcess = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const ended = new Promise<void>((done) => {
    child.once("close", () => done());
    child.once("error", () => done());
  });
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill(end);
    const late = setTimeout(() => child.kill("SIGKILL"), 8_000);
    await ended;
    clearTimeout(late);
  };
  return new Promise((started, failed) => {
    const hear = (part: Buffer) => {
      output += part.toString();
      const match = line.exec(output);
      if (match !== null) started({ found: match[1] ?? match[0], output: () => output, close });
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("error", failed);
    child.once("close", (code) =>
      failed(new Error(`${command} ended with ${code}:\n${output.slice(-2000)}`)),
    );
  });
}

/** Runs a script of this package to its end; throws with what it printed when it fails. */
export function runScript(args: readonly string[], environment: Record<string, string> = {}): string {
  const result = spawnSync(NODE, args, {
    cwd: ROOT,
    env: bareEnvironment(environment),
    encoding: "utf8",
  });
  const output = `${result.stdout}${result.stderr}`;
  if (result.status !== 0) throw new Error(`${args.join(" ")} failed:\n${output.slice(-3000)}`);
  return output;
}

/** A port of the loopback that is free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
