/** What a start is made of: the settings, the data folder with its secrets, and what the owner should know of them. */
import { existsSync } from "node:fs";
import { plainVariables, type Variables } from "../../src/variables.ts";
import { holdsData, nearbyData } from "./find-data.ts";
import { ensureSecrets, inFolder, isOpenToOthers, newSecrets, readSecrets, type Secrets } from "./secrets.ts";
import { databaseFile, readFolder, readSettings, type Settings } from "./settings.ts";

export interface Preparation {
  readonly settings: Settings;
  /** The data folder; it need not exist where neither the database nor the secrets are in it. */
  readonly folder: string;
  /** The admin token, when this start made it; else null. */
  readonly newAdminToken: string | null;
  /** One sentence or two each. */
  readonly warnings: readonly string[];
}

/** Reads the settings and makes the secrets that are missing. Throws an error in plain words for the operator. */
export function prepare(environment: Record<string, string | undefined>): Preparation {
  const variables = plainVariables(environment);
  const folder = folderOf(variables);
  const isNew = !holdsData(folder);
  const keepsSecrets = !(variables.ADMIN_TOKEN && variables.ENCRYPTION_KEY);
  // Judged before anything is made: the admin token is shown by the start that makes it, which must not fail.
  settingsOf(variables, keepsSecrets ? inFolder(folder, () => readSecrets(folder) ?? newSecrets()) : null);
  const own = keepsSecrets ? inFolder(folder, () => ensureSecrets(folder)) : null;
  const settings = settingsOf(variables, own);
  const usesFile = settings.database === null;
  return {
    settings,
    folder,
    newAdminToken: own?.created && !variables.ADMIN_TOKEN ? own.ADMIN_TOKEN : null,
    warnings: [
      ...(own !== null || usesFile ? warnOfFolder(folder) : []),
      ...(usesFile ? warnOfEmptiness(folder, isNew, environment.KLEIS_DATA_DIR) : []),
      ...(usesFile && variables.TURSO_AUTH_TOKEN
        ? [
            "TURSO_AUTH_TOKEN is set and TURSO_DATABASE_URL is not: the database is the file in the data folder.",
          ]
        : []),
    ],
  };
}

function settingsOf(variables: Variables, own: Omit<Secrets, "created"> | null): Settings {
  const result = readSettings(variables, own);
  if (result.ok) return result.settings;
  throw cannotStart(result.problems);
}

function folderOf(variables: Variables): string {
  const result = readFolder(variables);
  if (result.ok) return result.folder;
  throw cannotStart([result.problem]);
}

function cannotStart(problems: readonly string[]): Error {
  return new Error(
    `Kleis cannot start with these settings:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
  );
}

function warnOfFolder(folder: string): string[] {
  if (!existsSync(folder) || !isOpenToOthers(folder)) return [];
  return [
    `others may look into the data folder: chmod 700 ${folder} (the files that Kleis keeps there are for its own user alone)`,
  ];
}

/** `isNew`: whether the folder held nothing before this start. */
function warnOfEmptiness(folder: string, isNew: boolean, given: string | undefined): string[] {
  if (existsSync(databaseFile(folder))) return [];
  if (!isNew) {
    return [
      `${folder} holds secrets but no database: a new, empty one is made. Is it the folder that you meant?`,
    ];
  }
  return nearbyData(folder, given).map(
    (other) =>
      `${folder} is new and empty, and there is a Kleis in ${JSON.stringify(other)}. If you mean that one: stop this one, then set KLEIS_DATA_DIR to it, or rename it.`,
  );
}
