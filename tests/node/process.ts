/** The built server as its users run it: a process of its own with an environment, an output and an exit code. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NODE = process.execPath;
const BUILT = join(ROOT, "dist", "server.mjs");

export interface Bundle {
  readonly path: string;
  remove(): void;
}

/** The bundle that `npm start` runs; one of our own where that one is older than what it is made of. */
export function bundle(): Bundle {
  const newest = Math.max(newestIn(join(ROOT, "src")), newestIn(join(ROOT, "adapters")));
  if (modifiedAt(BUILT) > newest) return { path: BUILT, remove: () => {} };
  // Beside the other: what stays outside the bundle is looked for from there.
  const folder = join(ROOT, "dist", `start-test-${process.pid}`);
  execFileSync(NODE, ["scripts/build.mjs", folder], { cwd: ROOT });
  return { path: join(folder, "server.mjs"), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function newestIn(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return Math.max(...names.map((name) => modifiedAt(join(folder, name))));
}

function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

export interface Running {
  readonly pid: number;
  /** All that was written so far, to either stream. */
  output(): string;
  /** The address that it says it runs at; rejects when it ends instead. */
  readonly url: Promise<string>;
  /** Resolves with the exit code; a signal's name when one ended it. */
  readonly exit: Promise<number | NodeJS.Signals>;
  signal(name: NodeJS.Signals): void;
  /** Closes the reading end of its output, as a terminal that is closed or `| head` does. */
  closeOutput(): void;
}

/** What `endAll` does away with. Not left to single tests, since some of them run side by side. */
const children = new Map<ChildProcess, Promise<unknown>>();
const folders: string[] = [];

/** Ends every process that still runs and removes every folder; for `afterAll`. */
export async function endAll(): Promise<void> {
  for (const child of children.keys()) child.kill("SIGKILL");
  await Promise.all(children.values());
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

export interface RunOptions {
  /** No file that it writes may grow beyond this, as on a disk that is full. Not on Windows. */
  readonly maxFileBytes?: number;
  readonly args?: readonly string[];
  /** Where its two streams go instead of to `output`: file descriptors. */
  readonly stdout?: number;
  readonly stderr?: number;
}

/** Starts the bundle with this environment alone. */
export function run(path: string, env: Record<string, string>, options: RunOptions = {}): Running {
  const command = [NODE, path, ...(options.args ?? [])];
  const [program = "", ...args] =
    options.maxFileBytes === undefined
      ? command
      : ["/bin/sh", "-c", `ulimit -f ${options.maxFileBytes / 512}; exec "$@"`, "sh", ...command];
  const child: ChildProcess = spawn(program, args, {
    env: { PATH: process.env.PATH, PORT: "0", LOG_LEVEL: "silent", MODELS_DEV_URL: "", ...env },
    stdio: ["ignore", options.stdout ?? "pipe", options.stderr ?? "pipe"],
  });
  let output = "";
  let located: (url: string) => void = () => {};
  let lost: (error: Error) => void = () => {};
  const url = new Promise<string>((resolve, reject) => {
    located = resolve;
    lost = reject;
  });
  url.catch(() => {});
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (part: string) => {
      output += part;
      const said = /running at (http:\S+)/.exec(output)?.[1];
      if (said !== undefined) located(said);
    });
  }
  const exit = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on("close", (code, signal) => {
      lost(new Error(`it ended: ${output}`));
      resolve(code ?? signal ?? -1);
    });
  });
  children.set(child, exit);
  return {
    pid: child.pid ?? 0,
    output: () => output,
    url,
    exit,
    signal: (name) => void child.kill(name),
    closeOutput() {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
  };
}

/** A path in a fresh folder at which there is nothing yet. */
export function newFolder(): string {
  const parent = mkdtempSync(join(tmpdir(), "kleis-start-"));
  folders.push(parent);
  return join(parent, "data");
}
