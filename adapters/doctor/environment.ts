/** The variables as the Node adapter would read them, without creating anything that is missing. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Config, isLoopback } from "../../src/config.ts";
import { plainVariables, type Variables } from "../../src/variables.ts";
import type { RemoteDatabase } from "../edge/database.ts";
import { nearbyData } from "../node/find-data.ts";
import type { ForwardProxies } from "../node/proxies.ts";
import { readSecrets } from "../node/secrets.ts";
import { databaseFile, readFolder, readSettings } from "../node/settings.ts";
import type { Finding } from "./finding.ts";

export interface Surroundings {
  config: Config;
  forwardProxies: ForwardProxies;
  /** Where it listens on this machine. */
  address: string;
  /** Null: this Kleis has not been started yet, so that there is no file to look into. */
  database: RemoteDatabase | null;
}

/** Null where the variables are too wrong to go on. */
export function lookAtVariables(environment: Variables): {
  findings: Finding[];
  surroundings: Surroundings | null;
} {
  const findings: Finding[] = [];
  const variables = plainVariables(environment);
  const place = readFolder(variables);
  if (!place.ok) return { findings: [problem(place.problem)], surroundings: null };
  const { folder } = place;
  const kept = variables.ADMIN_TOKEN && variables.ENCRYPTION_KEY ? null : readSecrets(folder);
  if (kept === null && !variables.TURSO_DATABASE_URL && !variables.ADMIN_TOKEN) {
    findings.push({
      area: "variables",
      level: "note",
      text: `There is no Kleis in ${folder} yet.`,
      advice: adviceFor(nearbyData(folder, environment.KLEIS_DATA_DIR)),
    });
    return { findings, surroundings: null };
  }
  const result = readSettings(variables, kept);
  if (!result.ok) {
    return { findings: result.problems.map(problem), surroundings: null };
  }

  const { config, host, port, database, forwardProxies } = result.settings;
  const keys = config.ENCRYPTION_KEY.length;
  const source = (name: "ADMIN_TOKEN" | "ENCRYPTION_KEY") =>
    variables[name] ? "the environment" : join(folder, "secrets.env");
  findings.push({
    area: "variables",
    level: "ok",
    text: `All can be read. ADMIN_TOKEN comes from ${source("ADMIN_TOKEN")}, ENCRYPTION_KEY (${keys === 1 ? "one key" : `${keys} keys, of which the first writes`}) from ${source("ENCRYPTION_KEY")}.`,
  });
  if (!isLoopback(host.includes(":") ? `[${host}]` : host) && config.PUBLIC_URL === "") {
    findings.push({
      area: "variables",
      level: "note",
      text: `HOST is ${host}: others can reach this port, and PUBLIC_URL is not set.`,
      advice: "Put a web server with https in front of it, and set PUBLIC_URL to its address.",
    });
  }
  const file = databaseFile(folder);
  const own = existsSync(file) ? { url: pathToFileURL(file).href, authToken: undefined } : null;
  return {
    findings,
    surroundings: { config, forwardProxies, address: addressOf(host, port), database: database ?? own },
  };
}

/** The address at which this machine reaches what listens there. */
function addressOf(host: string, port: number): string {
  if (host === "0.0.0.0" || host === "::") return `http://127.0.0.1:${port}`;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function problem(text: string): Finding {
  const advice = "docs/configuration.md lists them all.";
  return { area: "variables", level: "problem", text, advice };
}

function adviceFor(others: readonly string[]): string {
  const [other] = others;
  return other === undefined
    ? "npm start makes one. For a deployment elsewhere: npm run doctor -- https://its.address"
    : `There is one in ${JSON.stringify(other)}: set KLEIS_DATA_DIR to it if you mean that one. npm start makes a new one.`;
}
