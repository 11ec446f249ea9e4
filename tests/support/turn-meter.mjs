/**
 * Loaded into a server process (`node --import`). On SIGWINCH it says how long the event loop has been held up at most since
 * it was last asked, in ms of the main thread's computing time, which does not depend on what else the machine does; and
 * how much memory is held after a collection, in MiB, on V8's heap and beside it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const EVERY_MS = 5;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

let longest = 0;
let last = process.threadCpuUsage();
setInterval(() => {
  const { user, system } = process.threadCpuUsage(last);
  last = process.threadCpuUsage();
  longest = Math.max(longest, (user + system) / 1000);
}, EVERY_MS).unref();

process.on("SIGWINCH", () => {
  const turn = Math.round(longest);
  // What the first one finds is freed by the second where it lies beside the heap.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  process.stdout.write(`turn ${turn} held ${Math.round((heapUsed + external) / 1024 / 1024)}\n`);
  last = process.threadCpuUsage();
  longest = 0;
});
