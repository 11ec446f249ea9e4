/** Kleis as it is shipped for each runtime: built by its own build, run by its own runtime in its own process. */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bareEnvironment, NODE, ROOT, runScript, startProcess } from "./process.ts";
import { SECRETS } from "./secrets.ts";
import { workerdBinary, writeWorkerdConfig } from "./workerd.ts";

export interface RunningBuild {
  readonly url: string;
  /** What its process printed, which is its log. */
  output(): string;
  close(): Promise<void>;
}

/** Variables besides the folder or address of the database; the same names on every runtime. */
export type Variables = Record<string, string>;

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

export function startNodeBuild(build: Build, variables: Variables): Promise<RunningBuild> {
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

/** Runs the upload in workerd itself; what it sends goes through the script `outgoing`, where one is given. */
export function startWorkerBuild(
  build: Build,
  variables: Variables,
  outgoing?: string,
): Promise<RunningBuild> {
  const bindings = { ...SECRETS, ...variables };
  const config = writeWorkerdConfig(join(build.folder, "worker.js"), bindings, outgoing);
  return started(
    startProcess(
      workerdBinary(),
      ["serve", "--control-fd=1", config.path],
      { env: bareEnvironment() },
      /"event":"listen","socket":"http","port":(\d+)/,
      // On SIGTERM it waits for kept connections.
      "SIGKILL",
    ).then((running) => ({ ...running, found: `http://127.0.0.1:${running.found}` })),
    config.remove,
  );
}

/** What Vercel's build step makes; lies outside this package, so that it can lean on nothing of it. */
export function buildVercel(): Build {
  return buildIn("vercel", (folder) => {
    runScript(["scripts/build-vercel.mjs", join(folder, "output")]);
    cpSync(join(import.meta.dirname, "vercel-bridge.mjs"), join(folder, "bridge.mjs"));
  });
}

export function startVercelBuild(build: Build, variables: Variables): Promise<RunningBuild> {
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
): Promise<RunningBuild> {
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
