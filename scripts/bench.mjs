/** `npm run bench [-- worker W2 W4]`: installs what is missing and measures. By hand only; see bench/README.md. */
import { run } from "./child.mjs";
import { install } from "./setup.mjs";

const node = install("all");
run(node, ["bench/main.ts", ...process.argv.slice(2)]);
