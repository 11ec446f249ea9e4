/**
 * How many model requests run at once, per key and in all, in this process: one agent that has gone wild must not take
 * every connection. A place is held from the key check to the end of the answer.
 */
import { KleisError } from "../errors.ts";

export interface Slots {
  /** Takes a place, or throws `too_many_streams`. Giving it back twice counts once. */
  take(keyId: string): () => void;
}

export interface SlotLimits {
  readonly perKey: number;
  readonly inAll: number;
}

/** Seconds: answers end all the time, so that the next try may well find a place. */
const RETRY_AFTER = "1";

/**
 * A place held for longer than this, ms, is taken back when there is want of places: a Worker may be ended together with
 * its client and never say that it is done. No agent keeps one answer open for so long.
 */
export const LOST_AFTER_MS = 2 * 60 * 60_000;

export function createSlots({ perKey, inAll }: SlotLimits, now: () => number): Slots {
  /** By key, when each of its places was taken, epoch ms. */
  const running = new Map<string, Set<{ readonly since: number }>>();
  let all = 0;

  function giveBack(keyId: string, place: { readonly since: number }): void {
    const own = running.get(keyId);
    if (own === undefined || !own.delete(place)) return;
    all--;
    if (own.size === 0) running.delete(keyId);
  }

  function takeBackLost(): void {
    const lostBefore = now() - LOST_AFTER_MS;
    for (const [keyId, own] of running)
      for (const place of own) if (place.since < lostBefore) giveBack(keyId, place);
  }

  const isFull = (keyId: string) => (running.get(keyId)?.size ?? 0) >= perKey || all >= inAll;

  return {
    take(keyId) {
      if (isFull(keyId)) takeBackLost();
      const own = running.get(keyId) ?? new Set();
      if (own.size >= perKey)
        throw full(`This key has ${perKey} requests running`, "KLEIS_MAX_STREAMS_PER_KEY");
      if (all >= inAll) throw full(`Kleis has ${inAll} requests running`, "KLEIS_MAX_STREAMS");
      const place = { since: now() };
      running.set(keyId, own.add(place));
      all++;
      return () => giveBack(keyId, place);
    },
  };
}

function full(words: string, variable: string): KleisError {
  return new KleisError(
    "too_many_streams",
    `${words}, which is the limit. Let one end and try again; ${variable} sets the limit.`,
    // Not what every other 4xx of ours says: here a repetition is of use.
    { headers: { "retry-after": RETRY_AFTER, "x-should-retry": "true" } },
  );
}
