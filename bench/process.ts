/** Starts the programs of the benchmarks and reads what they cost, from /proc: CPU time and memory. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { bareEnvironment } from "../harness/process.ts";
import { workerdBinary, writeWorkerdConfig } from "../harness/workerd.ts";

export interface Program {
  url: string;
  /** When it was spawned, on the clock of `performance.now()`. */
  spawnedMs: number;
  /** CPU milliseconds that its threads have run so far, to the microsecond; none of the programs has children. */
  cpuMs(): number;
  /** Resident memory now, MB. */
  memoryMb(): number;
  /** The most resident memory since `forgetPeak`, MB. */
  peakMb(): number;
  forgetPeak(): void;
  /** Asks a Node process that was started with a `collector` to collect its garbage; MB that then are held. */
  collect(): Promise<Held>;
  stop(): void;
}

/** Memory of a Node process after its garbage was collected, MB. */
export interface Held {
  rssMb: number;
  /** JavaScript objects and the buffers beside them. */
  usedMb: number;
}

export interface NodeOptions {
  /** Lets `collect` work. */
  collector?: boolean;
}

/** Arguments of Node that let `collect` work. */
const WITH_COLLECTOR = [
  "--expose-gc",
  "--import",
  `data:text/javascript,${encodeURIComponent(
    `process.on("message", () => { gc(); gc(); process.send(process.memoryUsage()); }); process.channel.unref();`,
  )}`,
];

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a bundle on Node, as `npm start` does. It is ready when it prints an address. */
export async function startNode(
  bundle: string,
  env: Record<string, string>,
  { collector = false }: NodeOptions = {},
): Promise<Program> {
  const args = [...(collector ? WITH_COLLECTOR : []), bundle];
  const channel = collector ? (["ipc"] as const) : [];
  const spawnedMs = performance.now();
  const child = launch(process.execPath, args, { env, stdio: ["ignore", "pipe", "ignore", ...channel] });
  return programOf(child, spawnedMs, await said(child, child.stdout, /http:\/\/[\d.]+:\d+/));
}

/** Starts a bundle in a workerd of its own. It is ready when it listens. */
export async function startWorkerd(bundle: string, bindings: Record<string, string>): Promise<Program> {
  const config = writeWorkerdConfig(bundle, bindings);
  const spawnedMs = performance.now();
  const child = launch(workerdBinary(), ["serve", "--control-fd=3", config.path], {
    env: bareEnvironment(),
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const port = await said(child, child.stdio[3], /"socket":"http","port":(\d+)/);
  config.remove();
  return programOf(child, spawnedMs, `http://127.0.0.1:${port}`);
}

function launch(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, options);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** What the pattern captures in the text of a stream, as soon as it is there. */
function said(child: ChildProcess, from: unknown, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const hear = (part: Buffer) => {
      text += part.toString();
      const found = pattern.exec(text);
      if (found === null) return;
      stream.off("data", hear);
      stream.resume();
      resolve(found[1] ?? found[0]);
    };
    const stream = from as NodeJS.ReadableStream;
    stream.on("data", hear);
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new Error(`${child.spawnargs.join(" ")} ended with ${code} before it listened:\n${text}`)),
    );
  });
}

function programOf(child: ChildProcess, spawnedMs: number, url: string): Program {
  const pid = child.pid ?? 0;
  // One that has ended stays counted as it was last seen.
  const threads = new Map<string, number>();
  const status = (field: string) => {
    const found = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(found?.[1] ?? Number.NaN) / 1024;
  };
  return {
    url,
    spawnedMs,
    cpuMs() {
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        const [ran] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
        threads.set(thread, Number(ran) / 1e6);
      }
      return [...threads.values()].reduce((sum, ms) => sum + ms, 0);
    },
    memoryMb: () => status("VmRSS"),
    peakMb: () => status("VmHWM"),
    forgetPeak: () => writeFileSync(`/proc/${pid}/clear_refs`, "5"),
    collect: () =>
      new Promise((resolve) => {
        child.once("message", (usage) => {
          const { rss, heapUsed, external } = usage as NodeJS.MemoryUsage;
          resolve({ rssMb: rss / 1024 ** 2, usedMb: (heapUsed + external) / 1024 ** 2 });
        });
        child.send("collect");
      }),
    stop: () => void child.kill("SIGKILL"),
  };
}
