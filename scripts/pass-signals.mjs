/** Makes this process one with the child that it started: signals go to the child, and both end alike. */
import { constants } from "node:os";

/** Every signal that ends a process and can be caught; the same list as in adapters/node/shutdown.ts. */
export const ENDING_SIGNALS = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGBREAK",
  "SIGUSR2",
  "SIGALRM",
  "SIGXCPU",
  "SIGPWR",
];

/** Windows tells every process of a console itself, and a signal that is sent there ends its receiver at once. */
const CAN_PASS = process.platform !== "win32";

/** Passes signals on to `child` and ends with its exit code, however long it takes to end. */
export function passSignals(child) {
  const passed = new Set();
  for (const signal of ENDING_SIGNALS) {
    process.on(signal, () => {
      passed.add(signal);
      if (CAN_PASS) child.kill(signal);
    });
  }
  child.on("exit", (code, signal) => {
    // A child that was ended by what it was asked to end by has ended well; one that was killed has not.
    process.exit(code ?? (passed.has(signal) ? 0 : 128 + (constants.signals[signal] ?? 0)));
  });
}
