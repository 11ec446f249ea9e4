/** The part of the lab that has no internet. Arguments: the agents' folder, words about the isolation, the options. */
import { readOptions } from "./options.ts";
import { runLab } from "./run.ts";

const [agents = "", isolation = "", ...args] = process.argv.slice(2);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
process.exit(await runLab({ options: readOptions(args), agents, stop: stop.signal }, isolation));
