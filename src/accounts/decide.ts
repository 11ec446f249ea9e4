/**
 * Chooses the account for a request and explains the choice. Pure: no clock, storage or randomness. A new reason to
 * exclude an account (such as cooling) is one line in `exclusionOf` and one in `REFUSAL`; another order (such as
 * rotation) is another `byPreference`. Callers see neither.
 */
import type { AccountRecord } from "../storage/port.ts";

/** Why an account cannot be used for this request. */
export type Exclusion = "disabled" | "out_of_scope" | "cannot_serve" | "needs_login";

/** The result for an account that could be used. */
export type Outcome = "chosen_primary" | "chosen_newest" | "not_primary" | "older";

/** One account of the provider, and the decision about it. */
export interface Reason {
  accountId: string;
  reason: Exclusion | Outcome;
}

export type RefusalCode =
  | "provider_not_configured"
  | "key_scope"
  | "protocol_not_supported"
  | "account_needs_login";

export type Decision =
  | { ok: true; account: AccountRecord; reasons: Reason[] }
  | { ok: false; code: RefusalCode; reasons: Reason[] };

export interface DecideInput {
  /** All accounts; those of other providers are ignored. */
  accounts: readonly AccountRecord[];
  provider: { id: string; name: string };
  /** Whether an account can answer this request at all (protocol and model by kind of account). */
  canServe: (account: AccountRecord) => boolean;
  /** Whether the key may use the account with this id. */
  scope: (accountId: string) => boolean;
  /** Epoch ms. */
  now: number;
}

/**
 * The error code for each exclusion. The account that passed the most checks decides, because its exclusion tells the
 * owner the most. `needs_login` is checked last, so that it is reported only where signing in would help.
 */
const REFUSAL: readonly [Exclusion, RefusalCode][] = [
  ["needs_login", "account_needs_login"],
  ["cannot_serve", "protocol_not_supported"],
  ["out_of_scope", "key_scope"],
  ["disabled", "provider_not_configured"],
];

/** The primary account if it can be used, else the newest that can, or an error code. Reasons are in order of preference. */
export function decide(input: DecideInput): Decision {
  const ranked = rankedOf(input.accounts, input.provider.id);
  const chosen = ranked.find((account) => exclusionOf(account, input) === null);
  const reasonsOf = () =>
    ranked.map((account) => ({
      accountId: account.id,
      reason: exclusionOf(account, input) ?? outcomeOf(account, chosen),
    }));
  if (chosen !== undefined) {
    return {
      ok: true,
      account: chosen,
      // Computed on demand: there may be very many accounts.
      get reasons() {
        return reasonsOf();
      },
    };
  }
  const reasons = reasonsOf();
  const furthest = REFUSAL.find(([exclusion]) => reasons.some(({ reason }) => reason === exclusion));
  return { ok: false, code: furthest?.[1] ?? "provider_not_configured", reasons };
}

/** Ranks each list of accounts once. */
function rankedOf(accounts: readonly AccountRecord[], provider: string): readonly AccountRecord[] {
  const byProvider = rankings.get(accounts) ?? new Map<string, readonly AccountRecord[]>();
  rankings.set(accounts, byProvider);
  const ranked =
    byProvider.get(provider) ??
    accounts.filter((account) => account.provider === provider).sort(byPreference);
  byProvider.set(provider, ranked);
  return ranked;
}

const rankings = new WeakMap<readonly AccountRecord[], Map<string, readonly AccountRecord[]>>();

function exclusionOf(account: AccountRecord, { scope, canServe }: DecideInput): Exclusion | null {
  if (!account.enabled) return "disabled";
  if (!scope(account.id)) return "out_of_scope";
  if (!canServe(account)) return "cannot_serve";
  if (account.status === "needs_login") return "needs_login";
  return null;
}

function outcomeOf(account: AccountRecord, chosen: AccountRecord | undefined): Outcome {
  if (account === chosen) return account.primary ? "chosen_primary" : "chosen_newest";
  return chosen?.primary ? "not_primary" : "older";
}

/** Primary first, then newest first; the id makes it total, so that the order of the input does not matter. */
export function byPreference(a: AccountRecord, b: AccountRecord): number {
  if (a.primary !== b.primary) return a.primary ? -1 : 1;
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt;
  if (a.id === b.id) return 0;
  return a.id < b.id ? 1 : -1;
}
