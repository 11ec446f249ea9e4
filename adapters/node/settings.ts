/** What the Node door takes from its environment, decoded once: the server starts with it, the doctor looks at it. */
import { join } from "node:path";
import { type Config, readConfig } from "../../src/config.ts";
import { readAddress } from "../edge/address.ts";
import type { RemoteDatabase } from "../edge/database.ts";
import type { Secrets } from "./secrets.ts";

export interface Settings {
  config: Config;
  port: number;
  /** Null: no address is set, so that the file in the data folder is the database. */
  database: RemoteDatabase | null;
}

/** The database of a data folder. */
export function databaseFile(folder: string): string {
  return join(folder, "kleis.db");
}

export type SettingsResult = { ok: true; settings: Settings } | { ok: false; problems: string[] };

/** `kept`: the secrets of the data folder, which count where the environment names none. */
export function readSettings(
  environment: Record<string, string | undefined>,
  kept: Pick<Secrets, "ADMIN_TOKEN" | "ENCRYPTION_KEY"> | null,
): SettingsResult {
  const core = readConfig({
    ...environment,
    ADMIN_TOKEN: environment.ADMIN_TOKEN || kept?.ADMIN_TOKEN,
    ENCRYPTION_KEY: environment.ENCRYPTION_KEY || kept?.ENCRYPTION_KEY,
  });
  const address = readAddress(environment, { hasDisk: true });
  const port = Number(environment.PORT || "4747");
  const isPort = Number.isInteger(port) && port >= 0 && port < 65536;
  if (core.ok && address.ok && isPort) {
    return { ok: true, settings: { config: core.config, port, database: address.database } };
  }
  const problems = core.ok ? [] : core.problems;
  if (!address.ok) problems.push(address.problem);
  if (!isPort) problems.push("PORT must be a number from 0 to 65535");
  return { ok: false, problems };
}
