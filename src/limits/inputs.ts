/** Collects what the choice of an account goes by. */
import type { AccountRecord } from "../storage/port.ts";
import { byPreference } from "./decide.ts";
import {
  type Candidate,
  type CandidateCooling,
  DECIDE_VERSION,
  type DecisionInputs,
  type Unusable,
} from "./decision.ts";
import type { RequestPolicy } from "./policy.ts";

export interface InputSources {
  /** All accounts; those of other providers are ignored. */
  readonly accounts: readonly AccountRecord[];
  readonly provider: string;
  /** The model's id as the provider spells it. */
  readonly model: string;
  readonly policy: RequestPolicy;
  readonly bound: string | null;
  readonly tried: readonly string[];
  /** Epoch ms. */
  readonly now: number;
  /** Whether an account can answer this request at all (protocol and model by kind of account). */
  canServe(account: AccountRecord): boolean;
  /** Whether the key may use the account with this id. */
  inScope(accountId: string): boolean;
  /** The account's limit for this model; null where there is none. */
  cooling(accountId: string, model: string): CandidateCooling | null;
}

/**
 * The inputs of one decision. Without failover the accounts after the one that serves cannot change anything, and are left
 * out.
 */
export function decisionInputs(sources: InputSources): DecisionInputs {
  const { accounts, provider, model, policy, bound, tried, now } = sources;
  const candidates: Candidate[] = [];
  for (const account of rankedOf(accounts, provider)) {
    const candidate = candidateOf(sources, account);
    candidates.push(candidate);
    if (policy.failover === "off" && candidate.unusable === null) break;
  }
  return { version: DECIDE_VERSION, now, provider, model, policy, bound, tried, candidates };
}

/** Ranks each list of accounts once. */
function rankedOf(accounts: readonly AccountRecord[], provider: string): readonly AccountRecord[] {
  const byProvider = rankings.get(accounts) ?? new Map<string, readonly AccountRecord[]>();
  rankings.set(accounts, byProvider);
  const ranked =
    byProvider.get(provider) ??
    accounts.filter((account) => account.provider === provider).sort(byAccountPreference);
  byProvider.set(provider, ranked);
  return ranked;
}

/** Primary first, then newest first: the order in which accounts serve as long as nothing is limited. */
export function byAccountPreference(a: AccountRecord, b: AccountRecord): number {
  return byPreference(named(a), named(b));
}

const rankings = new WeakMap<readonly AccountRecord[], Map<string, readonly AccountRecord[]>>();

const named = ({ id, primary, createdAt }: AccountRecord) => ({
  accountId: id,
  isPrimary: primary,
  createdAt,
});

function candidateOf(sources: InputSources, account: AccountRecord): Candidate {
  const unusable = unusableBecause(sources, account);
  return {
    ...named(account),
    rank: account.rank,
    isPaidPerUse: account.kind === "api_key",
    unusable,
    cooling: unusable === null ? sources.cooling(account.id, sources.model) : null,
  };
}

function unusableBecause({ inScope, canServe }: InputSources, account: AccountRecord): Unusable | null {
  if (!account.enabled) return "disabled";
  if (!inScope(account.id)) return "out_of_scope";
  if (!canServe(account)) return "cannot_serve";
  if (account.status === "needs_login") return "needs_login";
  return null;
}
