/** What the owner allows Kleis to do when an account is exhausted. Everything is off until it is switched on. */
import * as z from "zod/mini";
import { KleisError } from "../errors.ts";
import { parseJson } from "../json.ts";

/** Whether a request may move to another account of the same provider. */
export type Failover = "off" | "own_accounts";

/** The owner's choice for one provider (`PATCH /admin/providers/:id`). */
export interface ProviderPolicy {
  readonly failover: Failover;
  /** Whether accounts that are paid per use may take over; only together with a cap. */
  readonly maySpend: boolean;
  /** What they may cost in a calendar month (UTC), US dollars; null where they may not spend. */
  readonly monthlyCapUsd: number | null;
  /** Treat a plan that has begun to spend extra usage as exhausted. */
  readonly stopOnExtraUsage: boolean;
}

export const DEFAULT_POLICY: ProviderPolicy = {
  failover: "off",
  maySpend: false,
  monthlyCapUsd: null,
  stopOnExtraUsage: false,
};

/** A key's own choice; null follows the provider's policy. A key can only forbid. */
export type KeyFailover = "never" | null;

/** What holds for one request of a key. */
export interface RequestPolicy {
  readonly failover: Failover;
  readonly maySpend: boolean;
}

export function requestPolicy(policy: ProviderPolicy, key: KeyFailover): RequestPolicy {
  const failover = key === "never" ? "off" : policy.failover;
  return { failover, maySpend: failover !== "off" && policy.maySpend };
}

/** The setting that holds the policies of all providers. */
export const POLICIES = "failover_policies";

const stored = z.record(
  z.string(),
  z.object({
    failover: z.enum(["off", "own_accounts"]),
    maySpend: z.boolean(),
    monthlyCapUsd: z.nullable(z.number()),
    stopOnExtraUsage: z.boolean(),
  }),
);

/** The stored policies by provider. What cannot be read counts as not set, since everything is off then. */
export function readPolicies(setting: string | null): ReadonlyMap<string, ProviderPolicy> {
  const read = stored.safeParse(parseJson(setting ?? "")).data ?? {};
  return new Map(Object.entries(read));
}

export function writePolicies(policies: ReadonlyMap<string, ProviderPolicy>): string {
  return JSON.stringify(Object.fromEntries(policies));
}

/** The policy after a change by the owner. Throws `KleisError("invalid_request")` for one that cannot be kept. */
export function changedPolicy(policy: ProviderPolicy, change: Partial<ProviderPolicy>): ProviderPolicy {
  const next = { ...policy, ...change };
  if (next.maySpend || next.monthlyCapUsd !== null) {
    throw new KleisError(
      "invalid_request",
      "Accounts that are paid per use cannot take over yet: what they cost is not counted, so a monthly cap could not be kept. Leave may_spend false and monthly_cap_usd null.",
      { param: next.maySpend ? "may_spend" : "monthly_cap_usd" },
    );
  }
  return next;
}

/** How the policies are kept; a change by another process is known after this long at most, ms, by requests after it. */
export const POLICY_SETTING = {
  key: POLICIES,
  decode: readPolicies,
  encode: writePolicies,
  freshMs: 8_000,
};
