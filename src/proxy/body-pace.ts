/** How fast a request's body must come: one that trickles in holds a connection and memory for as long as it likes. */
import { KleisError } from "../errors.ts";
import type { Clock } from "../runtime.ts";

/** The least that must come, bytes a second on average over a window. */
export const MIN_BODY_BYTES = 1024;

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
    if (now - known < (MIN_BODY_BYTES * WINDOW_MS) / 1_000) return onSlow();
    known = now;
  }
}

export function tooSlow(): KleisError {
  return new KleisError(
    "request_timeout",
    `The request body came at less than ${MIN_BODY_BYTES} bytes a second. Send it again over a faster connection.`,
    // Unlike most 4xx, this may pass.
    { headers: { "x-should-retry": "true", connection: "close" } },
  );
}
