/**
 * Chooses the account for a request and explains the choice. Pure: no clock, storage or randomness, and the order of the
 * candidates does not matter. A new reason to exclude an account is one line in `exclusionOf` and one in `UNUSABLE`.
 */
import type {
  Candidate,
  ChosenAccount,
  Decision,
  DecisionInputs,
  Exclusion,
  Reason,
  RefusalCode,
  RefusedRequest,
  Unusable,
} from "./decision.ts";

/**
 * The error code for each reason why an account cannot serve. The account that passed the most checks decides, because its
 * reason tells the owner the most. `needs_login` is checked last, so that it is reported only where signing in would help.
 */
const UNUSABLE: readonly [Unusable, RefusalCode][] = [
  ["needs_login", "account_needs_login"],
  ["cannot_serve", "protocol_not_supported"],
  ["out_of_scope", "key_scope"],
  ["disabled", "provider_not_configured"],
];

/**
 * With failover off: the primary account if it can be used, else the newest that can. With failover: the account to which
 * the session moved, else the primary, else by the owner's rank, else the newest, accounts paid per use last; the first of
 * them that is not limited.
 */
export function decide(inputs: DecisionInputs): Decision {
  const usual = usualAccount(inputs.candidates);
  if (usual === undefined) return unusable(inputs);
  const order = orderOf(inputs, usual);
  const open = order.filter((each) => exclusionOf(each, inputs, usual) === null);
  const found = firstFree(open);
  if (found === undefined) return exhausted(inputs, order, usual);
  if (isBlocked(found)) return refusal(inputs, usual, { code: "account_blocked", about: found });
  return chosen(inputs, order, usual, found);
}

/** The account that serves as long as nothing is limited. */
export function usualAccount(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.filter(({ unusable: why }) => why === null).sort(byPreference)[0];
}

/** What can be said of an account before anything is known about limits. */
type Named = Pick<Candidate, "accountId" | "isPrimary" | "createdAt">;

/** Primary first, then newest first; the id makes it total. */
export function byPreference(a: Named, b: Named): number {
  if (a.isPrimary !== b.isPrimary) return a.isPrimary ? -1 : 1;
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt;
  if (a.accountId === b.accountId) return 0;
  return a.accountId < b.accountId ? 1 : -1;
}

function orderOf({ candidates, policy, bound }: DecisionInputs, usual: Candidate): readonly Candidate[] {
  if (policy.failover === "off") return [...candidates].sort(byPreference);
  const keys = (each: Candidate) => [
    each.accountId === bound ? 0 : 1,
    each.isPrimary ? 0 : 1,
    each.isPaidPerUse && each.accountId !== usual.accountId ? 1 : 0,
    each.rank ?? Number.MAX_SAFE_INTEGER,
  ];
  const keyed = candidates.map((each) => ({ each, key: keys(each) }));
  keyed.sort((a, b) => {
    const at = a.key.findIndex((value, index) => value !== b.key[index]);
    return at === -1 ? byPreference(a.each, b.each) : (a.key[at] ?? 0) - (b.key[at] ?? 0);
  });
  return keyed.map(({ each }) => each);
}

/** Why the account is out of the question, limits apart. */
function exclusionOf(each: Candidate, inputs: DecisionInputs, usual: Candidate): Exclusion | null {
  const { policy, tried } = inputs;
  if (each.unusable !== null) return each.unusable;
  if (tried.includes(each.accountId)) return "tried";
  if (each.accountId === usual.accountId) return null;
  if (policy.failover === "off") return "failover_off";
  if (each.isPaidPerUse && !policy.maySpend) return "spending_not_allowed";
  return null;
}

/**
 * The first account that is not limited. Where all are: one that another request is trying out, then one whose limit is a
 * guess, because only a stated end may refuse. A blocked account is not passed over.
 */
function firstFree(open: readonly Candidate[]): Candidate | undefined {
  const isFree = ({ cooling }: Candidate) => cooling === null || cooling.phase === "over";
  return (
    open.find((each) => isFree(each) || isBlocked(each)) ??
    open.find(({ cooling }) => cooling?.phase === "probing") ??
    open.find(({ cooling }) => cooling?.isStated === false)
  );
}

function isBlocked({ cooling }: Candidate): boolean {
  return cooling?.class === "blocked";
}

function chosen(
  inputs: DecisionInputs,
  order: readonly Candidate[],
  usual: Candidate,
  found: Candidate,
): ChosenAccount {
  const { accountId } = found;
  const isUsual = accountId === usual.accountId;
  const because =
    accountId === inputs.bound ? "bound" : !isUsual ? "failover" : found.isPrimary ? "primary" : "newest";
  return {
    ok: true,
    accountId,
    because,
    isProbe: found.cooling?.phase === "over",
    get reasons() {
      return reasonsOf(inputs, order, usual, found);
    },
  };
}

/** The account that would serve if it were not limited is the one that the refusal is about. */
function exhausted(inputs: DecisionInputs, order: readonly Candidate[], usual: Candidate): RefusedRequest {
  const limited = order.filter(
    (each) => each.cooling !== null && ["tried", null].includes(exclusionOf(each, inputs, usual)),
  );
  const ends = limited.flatMap(({ cooling }) => (cooling?.isStated ? [cooling.until] : []));
  return {
    ...refusal(inputs, usual, { code: "accounts_exhausted", about: limited[0] ?? usual }),
    resetsAt: ends.length === 0 ? null : Math.min(...ends),
  };
}

function unusable(inputs: DecisionInputs): RefusedRequest {
  const { candidates } = inputs;
  const furthest = UNUSABLE.find(([why]) => candidates.some((each) => each.unusable === why));
  return refusal(inputs, undefined, { code: furthest?.[1] ?? "provider_not_configured", about: undefined });
}

function refusal(
  inputs: DecisionInputs,
  usual: Candidate | undefined,
  { code, about }: { code: RefusalCode; about: Candidate | undefined },
): RefusedRequest {
  const order = usual === undefined ? [...inputs.candidates].sort(byPreference) : orderOf(inputs, usual);
  const reasons = reasonsOf(inputs, order, usual, undefined);
  return { ok: false, code, accountId: about?.accountId ?? null, resetsAt: null, reasons };
}

function reasonsOf(
  inputs: DecisionInputs,
  order: readonly Candidate[],
  usual: Candidate | undefined,
  found: Candidate | undefined,
): Reason[] {
  const reasonOf = (each: Candidate): Reason["reason"] => {
    if (each === found) return "chosen";
    const excluded = usual === undefined ? each.unusable : exclusionOf(each, inputs, usual);
    if (excluded !== null) return excluded;
    if (isBlocked(each)) return "blocked";
    return each.cooling === null ? "not_needed" : "cooling";
  };
  return order.map((each) => ({ accountId: each.accountId, reason: reasonOf(each) }));
}

/** How many candidates a stored decision holds at least, where there are as many. */
const SHOWN = 8;

/** The inputs without the candidates that change nothing: an owner may have very many accounts. */
export function compactInputs(inputs: DecisionInputs): DecisionInputs {
  if (inputs.candidates.length <= SHOWN) return inputs;
  const full = decide(inputs);
  const usual = usualAccount(inputs.candidates);
  const order = usual === undefined ? [...inputs.candidates].sort(byPreference) : orderOf(inputs, usual);
  const soonest = full.ok ? null : full.resetsAt;
  const furthest = UNUSABLE.map(([why]) => order.find((each) => each.unusable === why));
  const needed = order.filter(
    (each) =>
      each.accountId === full.accountId ||
      each === usual ||
      each.accountId === inputs.bound ||
      inputs.tried.includes(each.accountId) ||
      (soonest !== null && each.cooling?.until === soonest) ||
      furthest.includes(each),
  );
  const rest = order.filter((each) => !needed.includes(each)).slice(0, Math.max(0, SHOWN - needed.length));
  return { ...inputs, candidates: [...needed, ...rest].sort(byPreference) };
}
