/**
 * Limits how many model requests run at once in this process, per key and in all: stops one runaway agent from exhausting
 * connections. A permit is held from the key check to the end of the response.
 */
import { KleisError } from "../errors.ts";

export interface ConcurrencyLimiter {
  /** Acquires a permit, or throws `too_many_streams`. Call what it returns to release the permit; a second call does nothing. */
  acquire(keyId: string): () => void;
}

export interface ConcurrencyLimits {
  readonly perKey: number;
  readonly inAll: number;
}

interface Permit {
  /** Epoch ms. */
  readonly since: number;
}

/** Seconds: responses end all the time, so that the next try may well succeed. */
const RETRY_AFTER = "1";

/**
 * A permit that is older than this, ms, is reclaimed when permits run short: a Worker may be ended together with its client
 * and never release its own. No agent keeps one response open for so long.
 */
export const PERMIT_EXPIRES_MS = 2 * 60 * 60_000;

export function createConcurrencyLimiter(
  { perKey, inAll }: ConcurrencyLimits,
  now: () => number,
): ConcurrencyLimiter {
  const byKey = new Map<string, Set<Permit>>();
  let all = 0;

  function release(keyId: string, permit: Permit): void {
    const own = byKey.get(keyId);
    if (own === undefined || !own.delete(permit)) return;
    all--;
    if (own.size === 0) byKey.delete(keyId);
  }

  function reclaimExpired(): void {
    const expired = now() - PERMIT_EXPIRES_MS;
    for (const [keyId, own] of byKey)
      for (const permit of own) if (permit.since < expired) release(keyId, permit);
  }

  const isFull = (keyId: string) => (byKey.get(keyId)?.size ?? 0) >= perKey || all >= inAll;

  return {
    acquire(keyId) {
      if (isFull(keyId)) reclaimExpired();
      const own = byKey.get(keyId) ?? new Set();
      if (own.size >= perKey)
        throw full(`This key has ${perKey} requests running`, "KLEIS_MAX_STREAMS_PER_KEY");
      if (all >= inAll) throw full(`Kleis has ${inAll} requests running`, "KLEIS_MAX_STREAMS");
      const permit = { since: now() };
      byKey.set(keyId, own.add(permit));
      all++;
      return () => release(keyId, permit);
    },
  };
}

function full(what: string, variable: string): KleisError {
  return new KleisError(
    "too_many_streams",
    `${what}, which is the limit. Let one end and try again; ${variable} sets the limit.`,
    // Unlike every other 4xx of Kleis's own: repeating this one helps.
    { headers: { "retry-after": RETRY_AFTER, "x-should-retry": "true" } },
  );
}
