/** A small clone of this repository for the scripts: their real code, one tiny program, and an npm that needs no network. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");

/** What npm's script does here: notes its arguments, links what the build needs, and lays down a Node.js. */
const NPM = `
import { appendFileSync, copyFileSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
appendFileSync("asked", process.argv.slice(2).join(" ") + "\\n");
mkdirSync("node_modules/node/bin", { recursive: true });
for (const name of ["esbuild", "@esbuild"]) {
  if (!existsSync("node_modules/" + name)) symlinkSync(process.env.REAL_MODULES + "/" + name, "node_modules/" + name);
}
const { BINARY, BINARY_NAME = "node" } = process.env;
if (BINARY && !process.argv.includes("--ignore-scripts=true")) copyFileSync(BINARY, "node_modules/node/bin/" + BINARY_NAME);
`;

export interface Clone {
  readonly folder: string;
  /** Runs a script on the tests' own Node.js, which believes to be on the given platform and of the given version. */
  run(script: string, options?: RunOptions): SpawnSyncReturns<string>;
  /** The arguments of each call of npm so far. */
  calls(): string[];
  remove(): void;
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly platform?: string;
  readonly version?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** In a folder whose name has blanks. `program` is what `npm start` runs. */
export function createClone(program = "console.log('It runs.');"): Clone {
  const parent = mkdtempSync(join(tmpdir(), "kleis-clone-"));
  const folder = join(parent, "My Programs (x86)", "kleis & co");
  const npm = join(parent, "npm files", "npm-cli.js");
  for (const each of [
    folder,
    join(parent, "npm files"),
    join(folder, "adapters/node"),
    join(folder, "src"),
  ]) {
    mkdirSync(each, { recursive: true });
  }
  for (const name of ["scripts", "package.json", "package-lock.json", "tsconfig.json"]) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  writeFileSync(join(parent, "package.json"), '{"type":"module"}');
  writeFileSync(npm, NPM);
  writeFileSync(join(folder, "adapters/node/main.ts"), program);
  writeFileSync(join(folder, "adapters/node/file-thread.ts"), "");
  writeFileSync(join(folder, "src/part.ts"), "");
  return {
    folder,
    run(script, { args = [], platform = process.platform, version = process.version, env = {} } = {}) {
      const pretended = `for (const [name, value] of ${JSON.stringify(Object.entries({ platform, version }))}) Object.defineProperty(process, name, { value });`;
      return spawnSync(
        process.execPath,
        ["--import", `data:text/javascript,${encodeURIComponent(pretended)}`, `scripts/${script}`, ...args],
        {
          cwd: folder,
          encoding: "utf8",
          env: {
            PATH: process.env.PATH,
            npm_execpath: npm,
            REAL_MODULES: join(ROOT, "node_modules"),
            ...env,
          },
        },
      );
    },
    calls() {
      const asked = join(folder, "asked");
      return existsSync(asked) ? readFileSync(asked, "utf8").trim().split("\n") : [];
    },
    remove: () => rmSync(parent, { recursive: true, force: true }),
  };
}
