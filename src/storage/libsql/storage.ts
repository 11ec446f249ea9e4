/** The storage port over libSQL: the stores on one database. Run `migrate` (migrate.ts) before the first use. */
import type { Clock } from "../../runtime.ts";
import type { Storage } from "../port.ts";
import type { Sealer } from "../seal.ts";
import { accountStore } from "./accounts.ts";
import { auditStore } from "./audit.ts";
import type { Connections } from "./connections.ts";
import { openDatabase } from "./database.ts";
import { keyStore } from "./keys.ts";
import { limitStore, pollStore } from "./limits.ts";
import { loginAttemptStore } from "./login-attempts.ts";
import { oauthStateStore } from "./oauth-states.ts";
import { refreshStore } from "./refreshes.ts";
import { requestStore } from "./requests.ts";
import { systemSettings } from "./schema.ts";
import { sessionStore } from "./sessions.ts";
import { settingStore } from "./settings.ts";
import { decisionStore, usageStore } from "./usage.ts";

/** The setting that tells whether anything can be written. */
const PROBE = "health.probe";

export interface LibsqlStorageOptions {
  /** `sharedClient(client)` or `clientPerCall(open)` (connections.ts). */
  connections: Connections;
  sealer: Sealer;
  /** Real time, also where the rest of the core runs on a simulated clock: it limits how long a call may take. */
  sleep: Clock["sleep"];
  /** Looking at an account leaves no mark on it. */
  readOnly?: boolean;
}

export function createLibsqlStorage({ connections, sealer, sleep, readOnly }: LibsqlStorageOptions): Storage {
  const database = openDatabase(connections, sleep);
  return {
    accounts: accountStore(database, sealer, readOnly),
    refreshes: refreshStore(database, sealer),
    keys: keyStore(database, sealer),
    requests: requestStore(database, sealer),
    oauthStates: oauthStateStore(database, sealer),
    settings: settingStore(database, sealer),
    sessions: sessionStore(database),
    loginAttempts: loginAttemptStore(database),
    limits: limitStore(database),
    polls: pollStore(database),
    decisions: decisionStore(database),
    usage: usageStore(database),
    audit: auditStore(database),
    ping: (now) =>
      database.run("write to the database", async (orm) => {
        const probe = { value: "", updatedAt: now };
        await orm
          .insert(systemSettings)
          .values({ key: PROBE, ...probe })
          .onConflictDoUpdate({ target: systemSettings.key, set: probe });
      }),
    async close() {
      connections.close();
    },
  };
}
