/** Bundles the Node door into dist/server.mjs. libSQL stays outside: it loads a native part. */
import { build } from "esbuild";

await build({
  entryPoints: { server: "adapters/node/main.ts" },
  outdir: "dist",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node22",
  external: ["@libsql/client"],
  minify: true,
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  logLevel: "warning",
});
