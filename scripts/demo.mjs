/** `npm run demo`: installs what is missing and starts the stand-in providers with a Kleis in front of them. */
import { spawn } from "node:child_process";
import { passSignals } from "./pass-signals.mjs";
import { install, NODE, ROOT } from "./setup.mjs";

install("all");
// Not by tsx's own command, which ends at some signals without its child.
const demo = spawn(NODE, ["--import", "tsx", "tests/fakes/demo.ts"], { cwd: ROOT, stdio: "inherit" });
passSignals(demo);
