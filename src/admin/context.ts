/** What the admin API works with. The caches are the ones that client routes read, so that a change is seen at once. */
import type { Credentials } from "../accounts/credentials.ts";
import type { AccountDirectory } from "../accounts/directory.ts";
import type { LastRefusals } from "../accounts/last-refusals.ts";
import type { KeyUses } from "../keys/last-used.ts";
import type { KeyLookup } from "../keys/lookup.ts";
import type { LiveModelSource } from "../models/catalogue/source.ts";
import type { Provider } from "../providers/provider.ts";
import type { Runtime } from "../runtime.ts";

export interface AdminDeps {
  runtime: Runtime;
  providers: readonly Provider[];
  directory: AccountDirectory;
  credentials: Credentials;
  refusals: LastRefusals;
  keys: KeyLookup;
  uses: KeyUses;
  models: LiveModelSource;
  /** Whether a request without `ADMIN_TOKEN` belongs to a session of the admin page. */
  session?: (request: Request) => boolean | Promise<boolean>;
  /** Whether that session was opened lately enough to reveal a key. */
  freshSession?: (request: Request) => boolean | Promise<boolean>;
}
