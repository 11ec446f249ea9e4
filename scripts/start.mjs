/** `npm start`: installs what is missing, builds, and becomes the server. */
import { spawn } from "node:child_process";
import { install, NODE, ROOT, run } from "./setup.mjs";

install("start");
run(NODE, ["scripts/build.mjs"]);

const server = spawn(NODE, ["dist/server.mjs"], { cwd: ROOT, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => server.kill(signal));
server.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 1 : 0)));
