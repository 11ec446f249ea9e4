/** What the admin actions work with. The caches are those of the client routes, so that a change takes effect at once. */

import type { AccountCache } from "../accounts/account-cache.ts";
import type { Credentials } from "../accounts/credentials.ts";
import type { LastRefusals } from "../accounts/last-refusals.ts";
import type { KeyUses } from "../keys/last-used.ts";
import type { KeyLookup } from "../keys/lookup.ts";
import type { DecisionLog } from "../limits/decision-log.ts";
import type { Limits } from "../limits/limits.ts";
import type { ProviderPolicy } from "../limits/policy.ts";
import type { CachedSetting } from "../models/cached-setting.ts";
import type { LiveModelSource } from "../models/catalogue/source.ts";
import type { Provider } from "../providers/provider.ts";
import type { Runtime } from "../runtime.ts";
import type { AuditLog } from "./actions/audit.ts";

export interface AdminDeps {
  runtime: Runtime;
  providers: readonly Provider[];
  accountCache: AccountCache;
  credentials: Credentials;
  refusals: LastRefusals;
  limits: Limits;
  keys: KeyLookup;
  uses: KeyUses;
  audit: AuditLog;
  decisions: DecisionLog;
  policies: CachedSetting<ReadonlyMap<string, ProviderPolicy>>;
  models: LiveModelSource;
}
