/**
 * `npm run doctor`: installs what is missing, builds the doctor and runs it.
 * Usage: npm run doctor -- [--env-file=<file>] [--live [--yes] [--json] [--report=<file>]] [<address of a deployment>]
 */
import { exitCodeOf } from "./child.mjs";
import { install } from "./setup.mjs";

const node = install("start");
const { DOCTOR, keepCurrent } = await import("./bundle.mjs");
await keepCurrent(DOCTOR);

// After `--`, since Node would take an --env-file for its own.
process.exit(exitCodeOf(node, ["--", "dist/doctor.mjs", ...process.argv.slice(2)]));
