/** Starts an agent in a home of its own and waits for its end. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Launch } from "./agents.ts";

/** A fresh home, with an empty working folder in it. */
export interface Home {
  readonly folder: string;
  readonly work: string;
  remove(): void;
}

export function createHome(): Home {
  const folder = mkdtempSync(join(tmpdir(), "kleis-lab-"));
  const work = join(folder, "work");
  for (const each of [work, join(folder, "tmp")]) mkdirSync(each);
  return {
    folder,
    work,
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }),
  };
}

export interface Ending {
  /** Null when it was stopped because its time was over. */
  readonly code: number | null;
  /** Both streams, without colours. */
  readonly output: string;
  readonly ms: number;
}

/** Process groups that may have to be ended with this process. */
const running = new Set<number>();
process.on("exit", () => {
  for (const group of running) endGroup(group);
});

/** `stop` ends it at once. */
export async function launch(
  program: string,
  home: Home,
  started: Launch,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<Ending> {
  for (const [name, content] of Object.entries(started.files ?? {})) {
    const file = join(home.folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  }
  const began = performance.now();
  const child = spawn(program, started.args, {
    cwd: home.work,
    // A process group, so that everything that it starts ends with it.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environment(home), ...started.env },
  });
  const group = child.pid;
  if (group !== undefined) running.add(group);
  let output = "";
  let isLate = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      output += part;
    });
  }
  const end = () => {
    isLate = true;
    if (group !== undefined) endGroup(group);
  };
  const timer = setTimeout(end, timeoutMs);
  stop.addEventListener("abort", end);
  const code = await new Promise<number>((ended) => {
    child.once("exit", (status) => {
      // The last output may come later; what the agent leaves running may hold its streams open for good.
      const finish = () => ended(status ?? 128);
      child.once("close", finish);
      setTimeout(finish, 1_000);
    });
    child.once("error", (error) => {
      output += `\n${error.message}`;
      ended(127);
    });
  });
  clearTimeout(timer);
  stop.removeEventListener("abort", end);
  if (group !== undefined) endGroup(group);
  return { code: isLate ? null : code, output: plain(output), ms: performance.now() - began };
}

function endGroup(group: number): void {
  running.delete(group);
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Nothing of this machine's but the programs; Node.js is the one that runs the lab. */
function environment({ folder }: Home): Record<string, string> {
  return {
    PATH: [dirname(process.execPath), process.env.PATH ?? ""].join(delimiter),
    HOME: folder,
    TMPDIR: join(folder, "tmp"),
    XDG_CONFIG_HOME: join(folder, ".config"),
    XDG_DATA_HOME: join(folder, ".local/share"),
    XDG_CACHE_HOME: join(folder, ".cache"),
    XDG_STATE_HOME: join(folder, ".local/state"),
    LANG: "C.UTF-8",
    TERM: "dumb",
    NO_COLOR: "1",
    CI: "1",
  };
}

function plain(output: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours and cursor movements begin with one.
  return output.replace(/\x1b\[[0-9;?]*[a-zA-Z]/g, "");
}
