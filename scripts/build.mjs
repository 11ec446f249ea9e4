/** Bundles the Node door into dist/server.mjs. Usage: node scripts/build.mjs [<output folder>] */
import { bundleForNode, WITH_LIBSQL } from "./bundle.mjs";

await bundleForNode({ server: "adapters/node/main.ts" }, process.argv[2] ?? "dist", WITH_LIBSQL);
