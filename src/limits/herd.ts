/**
 * Keeps a crowd of requests from falling on the account that takes over: for a moment after a limit was learned only a few
 * wait for its headers at a time, until it is clear that it serves.
 */
import type { Clock } from "../runtime.ts";

export interface Herd {
  /** An account has just been found to be limited. */
  moved(): void;
  /** Waits for a turn, if need be; resolves with what the request calls once its headers have come. */
  turn(accountId: string, signal?: AbortSignal): Promise<() => void>;
}

/** How long after a limit was learned turns are taken, and how long a request waits for one at most, ms. */
export const HERD_MS = 2_000;
/** How many requests may wait for the headers of the account at a time. */
export const HERD_SIZE = 4;
/** Requests must not await each other's promises on Workers, so they look again. */
const LOOK_MS = 50;

export function createHerd(clock: Clock): Herd {
  const waiting = new Map<string, number>();
  let movedAt = Number.NEGATIVE_INFINITY;

  const count = (accountId: string) => waiting.get(accountId) ?? 0;

  function add(accountId: string, by: number): void {
    const next = count(accountId) + by;
    if (next > 0) waiting.set(accountId, next);
    else waiting.delete(accountId);
  }

  return {
    moved() {
      movedAt = clock.now();
    },
    async turn(accountId, signal) {
      const until = movedAt + HERD_MS;
      while (clock.now() < until && count(accountId) >= HERD_SIZE && signal?.aborted !== true)
        await clock.sleep(LOOK_MS, signal);
      add(accountId, 1);
      let isOver = false;
      return () => {
        if (!isOver) add(accountId, -1);
        isOver = true;
      };
    },
  };
}
