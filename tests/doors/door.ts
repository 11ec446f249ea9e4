/** The three doors as they are shipped: each built by its own build, run by its own runtime in its own process. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bareEnvironment, NODE, ROOT, runScript, startProcess } from "./process.ts";

export interface RunningDoor {
  readonly url: string;
  /** What its process printed: its log. */
  output(): string;
  close(): Promise<void>;
}

/** Variables beside the folder or address of the database; the same names at every door. */
export type Variables = Record<string, string>;

export const ADMIN_TOKEN = "three-doors-5b1e9c70d24f8a63";
export const SECRETS: Variables = {
  ADMIN_TOKEN,
  ENCRYPTION_KEY: Buffer.alloc(32, 9).toString("base64"),
};

/** A build in a folder of its own. */
export interface Build {
  readonly folder: string;
  remove(): void;
}

function buildIn(name: string, make: (folder: string) => void): Build {
  const folder = mkdtempSync(join(tmpdir(), `kleis-${name}-`));
  make(folder);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What `npm start` runs. */
export function buildNode(): Build {
  return buildIn("node", (folder) => {
    runScript(["scripts/build.mjs", join(folder, "dist")]);
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    cpSync(join(ROOT, "public"), join(folder, "public"), { recursive: true });
  });
}

export function startNodeDoor(build: Build, variables: Variables): Promise<RunningDoor> {
  return started(
    startProcess(
      NODE,
      [join(build.folder, "dist", "server.mjs")],
      { cwd: build.folder, env: bareEnvironment({ ...SECRETS, PORT: "0", ...variables }) },
      /running at (http:\S+)/,
    ),
  );
}

/** What `wrangler deploy` would upload. */
export function buildWorker(): Build & { report: string } {
  let report = "";
  const build = buildIn("worker", (folder) => {
    report = runScript(["node_modules/wrangler/bin/wrangler.js", "deploy", "--dry-run", "--outdir", folder], {
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_SEND_METRICS: "false",
    });
  });
  return { ...build, report };
}

/** Runs the upload in workerd itself, with nothing in front of it, dated and flagged as wrangler.toml says. */
export function startWorkerDoor(build: Build, variables: Variables): Promise<RunningDoor> {
  const settings = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  const date = /^compatibility_date = "([\d-]+)"$/m.exec(settings)?.[1];
  const flags = /^compatibility_flags = (\[.*\])$/m.exec(settings)?.[1];
  const text = (value: string) => JSON.stringify(value);
  const bindings = Object.entries({ ...SECRETS, ...variables })
    .map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`)
    .join(", ");
  const config = join(mkdtempSync(join(tmpdir(), "kleis-workerd-")), "config.capnp");
  cpSync(join(build.folder, "worker.js"), join(config, "..", "worker.js"));
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "kleis", worker = .worker),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "kleis")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = ${text(date ?? "")},
  compatibilityFlags = ${flags ?? "[]"},
  bindings = [${bindings}],
);
`,
  );
  return started(
    startProcess(
      workerdBinary(),
      ["serve", "--control-fd=1", config],
      { env: bareEnvironment() },
      /"event":"listen","socket":"http","port":(\d+)/,
      // On SIGTERM it waits for kept connections.
      "SIGKILL",
    ).then((running) => ({ ...running, found: `http://127.0.0.1:${running.found}` })),
    () => rmSync(join(config, ".."), { recursive: true, force: true }),
  );
}

/** The program itself: the package's own command starts it behind a process that does not pass signals on. */
function workerdBinary(): string {
  const { default: path } = createRequire(join(ROOT, "package.json"))("workerd") as { default: string };
  return path;
}

/** What Vercel's build step makes; lies outside this package, so that it can lean on nothing of it. */
export function buildVercel(): Build {
  return buildIn("vercel", (folder) => {
    runScript(["scripts/build-vercel.mjs", join(folder, "output")]);
    cpSync(join(import.meta.dirname, "vercel-bridge.mjs"), join(folder, "bridge.mjs"));
  });
}

export function startVercelDoor(build: Build, variables: Variables): Promise<RunningDoor> {
  return started(
    startProcess(
      NODE,
      [join(build.folder, "bridge.mjs"), join(build.folder, "output")],
      { cwd: build.folder, env: bareEnvironment({ ...SECRETS, ...variables }) },
      /listening at (http:\S+)/,
    ),
  );
}

async function started(
  starting: ReturnType<typeof startProcess>,
  afterwards: () => void = () => {},
): Promise<RunningDoor> {
  const running = await starting;
  return {
    url: running.found,
    output: running.output,
    async close() {
      await running.close();
      afterwards();
    },
  };
}
