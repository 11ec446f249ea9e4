/** `npm run bench [-- worker W2 W4]`: installs what is missing and measures. By hand only; see bench/README.md. */
import { install, NODE, run } from "./setup.mjs";

install("all");
run(NODE, ["bench/main.ts", ...process.argv.slice(2)]);
