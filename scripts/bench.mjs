/** `npm run bench [-- W2 W4]`: installs what is missing, builds, and measures. By hand only; see bench/README.md. */
import { install, NODE, run } from "./setup.mjs";

install("all");
run(NODE, ["scripts/build.mjs"]);
run(NODE, ["bench/main.ts", ...process.argv.slice(2)]);
