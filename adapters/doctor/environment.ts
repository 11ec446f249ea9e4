/** The variables as a door would read them, without making anything that is not there. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Config, isLoopback, readConfig } from "../../src/config.ts";
import { readSecrets } from "../node/secrets.ts";
import type { Finding } from "./finding.ts";

export interface Surroundings {
  config: Config;
  /** Null: this Kleis has not been started yet, so that there is no file to look into. */
  database: { url: string; authToken: string | undefined } | null;
}

/** Null where the variables are too wrong to go on. */
export function lookAtVariables(variables: Record<string, string | undefined>): {
  findings: Finding[];
  surroundings: Surroundings | null;
} {
  const findings: Finding[] = [];
  const folder = resolve(variables.KLEIS_DATA_DIR || ".kleis");
  const kept = variables.ADMIN_TOKEN && variables.ENCRYPTION_KEY ? null : readSecrets(folder);
  const url = variables.TURSO_DATABASE_URL?.trim() ?? "";
  if (kept === null && url === "" && !variables.ADMIN_TOKEN) {
    findings.push({
      area: "variables",
      level: "note",
      text: `There is no Kleis in ${folder} yet.`,
      advice: "npm start makes one. For a deployment elsewhere: npm run doctor -- https://its.address",
    });
    return { findings, surroundings: null };
  }
  const result = readConfig({
    ...variables,
    ADMIN_TOKEN: variables.ADMIN_TOKEN || kept?.ADMIN_TOKEN,
    ENCRYPTION_KEY: variables.ENCRYPTION_KEY || kept?.ENCRYPTION_KEY,
  });
  const wrong = [...(result.ok ? [] : result.problems), ...databaseProblems(url)];
  for (const text of wrong) {
    findings.push({
      area: "variables",
      level: "problem",
      text,
      advice: "The README's section Settings names them all.",
    });
  }
  if (!result.ok || wrong.length > 0) return { findings, surroundings: null };

  const { config } = result;
  const keys = config.ENCRYPTION_KEY.length;
  findings.push({
    area: "variables",
    level: "ok",
    text: `All can be read; ${keys === 1 ? "one encryption key" : `${keys} encryption keys, of which the first writes`}${kept === null ? "" : `, from ${join(folder, "secrets.env")}`}.`,
  });
  if (variables.HOST && !isLoopback(variables.HOST) && config.PUBLIC_URL === "") {
    findings.push({
      area: "variables",
      level: "note",
      text: `HOST is ${variables.HOST}: others can reach this port, and PUBLIC_URL is not set.`,
      advice: "Put a web server with https in front of it, and set PUBLIC_URL to its address.",
    });
  }
  const file = join(folder, "kleis.db");
  if (url === "" && !existsSync(file)) return { findings, surroundings: { config, database: null } };
  return {
    findings,
    surroundings: {
      config,
      database: {
        url: url === "" ? pathToFileURL(file).href : url,
        authToken: variables.TURSO_AUTH_TOKEN?.trim() || undefined,
      },
    },
  };
}

function databaseProblems(url: string): string[] {
  if (url === "") return [];
  if (!URL.canParse(url)) return ["TURSO_DATABASE_URL is not an address"];
  const { protocol, hostname } = new URL(url);
  if (["file:", "libsql:", "https:"].includes(protocol)) return [];
  if (protocol === "http:" && isLoopback(hostname)) return [];
  return ["TURSO_DATABASE_URL must be file:, libsql: or https: (http: only on this machine)"];
}
