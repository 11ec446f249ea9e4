/** One JSON line per event, to standard error; standard output is for what a person reads at start. */
import type { LogFields, Logger } from "../../src/runtime.ts";
import { write } from "./output.ts";
import { withSourceLines } from "./source-lines.ts";

const LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

export function createLogger(level: (typeof LEVELS)[number]): Logger {
  const least = LEVELS.indexOf(level);
  let lost = 0;
  const at = (name: (typeof LEVELS)[number]) =>
    LEVELS.indexOf(name) < least
      ? () => {}
      : (event: string, fields: LogFields = {}) => {
          const line = {
            time: new Date().toISOString(),
            level: name,
            event,
            ...fields,
            ...(typeof fields.stack === "string" ? { stack: withSourceLines(fields.stack) } : {}),
            ...(lost === 0 ? {} : { lines_lost_before: lost }),
          };
          lost = write("stderr", `${JSON.stringify(line)}\n`) ? 0 : lost + 1;
        };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
