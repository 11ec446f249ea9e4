/** How code for Node is bundled, wherever it then runs: one ES module per entry, with nothing beside it. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** `entryPoints` maps the name of each `.mjs` to its source; `more` are further options of esbuild. */
export function bundleForNode(entryPoints, outdir, more = {}) {
  return build({
    absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
    entryPoints,
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    minify: true,
    // Bundled CommonJS asks for Node's own modules by `require`.
    banner: {
      js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
    },
    logLevel: "warning",
    ...more,
  });
}

/** The package of libSQL's client. */
export const LIBSQL = "@libsql/client";

/** libSQL on a file stays outside of what runs here: it loads a native part. */
export const WITH_LIBSQL = { external: [`${LIBSQL}/sqlite3`] };

/** What a command line runs beside the server: the entries that `npm run` and the container have in common. */
export const DOCTOR = { doctor: "adapters/doctor/main.ts" };
export const ROTATION = { "rotate-keys": "adapters/rotate/main.ts" };
