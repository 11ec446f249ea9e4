/** The models as a key would be shown them, for the pages that list and offer them. */
import { accessOf, type KeyScopes } from "../../models/access.ts";
import { type ListedModel, listModels } from "../../models/list.ts";
import { resolve } from "../../models/resolve.ts";
import type { PageDeps } from "./page-env.ts";

export interface ModelView {
  /** What a key may use now; with null what a key without limits would. */
  listFor(key: KeyScopes | null): Promise<ListedModel[]>;
  /** Why each of these models is refused to the key, by id; one that is absent answers. */
  refusalsFor(key: KeyScopes, models: readonly ListedModel[]): Promise<ReadonlyMap<string, string>>;
}

const NO_LIMITS: KeyScopes = { providers: null, models: null, accounts: null };

export function createModelView({ runtime, providers, directory, models: source }: PageDeps): ModelView {
  async function inputFor(key: KeyScopes | null) {
    const accounts = await directory.list();
    return {
      providers,
      catalogue: await source.current(accounts, "network"),
      access: accessOf(accounts, key ?? NO_LIMITS),
    };
  }
  return {
    async listFor(key) {
      return listModels(await inputFor(key));
    },
    async refusalsFor(key, models) {
      const input = await inputFor(key);
      const mine = new Set(listModels(input).map(({ id }) => id));
      const refusals = new Map<string, string>();
      for (const { id } of models) {
        if (mine.has(id)) continue;
        const resolution = resolve({
          ...input,
          requested: id,
          adminUrl: `${runtime.config.PUBLIC_URL}/admin`,
        });
        refusals.set(
          id,
          resolution.ok ? "No account that this key may use can answer now." : resolution.message,
        );
      }
      return refusals;
    },
  };
}
