/** What the owner allows Kleis to do when an account is exhausted. Everything is off until it is switched on. */

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
