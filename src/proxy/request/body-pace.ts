/** The slowest pace of a request's body: one that trickles in would hold a connection and memory for as long as it likes. */
import { MIN_BODY_RATE } from "../../errors.ts";
import type { Clock } from "../../runtime.ts";

const WINDOW_MS = 20_000;

/** Calls `onSlow` once a window of 20 s has brought too little, unless the signal aborts before. `received`: bytes so far. */
export async function watchPace(
  clock: Clock,
  received: () => number,
  onSlow: () => void,
  signal: AbortSignal,
): Promise<void> {
  for (let known = 0; ; ) {
    await clock.sleep(WINDOW_MS, signal);
    if (signal.aborted) return;
    const now = received();
    if (now - known < (MIN_BODY_RATE * WINDOW_MS) / 1_000) return onSlow();
    known = now;
  }
}
