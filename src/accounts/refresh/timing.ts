/**
 * When a refresh is due and how long everything around it may take. The lease outlasts the provider call by more than
 * it can last itself, instead of being kept alive by a heartbeat: a heart that beats in a frozen or hung isolate is no
 * sign of life, and one that is stopped by the platform while the call goes on would give the token to a second caller.
 */
import type { AccountRecord } from "../../storage/port.ts";

/** A token is renewed this long before it ends, ms (providers/claude.md §1.6, providers/codex.md §1.4). */
export const EARLY_MS = 5 * 60_000;

/** A token that ends sooner than this is not sent any more: it might end on the way, ms. */
const MARGIN_MS = 30_000;

/** The provider call ends within this, whatever happens, ms: an answer that comes later is lost, and the token with it. */
export const CALL_LIMIT_MS = 60_000;

/** The call begins this long after the lease was asked for, or not at all, ms; a frozen isolate may wake up later. */
export const BEGIN_WITHIN_MS = 20_000;

/**
 * How long a lease runs, ms, and so the longest time that a dead isolate keeps others from refreshing. Its holder has
 * nothing under way at the provider later than 80 s after it asked; what is left is for clocks and for the write.
 */
export const LEASE_MS = 90_000;

/** The pauses of a waiter that watches another's refresh, ms. */
export const FIRST_PAUSE_MS = 100;
export const LONGEST_PAUSE_MS = 2_000;
export const PAUSE_GROWTH = 1.6;

/** A waiter outwaits a lease whose holder died, and a whole refresh after it, ms. */
export const WAIT_LIMIT_MS = 240_000;

/** How long a waiter goes on while the store does not answer it, ms. */
export const STORE_PATIENCE_MS = 15_000;

/** The pauses between attempts to note something in the store, ms. */
export const NOTE_PAUSES_MS = [200, 1_000];

/** The pauses between attempts to write fresh tokens, ms: growing to the longest, without end. */
export const WRITE_PAUSE_MS = 500;
export const LONGEST_WRITE_PAUSE_MS = 30_000;

/** A refresh that was only early is not looked at again for this long, ms, by the isolate that found it busy. */
export const EARLY_QUIET_MS = 5_000;

/** A token this young that is refused is not mended by yet another one, ms. */
export const YOUNG_MS = 15_000;

const BACK_OFF_MS = 5_000;
const LONGEST_BACK_OFF_MS = 5 * 60_000;

/** How long to leave the provider alone after the `failures`-th failure in a row, ms (providers/claude.md §1.7). */
export function backOff(failures: number, retryAfterMs: number | undefined): number {
  const wished = retryAfterMs ?? BACK_OFF_MS * 2 ** Math.min(failures - 1, 10);
  return Math.min(Math.max(wished, BACK_OFF_MS), LONGEST_BACK_OFF_MS);
}

/** `later`: nothing to do; `soon`: still good, but to be renewed; `now`: not to be sent any more. */
export type Due = "later" | "soon" | "now";

/** Tokens that live shorter than ten minutes are renewed after half their life. */
export function dueOf(account: AccountRecord, now: number): Due {
  const { expiresAt, lastRefreshAt, lastRefreshStatus } = account;
  if (expiresAt === null) return "later";
  const left = expiresAt - now;
  const lifetime =
    lastRefreshAt !== null && lastRefreshStatus === "ok"
      ? expiresAt - lastRefreshAt
      : Number.POSITIVE_INFINITY;
  const early = Math.min(EARLY_MS, Math.max(lifetime / 2, 0));
  if (left > early) return "later";
  return left > Math.min(MARGIN_MS, early / 10) ? "soon" : "now";
}
