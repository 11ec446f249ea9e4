/** `npm run lab`: installs what is missing and runs real coding agents through Kleis. By hand only; see docs/lab.md. */
import { exitCodeOf } from "./child.mjs";
import { install } from "./setup.mjs";

const node = install("all");
process.exit(exitCodeOf(node, ["tests/lab/main.ts", ...process.argv.slice(2)]));
