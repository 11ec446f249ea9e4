/** One JSON line per event, to standard error; standard output is for what a person reads at start. */
import type { LogFields, Logger } from "../../src/runtime.ts";

const LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

export function createLogger(level: (typeof LEVELS)[number]): Logger {
  const least = LEVELS.indexOf(level);
  const at = (name: (typeof LEVELS)[number]) =>
    LEVELS.indexOf(name) < least
      ? () => {}
      : (event: string, fields: LogFields = {}) => {
          process.stderr.write(
            `${JSON.stringify({ time: new Date().toISOString(), level: name, event, ...fields })}\n`,
          );
        };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
