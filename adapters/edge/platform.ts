/** What the Web platform itself gives to a runtime: time, randomness, and a log that the host collects. */
import type { Clock, LogFields, Logger } from "../../src/runtime.ts";

export const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((done) => {
      if (signal?.aborted) return done();
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", finish);
        done();
      };
      const timer = setTimeout(finish, ms);
      signal?.addEventListener("abort", finish);
    }),
};

export function random(bytes: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(bytes));
}

const LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

/** One JSON line per event on the console, which both hosts keep with the request that wrote it. */
export function createConsoleLogger(level: (typeof LEVELS)[number]): Logger {
  const least = LEVELS.indexOf(level);
  const at = (name: Exclude<(typeof LEVELS)[number], "silent">) =>
    LEVELS.indexOf(name) < least
      ? () => {}
      : (event: string, fields: LogFields = {}) =>
          console[name](JSON.stringify({ time: new Date().toISOString(), level: name, event, ...fields }));
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
