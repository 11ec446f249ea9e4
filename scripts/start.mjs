/** `npm start`: installs what is missing, builds, and becomes the server. */
import { spawn } from "node:child_process";
import { passSignals } from "./pass-signals.mjs";
import { install, NODE, ROOT, run } from "./setup.mjs";

install("start");
run(NODE, ["scripts/build.mjs"]);

const server = spawn(NODE, ["dist/server.mjs"], { cwd: ROOT, stdio: "inherit" });
passSignals(server);
