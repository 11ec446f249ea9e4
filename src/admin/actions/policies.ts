/** What the owner allows per provider when an account is exhausted. */
import type * as z from "zod/mini";
import { KleisError } from "../../errors.ts";
import { changedPolicy, DEFAULT_POLICY, type ProviderPolicy } from "../../limits/policy.ts";
import type { policyChangeBody } from "../api/schemas.ts";
import type { AdminDeps } from "../context.ts";
import type { Audit } from "./audit.ts";

type PolicyChange = z.output<typeof policyChangeBody>;

export interface PolicyActions {
  /** The policy of every provider, by its id. */
  all(): Promise<ReadonlyMap<string, ProviderPolicy>>;
  /** Throws `not_found`, or `invalid_request` for what cannot be kept. */
  change(provider: string, change: PolicyChange, audit: Audit): Promise<ProviderPolicy>;
}

export function createPolicyActions({ providers, policies }: AdminDeps): PolicyActions {
  const stored = async () => (await policies.stored()) ?? new Map<string, ProviderPolicy>();
  return {
    async all() {
      const known = await stored();
      return new Map(providers.map(({ id }) => [id, known.get(id) ?? DEFAULT_POLICY]));
    },
    async change(provider, change, audit) {
      if (!providers.some(({ id }) => id === provider)) {
        const known = providers.map(({ id }) => id).join(", ");
        throw new KleisError("not_found", `There is no provider of this name. Known: ${known}.`);
      }
      const known = await stored();
      const next = changedPolicy(known.get(provider) ?? DEFAULT_POLICY, changeOf(change));
      await policies.save(new Map([...known, [provider, next]]));
      audit({ action: "policy.set", target: provider, detail: { ...change } });
      return next;
    },
  };
}

function changeOf(change: PolicyChange): Partial<ProviderPolicy> {
  const { failover, may_spend, monthly_cap_usd, stop_on_extra_usage } = change;
  return {
    ...(failover === undefined ? {} : { failover }),
    ...(may_spend === undefined ? {} : { maySpend: may_spend }),
    ...(monthly_cap_usd === undefined ? {} : { monthlyCapUsd: monthly_cap_usd }),
    ...(stop_on_extra_usage === undefined ? {} : { stopOnExtraUsage: stop_on_extra_usage }),
  };
}
