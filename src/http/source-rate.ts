/** How often one source may ask for what needs no credential. In this process alone: it protects its time, not a secret. */

import { networkOf } from "../auth/ip-prefix.ts";
import type { Clock } from "../runtime.ts";

export interface SourceRate {
  /** 0 where the source may ask now; else the seconds until it may. What a door can not tell apart is not limited. */
  take(source: string | undefined): number;
}

/** Sources remembered at most; the oldest are forgotten. */
const CAPACITY = 10_000;

/** `perMinute` at a steady pace, and as many at once. */
export function createSourceRate(clock: Pick<Clock, "now">, perMinute: number): SourceRate {
  const intervalMs = 60_000 / perMinute;
  /** By network, when all that it asked for so far is used up (GCRA); epoch ms. */
  const paidUntil = new Map<string, number>();
  return {
    take(source) {
      if (source === undefined) return 0;
      const network = networkOf(source);
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
