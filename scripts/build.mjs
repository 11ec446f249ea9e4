/** Bundles the Node adapter into dist/server.mjs. Usage: node scripts/build.mjs [<output folder>] */
import { bundleHere, SERVER } from "./bundle.mjs";

await bundleHere(SERVER, process.argv[2]);
