/**
 * `npm run doctor`: installs what is missing, builds the doctor and runs it.
 * Usage: npm run doctor -- [--env-file=<file>] [<address of a deployment>]
 */
import { spawnSync } from "node:child_process";
import { install, NODE, ROOT } from "./setup.mjs";

install("start");
const { bundleForNode, DOCTOR, WITH_LIBSQL } = await import("./bundle.mjs");
await bundleForNode(DOCTOR, "dist", WITH_LIBSQL);

// Behind `--`, for Node would take an --env-file for its own.
const { status } = spawnSync(NODE, ["--", "dist/doctor.mjs", ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: "inherit",
});
process.exit(status ?? 1);
