/** Says something to a store that may stumble: a few times, with pauses. What is said must be repeatable. */
import type { Clock } from "../../runtime.ts";
import { StorageError } from "../../storage/port.ts";
import { NOTE_PAUSES_MS } from "./timing.ts";

/** Rejects with the last `StorageError` when none of the attempts was answered, and at once with one that lasts. */
export async function retryStorage<T>(clock: Clock, say: () => Promise<T>): Promise<T> {
  for (const pause of NOTE_PAUSES_MS) {
    try {
      return await say();
    } catch (error) {
      if (!(error instanceof StorageError) || error.lasts) throw error;
    }
    await clock.sleep(pause);
  }
  return say();
}
