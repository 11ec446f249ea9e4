/**
 * Prefetches what a request needs in one round trip at most: its key, and with it whatever else the pipeline will ask for
 * that is unknown or stale. A request whose key and accounts are fresh reads nothing.
 */
import type { AccountCache } from "../accounts/account-cache.ts";
import type { KeySource } from "../keys/lookup.ts";
import type { CachedSetting } from "../models/cached-setting.ts";
import type { LiveModelSource } from "../models/catalogue/source.ts";
import type { Storage } from "../storage/port.ts";

export interface PrefetchDeps {
  readonly storage: Pick<Storage, "keys" | "requests">;
  readonly accountCache: Pick<AccountCache, "isWhole" | "reading">;
  readonly models: Pick<LiveModelSource, "wanted">;
  /** The owner's policies, of which everything is off until they are known. */
  readonly policies: Pick<CachedSetting<unknown>, "wanted">;
}

export function createPrefetch({ storage, accountCache, models, policies }: PrefetchDeps): KeySource {
  return {
    isFresh: () => accountCache.isWhole(),
    async read(hash) {
      const settings = [...models.wanted(), policies.wanted() ?? []].flat();
      const accounts = accountCache.isWhole() ? null : accountCache.reading();
      if (accounts === null && settings.length === 0) return storage.keys.findByHash(hash);
      const names = settings.map(({ key }) => key);
      const found = await storage.requests.read(hash, { accounts: accounts !== null, settings: names });
      if (found === null) {
        accounts?.drop();
        return null;
      }
      if (found.accounts !== null) accounts?.keep(found.accounts);
      for (const { key, take } of settings) take(found.settings.get(key) ?? null);
      return found.key;
    },
  };
}
