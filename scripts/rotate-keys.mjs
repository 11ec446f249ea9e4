/**
 * `npm run rotate-keys`: seals everything that is stored with the first key of ENCRYPTION_KEY, while Kleis runs.
 * Usage: npm run rotate-keys -- [--env-file=<file>]
 */
import { spawn } from "node:child_process";
import { passSignals } from "./pass-signals.mjs";
import { install, NODE, ROOT } from "./setup.mjs";

install("start");
const { bundleForNode, ROTATION, WITH_LIBSQL } = await import("./bundle.mjs");
await bundleForNode(ROTATION, "dist", WITH_LIBSQL);

// Behind `--`, for Node would take an --env-file for its own.
const rotation = spawn(NODE, ["--", "dist/rotate-keys.mjs", ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: "inherit",
});
passSignals(rotation);
