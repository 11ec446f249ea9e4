/**
 * Whether the store responds in time, as observed by all caches of a process. A slow store delays every request that waits
 * for it, so a store known to be slow or unreachable is read in the background.
 */
import type { Clock } from "../runtime.ts";

/** How long a request with a stale value waits for a fresh one, ms; a read that takes longer is late. */
export const MAX_READ_WAIT_MS = 1_000;

/** How long a failed or late read counts, ms. After that a request waits again, to see whether the store has recovered. */
export const DEGRADED_MS = 30_000;

export interface StoreHealth {
  /** True from a failed or late read until one is in time. */
  isDegraded(): boolean;
  /** A read completed after this many ms. */
  responded(afterMs: number): void;
  /** A read failed, or is late already. */
  failed(): void;
}

export function watchStore(clock: Pick<Clock, "now">): StoreHealth {
  /** When the store last failed or was late, epoch ms; null: it was in time since. */
  let failedAt: number | null = null;
  return {
    // A clock that was set back ends it too.
    isDegraded: () => failedAt !== null && Math.abs(clock.now() - failedAt) < DEGRADED_MS,
    responded(afterMs) {
      failedAt = afterMs < MAX_READ_WAIT_MS ? null : clock.now();
    },
    failed() {
      failedAt = clock.now();
    },
  };
}
