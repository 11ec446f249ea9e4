/**
 * A queue for work that blocks the event loop for long: large bodies are parsed and edited one at a time, with a pause for
 * all other requests between two of them. Keys take turns, so that one key's large bodies do not delay another's by more
 * than one.
 */
import type { Clock } from "../../runtime.ts";

export interface WorkQueue {
  /** Runs the work in its key's turn. Rejects as the work does, or with the signal's reason where it has aborted by then. */
  run<Result>(keyId: string, signal: AbortSignal, work: () => Result | Promise<Result>): Promise<Result>;
}

/** The longest pause after a piece of work, ms; otherwise as long as the work took. */
const MAX_PAUSE_MS = 100;

/**
 * `sharesPromises`: whether one request may wait for another. Where it may not (Workers) every request only lets others
 * come first.
 */
export function createWorkQueue(clock: Clock, sharesPromises: boolean): WorkQueue {
  /** The waiting work by key, in the order of the keys' turns. */
  const waiting = new Map<string, (() => Promise<void>)[]>();
  let isRunning = false;

  async function runAll(): Promise<void> {
    isRunning = true;
    for (;;) {
      const [next] = waiting;
      if (next === undefined) break;
      const [keyId, [first, ...others]] = next;
      waiting.delete(keyId);
      if (others.length > 0) waiting.set(keyId, others);
      const begun = clock.now();
      await first?.();
      await clock.sleep(Math.min(Math.max(clock.now() - begun, 0), MAX_PAUSE_MS));
    }
    isRunning = false;
  }

  return {
    async run(keyId, signal, work) {
      await clock.sleep(0);
      if (!sharesPromises) {
        signal.throwIfAborted();
        return work();
      }
      return new Promise((resolve, reject) => {
        const turn = async () => {
          try {
            signal.throwIfAborted();
            resolve(await work());
          } catch (error) {
            reject(error);
          }
        };
        waiting.set(keyId, [...(waiting.get(keyId) ?? []), turn]);
        if (!isRunning) void runAll();
      });
    },
  };
}
