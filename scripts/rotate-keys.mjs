/**
 * `npm run rotate-keys`: seals everything that is stored with the first key of ENCRYPTION_KEY, while Kleis runs.
 * Usage: npm run rotate-keys -- [--env-file=<file>]
 */
import { spawn } from "node:child_process";
import { install, NODE, ROOT } from "./setup.mjs";

install("start");
const { bundleForNode, WITH_LIBSQL } = await import("./bundle.mjs");
await bundleForNode({ "rotate-keys": "adapters/rotate/main.ts" }, "dist", WITH_LIBSQL);

const forNode = process.argv.slice(2).filter((argument) => argument.startsWith("--env-file"));
const rotation = spawn(NODE, [...forNode, "dist/rotate-keys.mjs"], { cwd: ROOT, stdio: "inherit" });
// The terminal sends the interruption to both: the rotation ends behind its batch.
process.on("SIGINT", () => {});
rotation.on("exit", (code) => process.exit(code ?? 1));
