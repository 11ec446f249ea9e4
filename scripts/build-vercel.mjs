/**
 * `npm run build:vercel`: writes Vercel's Build Output (version 3) with one bundled function and the static files.
 * Vercel's own detection is not relied on. Usage: node scripts/build-vercel.mjs [<output folder>]
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleForNode } from "./bundle.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const output = process.argv[2] ?? join(ROOT, ".vercel", "output");
const code = join(output, "functions", "index.func");

/** Seconds that one request may run: 300 on the Hobby plan; a Pro plan allows up to 800. The renewal of a token may take 80. */
const written = (process.env.KLEIS_VERCEL_MAX_DURATION ?? "").trim().replace(/^(["'])(.*)\1$/, "$2") || "300";
const maxDuration = Number(written);
if (!/^\d+$/.test(written) || maxDuration < 90 || maxDuration > 800) {
  process.stderr.write("KLEIS_VERCEL_MAX_DURATION must be a whole number of seconds from 90 to 800.\n");
  process.exit(1);
}

rmSync(output, { recursive: true, force: true });
mkdirSync(code, { recursive: true });
// Vercel takes no flag for Node, so that a map is of no use there; a smaller bundle starts sooner.
const small = { minify: true, sourcemap: false, metafile: true };
const { metafile } = await bundleForNode({ index: "adapters/vercel/function.ts" }, code, small);

const json = (path, value) => writeFileSync(join(output, path), `${JSON.stringify(value, null, 2)}\n`);
json("functions/index.func/.vc-config.json", {
  runtime: "nodejs24.x",
  handler: "index.mjs",
  launcherType: "Nodejs",
  shouldAddHelpers: false,
  supportsResponseStreaming: true,
  supportsCancellation: true,
  maxDuration,
});
json("functions/index.func/package.json", { type: "module" });
json("config.json", {
  version: 3,
  routes: [{ handle: "filesystem" }, { src: "/(.*)", dest: "/index" }],
});
cpSync(join(ROOT, "public"), join(output, "static"), { recursive: true });

const bytes = Object.values(metafile.outputs).reduce((sum, each) => sum + each.bytes, 0);
process.stdout.write(`${output}: one function of ${Math.round(bytes / 1024)} KiB\n`);
