/** Which live checks there are for the owner's accounts, with which account and model each asks, and what it costs. */
import type { AccountCache } from "../accounts/account-cache.ts";
import type { CatalogueEntry } from "../models/catalogue/catalogue.ts";
import type { ModelSource } from "../models/catalogue/source.ts";
import type { CredentialKind } from "../providers/account.ts";
import { effortsOf } from "../providers/efforts.ts";
import type { CheckCost, LiveCheck, ModelNeeds } from "../providers/live-check.ts";
import type { Provider } from "../providers/provider.ts";
import type { AccountRecord } from "../storage/port.ts";

export interface PlanDeps {
  readonly providers: readonly Provider[];
  readonly accountCache: Pick<AccountCache, "list">;
  readonly models: ModelSource;
}

export interface PlannedCheck {
  readonly provider: Provider;
  readonly account: AccountRecord;
  readonly check: LiveCheck;
  /** The model that it asks; null where it asks none. */
  readonly model: CatalogueEntry | null;
  /** What Kleis takes the account to serve. */
  readonly served: readonly CatalogueEntry[];
}

/**
 * The checks in the order in which they are run: one account for each provider and kind, the primary one where it can be
 * used. A check that needs a model which the account does not serve is left out.
 */
export async function planChecks({ providers, accountCache, models }: PlanDeps): Promise<PlannedCheck[]> {
  const accounts = await accountCache.list();
  const catalogue = await models.current(accounts);
  return providers.flatMap((provider) =>
    provider.kinds.flatMap((kind) => {
      const account = chosen(accounts, provider, kind);
      if (account === undefined) return [];
      const served = catalogue.served(provider, [account]).entries;
      return provider.liveChecks.all
        .filter(({ kinds }) => kinds.includes(kind))
        .flatMap((check) => {
          const model = check.model === undefined ? null : modelFor(check.model, served, provider);
          return model === undefined ? [] : [{ provider, account, check, model, served }];
        });
    }),
  );
}

/** What several checks cost together. */
export function costOf(checks: readonly { readonly check: Pick<LiveCheck, "cost"> }[]): CheckCost {
  const sum = (of: keyof CheckCost) => checks.reduce((all, { check }) => all + check.cost[of], 0);
  return { requests: sum("requests"), tokens: sum("tokens") };
}

function chosen(
  accounts: readonly AccountRecord[],
  provider: Provider,
  kind: CredentialKind,
): AccountRecord | undefined {
  const usable = accounts.filter(
    (each) => each.provider === provider.id && each.kind === kind && each.enabled && each.status === "active",
  );
  return usable.find(({ primary }) => primary) ?? usable.at(-1);
}

/** The cheapest fitting model; undefined where the account serves none. */
function modelFor(
  needs: ModelNeeds,
  served: readonly CatalogueEntry[],
  { liveChecks }: Provider,
): CatalogueEntry | undefined {
  const fitting = served.filter(
    ({ operations, model }) =>
      operations.includes(needs.operation) &&
      (needs.sees !== true || model.attachment === true) &&
      (needs.efforts !== true || effortsOf(model).length > 0),
  );
  for (const pattern of liveChecks.models) {
    const found = fitting.find(({ id }) => pattern.test(id));
    if (found !== undefined) return found;
  }
  return undefined;
}
