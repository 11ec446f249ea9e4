/** Detects a client that has stopped reading, so that it does not hold a permit and a provider's connection for ever. */
import type { Clock } from "../../runtime.ts";

export interface ClientWatch {
  readonly clock: Clock;
  /** How long a client may take nothing, ms. */
  readonly stallMs: number;
  /** How much the client has taken, in any unit; null while there is nothing for it to take. */
  readonly taken: () => number | null;
  /** Called once, at the latest a quarter of `stallMs` late. */
  readonly onStall: () => void;
}

/** How many checks are made within `stallMs`. */
const CHECKS = 4;

/** Watches a client until the signal aborts. */
export async function watchClient(watch: ClientWatch, signal: AbortSignal): Promise<void> {
  const { clock, stallMs, taken } = watch;
  let known = taken();
  let since = clock.now();
  for (;;) {
    await clock.sleep(stallMs / CHECKS, signal);
    if (signal.aborted) return;
    const now = taken();
    if (now === null || now !== known) {
      known = now;
      since = clock.now();
    } else if (clock.now() - since >= stallMs) return watch.onStall();
  }
}
