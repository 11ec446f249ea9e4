/** Waits for what another request may have begun by polling: on Workers one request cannot await another's promise. */
import type { Clock } from "../runtime.ts";

const POLL_MS = 20;

/**
 * Looks until it is so, for `ms` at most; false when it is not by then. Counted in pauses, for the clock may be set while
 * it waits.
 */
export async function pollUntil(clock: Clock, isSo: () => boolean, ms: number): Promise<boolean> {
  for (let waited = 0; waited < ms && !isSo(); waited += POLL_MS) await clock.sleep(POLL_MS);
  return isSo();
}
