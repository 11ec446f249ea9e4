/**
 * `npm run rotate-keys`: seals everything that is stored with the first key of ENCRYPTION_KEY, while Kleis runs.
 * Usage: npm run rotate-keys -- [--env-file=<file>]
 */
import { launch } from "./child.mjs";
import { passSignals } from "./pass-signals.mjs";
import { install } from "./setup.mjs";

const node = install("start");
const { keepCurrent, ROTATION } = await import("./bundle.mjs");
await keepCurrent(ROTATION);

// After `--`, since Node would take an --env-file for its own.
passSignals(launch(node, ["--", "dist/rotate-keys.mjs", ...process.argv.slice(2)]));
