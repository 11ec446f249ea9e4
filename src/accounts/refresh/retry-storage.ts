/** Retries an idempotent storage call a few times, with pauses. */
import type { Clock } from "../../runtime.ts";
import { StorageError } from "../../storage/port.ts";
import { NOTE_PAUSES_MS } from "./timing.ts";

/** Rejects with the `StorageError` of the last attempt, and immediately with one that `lasts`. */
export async function retryStorage<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
  for (const pause of NOTE_PAUSES_MS) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StorageError) || error.lasts) throw error;
    }
    await clock.sleep(pause);
  }
  return call();
}
