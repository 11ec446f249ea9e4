/** The variables as the Node door would read them, without making anything that is not there. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Config, isLoopback } from "../../src/config.ts";
import type { RemoteDatabase } from "../edge/database.ts";
import { readSecrets } from "../node/secrets.ts";
import { databaseFile, readSettings } from "../node/settings.ts";
import type { Finding } from "./finding.ts";

export interface Surroundings {
  config: Config;
  /** Null: this Kleis has not been started yet, so that there is no file to look into. */
  database: RemoteDatabase | null;
}

/** Null where the variables are too wrong to go on. */
export function lookAtVariables(variables: Record<string, string | undefined>): {
  findings: Finding[];
  surroundings: Surroundings | null;
} {
  const findings: Finding[] = [];
  const folder = resolve(variables.KLEIS_DATA_DIR || ".kleis");
  const kept = variables.ADMIN_TOKEN && variables.ENCRYPTION_KEY ? null : readSecrets(folder);
  if (kept === null && !variables.TURSO_DATABASE_URL?.trim() && !variables.ADMIN_TOKEN) {
    findings.push({
      area: "variables",
      level: "note",
      text: `There is no Kleis in ${folder} yet.`,
      advice: "npm start makes one. For a deployment elsewhere: npm run doctor -- https://its.address",
    });
    return { findings, surroundings: null };
  }
  const result = readSettings(variables, kept);
  if (!result.ok) {
    const advice = "The README's section Settings names them all.";
    for (const text of result.problems) findings.push({ area: "variables", level: "problem", text, advice });
    return { findings, surroundings: null };
  }

  const { config, database } = result.settings;
  const keys = config.ENCRYPTION_KEY.length;
  const source = (name: "ADMIN_TOKEN" | "ENCRYPTION_KEY") =>
    variables[name] ? "the environment" : join(folder, "secrets.env");
  findings.push({
    area: "variables",
    level: "ok",
    text: `All can be read. ADMIN_TOKEN comes from ${source("ADMIN_TOKEN")}, ENCRYPTION_KEY (${keys === 1 ? "one key" : `${keys} keys, of which the first writes`}) from ${source("ENCRYPTION_KEY")}.`,
  });
  if (variables.HOST && !isLoopback(variables.HOST) && config.PUBLIC_URL === "") {
    findings.push({
      area: "variables",
      level: "note",
      text: `HOST is ${variables.HOST}: others can reach this port, and PUBLIC_URL is not set.`,
      advice: "Put a web server with https in front of it, and set PUBLIC_URL to its address.",
    });
  }
  const file = databaseFile(folder);
  const own = existsSync(file) ? { url: pathToFileURL(file).href, authToken: undefined } : null;
  return { findings, surroundings: { config, database: database ?? own } };
}
