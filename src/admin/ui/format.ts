/** What the page says: times as people say them, and states in words. Pure. */
import { isRejection, NOT_CHECKED } from "../../accounts/credential-rejection.ts";
import { accessOf } from "../../models/resolve/access.ts";
import type { AccountRecord, KeyRecord } from "../../storage/port.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time in its largest fitting unit: `45 s`, `12 min`, `7 h`, `9 days`. */
export function span(ms: number): string {
  const length = Math.max(0, ms);
  if (length < MINUTE) return `${Math.round(length / 1000)} s`;
  if (length < 90 * MINUTE) return `${Math.round(length / MINUTE)} min`;
  if (length < 36 * HOUR) return `${Math.round(length / HOUR)} h`;
  return `${Math.round(length / DAY)} days`;
}

export function ago(at: number, now: number): string {
  return now - at < MINUTE ? "just now" : `${span(now - at)} ago`;
}

/** A time that may lie on either side of now. */
export function relative(at: number, now: number): string {
  return at > now ? `in ${span(at - now)}` : ago(at, now);
}

/** How good or bad a status is; the colour of its dot. */
export type Tone = "good" | "warn" | "bad" | "off";

export interface Status {
  readonly tone: Tone;
  readonly text: string;
  /** Why, and what to do about it, where that is known. */
  readonly why?: string;
}

export function accountStatus(account: AccountRecord): Status {
  if (!account.enabled) {
    const why = account.primary
      ? "Requests pass it over until it is enabled; then it is primary again."
      : "Requests pass it over.";
    return { tone: "off", text: "Disabled", why };
  }
  if (account.status === "needs_login") {
    return {
      tone: "bad",
      text: "Needs sign-in",
      ...(account.statusReason ? { why: account.statusReason } : {}),
    };
  }
  if (account.statusReason === NOT_CHECKED) {
    return {
      tone: "warn",
      text: "Not checked",
      why: "The provider could not be asked when this key was saved. The first request with it will tell.",
    };
  }
  if (account.statusReason !== null) {
    const { kind, statusReason } = account;
    const problem = !isRejection(statusReason)
      ? "it did not open"
      : `its ${kind === "api_key" ? "key" : "token"} was refused`;
    return { tone: "warn", text: `Active, but ${problem}`, why: account.statusReason };
  }
  if (account.lastRefreshStatus === "failed") {
    return {
      tone: "warn",
      text: "Active, but the last refresh failed",
      ...(account.lastRefreshError ? { why: account.lastRefreshError } : {}),
    };
  }
  return { tone: "good", text: "Active" };
}

/** What is known of the end of an account's token. */
export function tokenExpiry(account: AccountRecord, renews: boolean, now: number): string {
  const { kind, status, statusReason, expiresAt } = account;
  if (isRejection(statusReason)) return "refused by the provider";
  if (kind === "api_key") return "has no end";
  if (status === "needs_login") return "not accepted any more";
  if (expiresAt === null) return "no known end";
  if (expiresAt > now) return `valid for ${span(expiresAt - now)}${renews ? ", then renewed" : ""}`;
  return `ended ${ago(expiresAt, now)}${renews ? "; renewed at the next request" : ""}`;
}

export function keyStatus(key: KeyRecord, now: number): Status {
  if (key.revokedAt !== null) return { tone: "off", text: `Revoked ${ago(key.revokedAt, now)}` };
  if (key.damaged !== undefined) {
    return {
      tone: "warn",
      text: `Damaged: ${listed(key.damaged)}`,
      why: "What is stored of this key was changed outside of Kleis, and it opens nothing. Revoke it and create another one.",
    };
  }
  if (key.expiresAt !== null && key.expiresAt <= now) {
    return { tone: "off", text: `Expired ${ago(key.expiresAt, now)}` };
  }
  return { tone: "good", text: "Active" };
}

/** How a key stands, with what is known of the accounts that it is limited to. */
export function keyStatusAmong(key: KeyRecord, accounts: readonly AccountRecord[], now: number): Status {
  const status = keyStatus(key, now);
  const isLimited = key.accounts !== null || key.providers !== null;
  if (status.tone !== "good" || !isLimited) return status;
  const well = accounts.filter(({ statusReason }) => statusReason === null || statusReason === NOT_CHECKED);
  if (accessOf(well, key).usable.size > 0) return status;
  return {
    tone: "warn",
    text: "Active, but no account that it may use can answer now",
    why: "The Accounts page says what each one needs. Or create a key with other limits.",
  };
}

/** A number of tokens as agents' manuals write it: `200K`, `1M`, `1.05M`. */
export function tokens(count: number): string {
  if (count >= 1_000_000) return `${Number((count / 1_000_000).toFixed(2))}M`;
  return count >= 1000 ? `${Math.round(count / 1000)}K` : String(count);
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `A`, `A and B`, `A, B and C`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}
