/** `npm run demo`: installs what is missing and starts the stand-in providers with a Kleis in front of them. */
import { launch } from "./child.mjs";
import { passSignals } from "./pass-signals.mjs";
import { install } from "./setup.mjs";

const node = install("all");
// Not by tsx's own command, which ends at some signals without its child.
passSignals(launch(node, ["--import", "tsx", "tests/fakes/demo.ts"]));
