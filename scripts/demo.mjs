/** `npm run demo`: installs what is missing and starts the stand-in providers with a Kleis in front of them. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { install, NODE, ROOT } from "./setup.mjs";

install("all");
const demo = spawn(NODE, [join(ROOT, "node_modules", "tsx", "dist", "cli.mjs"), "tests/fakes/demo.ts"], {
  cwd: ROOT,
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => demo.kill(signal));
demo.on("exit", (code) => process.exit(code ?? 0));
