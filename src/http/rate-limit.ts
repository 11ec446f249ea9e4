/** Limits how often one network may ask for what needs no credential. In this process alone: it protects time, not a secret. */

import { ipPrefixOf } from "../auth/ip-prefix.ts";
import type { Clock } from "../runtime.ts";

export interface RateLimiter {
  /** 0 where the source may ask now; else the seconds until it may. Sources that an adapter cannot tell apart are not limited. */
  acquire(source: string | undefined): number;
}

/** How many networks are remembered; the oldest are forgotten. */
const CAPACITY = 10_000;

/** `perMinute` at a steady pace, and as many at once. */
export function createRateLimiter(clock: Pick<Clock, "now">, perMinute: number): RateLimiter {
  const intervalMs = 60_000 / perMinute;
  /** By network, the time at which its requests so far are paid off (GCRA); epoch ms. */
  const paidUntil = new Map<string, number>();
  return {
    acquire(source) {
      if (source === undefined) return 0;
      const network = ipPrefixOf(source);
      const now = clock.now();
      const next = Math.max(now, paidUntil.get(network) ?? 0) + intervalMs;
      const wait = next - now - 60_000;
      if (wait > 0) return Math.ceil(wait / 1000);
      paidUntil.delete(network);
      paidUntil.set(network, next);
      if (paidUntil.size > CAPACITY) paidUntil.delete(paidUntil.keys().next().value ?? network);
      return 0;
    },
  };
}
