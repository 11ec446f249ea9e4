/** Starts a program of the benchmarks and reads what it costs: CPU time and memory, from /proc. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Program {
  url: string;
  /** CPU milliseconds used so far, of the process and its children that have ended. */
  cpuMs(): number;
  /** Resident memory now, MB. */
  memoryMb(): number;
  stop(): void;
}

/** Clock ticks per second in /proc/<pid>/stat; 100 on every Linux that Node runs on. */
const TICKS = 100;

export function programOf(child: ChildProcess, url: string): Program {
  const pid = child.pid ?? 0;
  return {
    url,
    cpuMs() {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
    },
    memoryMb() {
      const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      return Number(rss ?? 0) / 1024;
    },
    stop: () => void child.kill("SIGKILL"),
  };
}

/** Starts a TypeScript file of this folder that prints `{"port":n}` when it listens. */
export async function startScript(file: string, env: Record<string, string> = {}): Promise<Program> {
  const child = spawn(process.execPath, [new URL(file, import.meta.url).pathname], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await firstLine(child, /^\{.*\}$/m);
  const { port } = JSON.parse(line) as { port: number };
  return programOf(child, `http://127.0.0.1:${port}`);
}

/** The first text that matches on a child's standard output. */
export function firstLine(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (part: Buffer) => {
      text += part.toString();
      const found = pattern.exec(text);
      if (found !== null) resolve(found[0]);
    });
    child.on("exit", (code) => reject(new Error(`ended with ${code} before it listened`)));
  });
}
