/** The yardsticks, bundled as Kleis is, so that what is measured beside it starts and runs alike. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { ROOT } from "../harness/process.ts";

export interface Yardsticks {
  upstream: string;
  bareNode: string;
  bareHono: string;
  bareWorker: string;
  bareHonoWorker: string;
  remove(): void;
}

export async function buildYardsticks(): Promise<Yardsticks> {
  const folder = mkdtempSync(join(tmpdir(), "kleis-yardsticks-"));
  const bundle = async (name: string, platform: "node" | "neutral") => {
    const outfile = join(folder, platform === "node" ? `${name}.mjs` : `${name}.js`);
    await build({
      absWorkingDir: ROOT,
      entryPoints: [join("bench", `${name}.ts`)],
      outfile,
      bundle: true,
      platform,
      mainFields: ["module", "main"],
      conditions: platform === "node" ? [] : ["workerd"],
      format: "esm",
      target: platform === "node" ? "node22" : "es2023",
      minify: true,
      logLevel: "warning",
    });
    return outfile;
  };
  return {
    upstream: await bundle("upstream", "node"),
    bareNode: await bundle("bare-node", "node"),
    bareHono: await bundle("bare-hono", "node"),
    bareWorker: await bundle("bare-worker", "neutral"),
    bareHonoWorker: await bundle("bare-hono-worker", "neutral"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
