/** `npm start`: installs what is missing, builds what is not current, and becomes the server. */
import { launch, run } from "./child.mjs";
import { isCurrent } from "./current-build.mjs";
import { passSignals } from "./pass-signals.mjs";
import { install } from "./setup.mjs";

const node = install("start");
if (!isCurrent(["server", "file-thread"])) run(node, ["scripts/build.mjs"]);
passSignals(launch(node, ["dist/server.mjs"]));
