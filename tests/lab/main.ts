/** `npm run lab`: real coding agents through Kleis against the fakes. See docs/lab.md. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { cacheFolder, installAgents } from "./install.ts";
import { findIsolation } from "./isolation.ts";
import { readOptions, USAGE } from "./options.ts";

const args = process.argv.slice(2);
if (args.includes("--help")) {
  process.stdout.write(USAGE);
  process.exit(0);
}
try {
  const { newest } = readOptions(args);
  const agents = installAgents(cacheFolder(process.env), newest, say);
  const isolation = findIsolation();
  const [file = "", ...rest] = [
    ...isolation.prefix,
    ...[process.execPath, join(import.meta.dirname, "inside.ts"), agents, isolation.words, ...args],
  ];
  // A process group, since `unshare` passes no signals on.
  const child = spawn(file, rest, { stdio: "inherit", detached: true });
  child.once("error", (error) => fail(error.message));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => child.pid !== undefined && process.kill(-child.pid, signal));
  child.once("exit", (code) => process.exit(code ?? 1));
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function fail(text: string): never {
  say(text);
  process.exit(2);
}
