/**
 * Whether the store answers in time, as all caches of a process together have found it. A store that is slow costs every
 * request that waits for it; one that is known to be slow or away is asked without a request waiting.
 */
import type { Clock } from "../runtime.ts";

/** How long a request that knows an old answer waits for a new one, ms; a read that took longer was late. */
export const MAX_READ_WAIT_MS = 1_000;

/** How long a read that failed or was late counts, ms: then a request waits again, and sees whether it has passed. */
export const DEGRADED_MS = 30_000;

export interface StoreHealth {
  /** True since a read failed or was late, until one was in time. */
  isDegraded(): boolean;
  /** A read was answered after so many ms. */
  answered(afterMs: number): void;
  /** A read failed, or is late already. */
  failed(): void;
}

export function watchStore(clock: Pick<Clock, "now">): StoreHealth {
  /** When the store last failed or was late, epoch ms; null: it was in time since. */
  let failedAt: number | null = null;
  return {
    // Also past when the clock was put back.
    isDegraded: () => failedAt !== null && Math.abs(clock.now() - failedAt) < DEGRADED_MS,
    answered(afterMs) {
      failedAt = afterMs < MAX_READ_WAIT_MS ? null : clock.now();
    },
    failed() {
      failedAt = clock.now();
    },
  };
}
