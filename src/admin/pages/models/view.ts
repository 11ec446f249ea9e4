/** The models as a key would be shown them, for the pages that list and offer them. */

import { type ListedModel, listModels } from "../../../models/catalogue/list.ts";
import { accessOf, type KeyScopes } from "../../../models/resolve/access.ts";
import type { AccountRecord } from "../../../storage/port.ts";
import type { PageDeps } from "../context.ts";
import type { Refusal } from "./page.tsx";

export interface ModelView {
  /** What a key may use now; with null what a key without limits would. */
  listFor(key: KeyScopes | null): Promise<ListedModel[]>;
  /** Why each of these models is refused to the key, by id; one that is absent answers. */
  refusalsFor(key: KeyScopes, models: readonly ListedModel[]): Promise<ReadonlyMap<string, Refusal>>;
}

const NO_LIMITS: KeyScopes = { providers: null, models: null, accounts: null };

/** An account that can answer. */
const WELL = { enabled: true, status: "active" } as const;

export function createModelView({ providers, accountCache, models: source }: PageDeps): ModelView {
  /** What is known now, and what it lists for a key if the accounts were these. */
  async function current() {
    const accounts = await accountCache.list();
    const catalogue = await source.current(accounts, "network");
    const listOf = (all: readonly AccountRecord[], key: KeyScopes) =>
      listModels({ providers, catalogue, access: accessOf(all, key) });
    return { accounts, listOf };
  }
  return {
    async listFor(key) {
      const { accounts, listOf } = await current();
      return listOf(accounts, key ?? NO_LIMITS);
    },
    async refusalsFor(key, models) {
      const { accounts, listOf } = await current();
      const idsOf = (all: readonly AccountRecord[]) => new Set(listOf(all, key).map(({ id }) => id));
      const answering = idsOf(accounts);
      const allowed = idsOf(accounts.map((account) => ({ ...account, ...WELL })));
      const refused = models.filter(({ id }) => !answering.has(id));
      return new Map(refused.map(({ id }) => [id, allowed.has(id) ? "account" : "limits"]));
    },
  };
}
