/**
 * Limits the memory that the bodies of running requests take in this process, per key and in all: stops one key from
 * exhausting the memory of all others. Counted in bytes, decompressed: what is kept of a body, and an estimate of what its
 * JSON takes while it is parsed (`json-limits.ts`).
 */
import { KleisError } from "../errors.ts";

export interface MemoryBudget {
  /** Opens one request's reservation; it is empty at first. */
  open(keyId: string): Reservation;
}

/** What one request has reserved. */
export interface Reservation {
  /**
   * Sets how many bytes the request takes from now on, more or fewer than before. Throws `too_much_in_flight` when there is
   * no room for more now, and `request_too_large` when there never will be.
   */
  reserve(bytes: number): void;
  /** Gives all of it back, for good. */
  release(): void;
}

export interface MemoryLimits {
  /** Bytes. */
  readonly perKey: number;
  readonly inAll: number;
}

/** Seconds: bodies are dropped as soon as the provider responds. */
const RETRY_AFTER = "1";

export function createMemoryBudget({ perKey, inAll }: MemoryLimits): MemoryBudget {
  const byKey = new Map<string, number>();
  let all = 0;

  return {
    open(keyId) {
      let own = 0;
      let isReleased = false;

      const change = (difference: number) => {
        const ofKey = (byKey.get(keyId) ?? 0) + difference;
        if (ofKey === 0) byKey.delete(keyId);
        else byKey.set(keyId, ofKey);
        all += difference;
        own += difference;
      };

      return {
        reserve(bytes) {
          if (isReleased) return;
          const more = bytes - own;
          if (more > 0) {
            if (bytes > Math.min(perKey, inAll)) throw tooLarge(Math.min(perKey, inAll));
            if ((byKey.get(keyId) ?? 0) + more > perKey)
              throw full("This key's requests hold", perKey, "KLEIS_MAX_BYTES_IN_FLIGHT_PER_KEY");
            if (all + more > inAll) throw full("All requests hold", inAll, "KLEIS_MAX_BYTES_IN_FLIGHT");
          }
          change(more);
        },
        release() {
          isReleased = true;
          change(-own);
        },
      };
    },
  };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}

function full(whose: string, limit: number, variable: string): KleisError {
  return new KleisError(
    "too_much_in_flight",
    `${whose} nearly ${mebibytes(limit)} in memory, which is the limit, and this one needs more than is left. Try again in a moment, or send fewer large requests at once; ${variable} sets the limit.`,
    // Unlike every other 4xx of Kleis's own: repeating this one helps.
    { headers: { "retry-after": RETRY_AFTER, "x-should-retry": "true" } },
  );
}

function tooLarge(limit: number): KleisError {
  return new KleisError(
    "request_too_large",
    `The request takes more memory than Kleis keeps for one (${mebibytes(limit)}, with its JSON parsed). Send a smaller one; KLEIS_MAX_BYTES_IN_FLIGHT_PER_KEY and KLEIS_MAX_BYTES_IN_FLIGHT set the limit.`,
  );
}
