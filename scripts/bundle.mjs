/**
 * How code for Node is bundled, wherever it then runs: one ES module per entry, with nothing beside it but its source
 * map. It is not minified, so that a stack in the log names the lines of the sources (`adapters/node/source-lines.ts`).
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import { build } from "esbuild";
import { fail, ROOT } from "./child.mjs";
import { buildMark, isCurrent } from "./current-build.mjs";

/**
 * `entryPoints` maps the name of each `.mjs` to its source; `more` are further options of esbuild. `mark` becomes the
 * last line of each bundle.
 */
export async function bundleForNode(entryPoints, outdir, more = {}, mark = undefined) {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints,
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    sourcemap: "linked",
    sourcesContent: false,
    // Bundled CommonJS asks for Node's own modules by `require`.
    banner: {
      js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
    },
    logLevel: "warning",
    write: false,
    // As in Node's own copy of undici: without its second, experimental parser.
    define: { esbuildDetection: "true" },
    plugins: [undiciOverHttp1],
    ...more,
  });
  // Maps first, so that a bundle which is there has its own.
  const files = result.outputFiles.toSorted((a, b) => Number(isMap(b.path)) - Number(isMap(a.path)));
  for (const file of files) replaceFile(file.path, isMap(file.path) ? mapOf(file) : contentsOf(file, mark));
  return result;
}

const isMap = (path) => path.endsWith(".map");

/** Sources are named from the folder above the bundle, as they stand in this repository, wherever the bundle is laid. */
function mapOf({ path, text }) {
  const map = JSON.parse(text);
  const nameOf = (source) => relative(ROOT, resolve(dirname(path), source)).replaceAll(sep, "/");
  return JSON.stringify({ ...map, sources: map.sources.map((source) => `../${nameOf(source)}`) });
}

/** The mark stands last, where `isCurrent` looks for it. */
function contentsOf({ text }, mark) {
  return mark === undefined ? text : `${text}${mark}\n`;
}

/** Leaves out the parts of undici that are never called here and cost size and start-up: HTTP/2, forms, SOCKS. */
const undiciOverHttp1 = {
  name: "undici-over-http1",
  setup(build) {
    const unused =
      /[\\/]undici[\\/]lib[\\/](dispatcher[\\/](client-h2|socks5-proxy-agent)|web[\\/](fetch[\\/](body|formdata)|webidl[\\/]index))\.js$/;
    build.onLoad({ filter: unused }, () => ({ contents: "module.exports = {};" }));
    // Its parser without SIMD, for processors that no Node 24 runs on.
    build.onLoad({ filter: /[\\/]undici[\\/]lib[\\/]llhttp[\\/]llhttp-wasm\.js$/ }, () => ({
      contents: 'module.exports = require("./llhttp_simd-wasm.js");',
    }));
  },
};

/** Whole or not at all, also for another process that builds or starts at the same moment. */
function replaceFile(path, contents) {
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, contents);
    renameSync(draft, path);
  } catch (error) {
    if (existsSync(draft)) rmSync(draft);
    fail(
      `${path.replace(/\.map$/, "")} is older than its sources and cannot be written (${error.code}). Run npm run build once as the user that owns the folder.`,
    );
  }
}

/** The package of libSQL's client. */
export const LIBSQL = "@libsql/client";

/** libSQL on a file stays outside of what runs here: it loads a native part. */
export const WITH_LIBSQL = { external: [`${LIBSQL}/sqlite3`] };

/** What `npm start` and the container run: the server, and the thread of its database file beside it. */
export const SERVER = { server: "adapters/node/main.ts", "file-thread": "adapters/node/file-thread.ts" };

/** What a command line runs beside the server: the entries that `npm run` and the container have in common. */
export const DOCTOR = { doctor: "adapters/doctor/main.ts" };
export const ROTATION = { "rotate-keys": "adapters/rotate/main.ts" };

/** Bundles for this very folder, which is what `isCurrent` recognises. */
export function bundleHere(entryPoints, outdir = "dist") {
  return bundleForNode(entryPoints, outdir, WITH_LIBSQL, buildMark());
}

/** Bundles into `dist` what is not current there; a folder that cannot be written is left alone while it is current. */
export async function keepCurrent(entryPoints) {
  if (!isCurrent(Object.keys(entryPoints))) await bundleHere(entryPoints);
}
