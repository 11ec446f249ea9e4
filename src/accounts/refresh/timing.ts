/**
 * When a refresh is due, and its time limits. The lease is longer than the longest provider call instead of being
 * extended by a heartbeat: a hung isolate may keep sending heartbeats, and a platform may stop them while the call goes
 * on, which would hand the token to a second caller.
 */
import type { AccountRecord } from "../../storage/port.ts";

/** A token is refreshed this long before it expires, ms (providers/claude.md §1.6, providers/codex.md §1.4). */
export const EARLY_MS = 5 * 60_000;

/** A token that expires sooner than this is no longer sent: it might expire in flight, ms. */
const MARGIN_MS = 30_000;

/** Hard limit of the provider call, ms: a later response is lost, and the token with it. */
export const CALL_LIMIT_MS = 60_000;

/** The call begins within this time of asking for the lease, or not at all, ms; a frozen isolate may resume later. */
export const BEGIN_WITHIN_MS = 20_000;

/**
 * Duration of a lease, ms, and so the longest time that a dead isolate blocks other refreshes. The holder's provider
 * call ends at most 80 s after it asked for the lease; the rest allows for clock differences and the write.
 */
export const LEASE_MS = 90_000;

/** Pauses between polls while another process refreshes, ms. */
export const FIRST_PAUSE_MS = 100;
export const LONGEST_PAUSE_MS = 2_000;
export const PAUSE_GROWTH = 1.6;

/** Longer than the lease of a dead holder plus a complete refresh after it, ms. */
export const WAIT_LIMIT_MS = 240_000;

/** How long a waiter continues while the store fails, ms. */
export const STORE_DOWN_LIMIT_MS = 15_000;

/** Pauses between attempts at a storage call, ms. */
export const NOTE_PAUSES_MS = [200, 1_000];

/** Pauses between attempts to write refreshed tokens, ms: growing to the longest, without end. */
export const WRITE_PAUSE_MS = 500;
export const LONGEST_WRITE_PAUSE_MS = 30_000;

/** After an early refresh, an isolate does not attempt another for this long, ms. */
export const EARLY_QUIET_MS = 5_000;

/** A rejected token this young is not refreshed again: another one would not help, ms. */
export const YOUNG_MS = 15_000;

const BACK_OFF_MS = 5_000;
const LONGEST_BACK_OFF_MS = 5 * 60_000;

/** The pause after the `failures`-th failure in a row, ms (providers/claude.md §1.7). */
export function backOff(failures: number, retryAfterMs: number | undefined): number {
  const wanted = retryAfterMs ?? BACK_OFF_MS * 2 ** Math.min(failures - 1, 10);
  return Math.min(Math.max(wanted, BACK_OFF_MS), LONGEST_BACK_OFF_MS);
}

/** `later`: nothing to do. `soon`: still valid, but to be refreshed. `now`: no longer to be sent. */
export type Due = "later" | "soon" | "now";

/** Tokens with a lifetime below ten minutes are refreshed after half of it. */
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
