/** The environment of an adapter without a disk: nothing is generated, so everything that is needed must be set. */
import type { Config } from "../../src/config.ts";
import { readConfig } from "../../src/environment.ts";
import { plainVariables, type Variables } from "../../src/variables.ts";
import { readAddress } from "./address.ts";
import type { RemoteDatabase } from "./database.ts";

export interface EdgeEnvironment {
  config: Config;
  database: RemoteDatabase;
}

export type EdgeEnvironmentResult =
  | { ok: true; environment: EdgeEnvironment }
  | { ok: false; problems: string[] };

/** Decodes the variables. `problems` name what is wrong and what to do; they never repeat a value. */
export function readEdgeEnvironment(environment: Variables): EdgeEnvironmentResult {
  const variables = plainVariables(environment);
  // An empty variable is what a dashboard keeps of one that was cleared: the same as none.
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value));
  const core = readConfig({ ...given, MODELS_DEV_URL: variables.MODELS_DEV_URL });
  const address = readAddress(given, { hasDisk: false });
  if (core.ok && address.ok && address.database !== null) {
    return { ok: true, environment: { config: core.config, database: address.database } };
  }
  const problems = core.ok ? [] : core.problems;
  if (!address.ok) problems.push(address.problem);
  else if (address.database === null) problems.push("TURSO_DATABASE_URL is not set");
  return { ok: false, problems };
}
