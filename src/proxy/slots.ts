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

export function createSlots({ perKey, inAll }: SlotLimits): Slots {
  const running = new Map<string, number>();
  let all = 0;

  return {
    take(keyId) {
      const own = running.get(keyId) ?? 0;
      if (own >= perKey) throw full(`This key has ${perKey} requests running`, "KLEIS_MAX_STREAMS_PER_KEY");
      if (all >= inAll) throw full(`Kleis has ${inAll} requests running`, "KLEIS_MAX_STREAMS");
      running.set(keyId, own + 1);
      all++;
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        all--;
        const left = (running.get(keyId) ?? 1) - 1;
        if (left === 0) running.delete(keyId);
        else running.set(keyId, left);
      };
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
