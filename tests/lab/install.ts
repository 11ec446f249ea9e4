/** Installs the agents from npm, outside the repository and without running install scripts of their dependencies. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import { ROOT } from "../../harness/process.ts";
import { AGENTS, type Agent } from "./agents.ts";

/** The exact versions, and npm's lock with the hash of everything that they bring. */
const PINNED = join(import.meta.dirname, "packages");
const FILES = ["package.json", "package-lock.json"];
const STAMP = ".installed";
/** The newest versions are looked up again after this time. */
const NEWEST_FOR_MS = 3_600_000;

/** `KLEIS_LAB_CACHE`, else `kleis-lab` in the user's cache folder. Throws when it lies inside the repository. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const folder = resolve(
    env.KLEIS_LAB_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "kleis-lab"),
  );
  const inside = relative(ROOT, folder);
  if (!inside.startsWith("..") && !isAbsolute(inside))
    throw new Error("KLEIS_LAB_CACHE must be a folder outside the repository.");
  return folder;
}

/** Returns the folder whose `node_modules` holds the agents. Throws in plain words. */
export function installAgents(cache: string, newest: boolean, say: (text: string) => void): string {
  return newest ? installNewest(cache, say) : installPinned(cache, say);
}

/** The version of an agent that is installed in a folder. */
export function versionOf(folder: string, agent: Agent): string {
  const file = join(folder, "node_modules", agent.package, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

export function programOf(folder: string, agent: Agent): string {
  return join(folder, "node_modules", ".bin", agent.program);
}

function installPinned(cache: string, say: (text: string) => void): string {
  const hash = createHash("sha256");
  for (const file of FILES) hash.update(readFileSync(join(PINNED, file)));
  const name = `pinned-${hash.digest("hex").slice(0, 16)}`;
  const folder = join(cache, name);
  if (existsSync(join(folder, STAMP))) return folder;
  say(`Installing the pinned agents (about 2 GB) in ${folder} …`);
  begin(folder);
  for (const file of FILES) cpSync(join(PINNED, file), join(folder, file));
  // Not `npm ci`: it refuses a lock that lacks a package for another platform, and some of those are not published.
  npm(folder, ["install", "--no-save"]);
  finish(folder);
  for (const other of readdirSync(cache))
    if (other.startsWith("pinned-") && other !== name) rmSync(join(cache, other), { recursive: true });
  return folder;
}

function installNewest(cache: string, say: (text: string) => void): string {
  const folder = join(cache, "newest");
  const stamp = join(folder, STAMP);
  if (existsSync(stamp) && Date.now() - Number(readFileSync(stamp, "utf8")) < NEWEST_FOR_MS) return folder;
  say(`Installing the newest agents (about 2 GB) in ${folder} …`);
  begin(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "kleis-lab", private: true }));
  npm(folder, ["install", "--save-exact", ...AGENTS.map((agent) => `${agent.package}@latest`)]);
  finish(folder);
  return folder;
}

function begin(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

function finish(folder: string): void {
  for (const agent of AGENTS) {
    if (agent.installScript === undefined) continue;
    const home = join(folder, "node_modules", agent.package);
    run(process.execPath, [join(home, agent.installScript)], home);
  }
  writeFileSync(join(folder, STAMP), String(Date.now()));
}

function npm(folder: string, args: readonly string[]): void {
  const script = process.env.npm_execpath;
  const [file, ...first] = script === undefined ? ["npm"] : [process.execPath, script];
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  run(file ?? "npm", [...first, ...args, ...quiet], folder);
}

function run(file: string, args: readonly string[], cwd: string): void {
  // Variables that npm sets for this package would steer the npm that is started here.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle)_/.test(name)),
  );
  const { error, status, stdout, stderr } = spawnSync(file, args, { cwd, env, encoding: "utf8" });
  if (error !== undefined) throw new Error(`${file} cannot be started (${error.message}).`);
  if (status !== 0)
    throw new Error(`${[file, ...args].join(" ")} failed:\n${`${stdout}${stderr}`.slice(-2000)}`);
}
