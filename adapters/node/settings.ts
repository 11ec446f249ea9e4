/** What the Node adapter reads from its environment, decoded once for the server and the doctor. */
import { BlockList, isIP } from "node:net";
import { join, resolve } from "node:path";
import type { Config } from "../../src/config.ts";
import { readConfig } from "../../src/environment.ts";
import { flawOf, plainValue, plainVariables, type Variables } from "../../src/variables.ts";
import { isUnexpanded, readAddress, UNEXPANDED } from "../edge/address.ts";
import type { RemoteDatabase } from "../edge/database.ts";
import { type ForwardProxies, readForwardProxies } from "./proxies.ts";
import type { Secrets } from "./secrets.ts";

/** In the working folder, unless KLEIS_DATA_DIR names another. */
export const DEFAULT_FOLDER = ".kleis";

/** Trusted with the forwarded address unless KLEIS_TRUSTED_PROXIES says otherwise. */
const LOOPBACK = "127.0.0.0/8,::1";

export interface Settings {
  config: Config;
  /** An address or a name, without brackets. */
  host: string;
  port: number;
  /** What requests that leave this machine go through. */
  forwardProxies: ForwardProxies;
  /** Null: no address is set, so that the file in the data folder is the database. */
  database: RemoteDatabase | null;
  /** Whose `X-Forwarded-For` counts. */
  proxies: BlockList;
}

/** The file in a data folder that is its database. */
export const DATABASE_FILE = "kleis.db";

/** The database of a data folder. */
export function databaseFile(folder: string): string {
  return join(folder, DATABASE_FILE);
}

/** The data folder that the variables name, as a whole path; or what is wrong with it. */
export function readFolder(
  variables: Variables,
): { ok: true; folder: string } | { ok: false; problem: string } {
  const named = plainValue(variables.KLEIS_DATA_DIR ?? "") || DEFAULT_FOLDER;
  const flaw = flawOf(named) ?? (isUnexpanded(named) ? UNEXPANDED : null);
  return flaw === null
    ? { ok: true, folder: resolve(named) }
    : { ok: false, problem: `KLEIS_DATA_DIR ${flaw}` };
}

export type SettingsResult = { ok: true; settings: Settings } | { ok: false; problems: string[] };

/** `kept`: the secrets of the data folder, which count where the environment names none. */
export function readSettings(
  environment: Variables,
  kept: Pick<Secrets, "ADMIN_TOKEN" | "ENCRYPTION_KEY"> | null,
): SettingsResult {
  const variables = plainVariables(environment);
  const core = readConfig({
    ...variables,
    ADMIN_TOKEN: variables.ADMIN_TOKEN || kept?.ADMIN_TOKEN || undefined,
    ENCRYPTION_KEY: variables.ENCRYPTION_KEY || kept?.ENCRYPTION_KEY || undefined,
  });
  const address = readAddress(variables, { hasDisk: true });
  const host = readHost(variables.HOST || "127.0.0.1");
  const port = readPort(variables.PORT || "4747");
  const proxies = readProxies(variables.KLEIS_TRUSTED_PROXIES || LOOPBACK);
  const forward = readForwardProxies(variables);
  if (core.ok && address.ok && host !== null && port !== null && proxies !== null && forward.ok) {
    const { config } = core;
    const { database } = address;
    return {
      ok: true,
      settings: { config, host, port, database, proxies, forwardProxies: forward.proxies },
    };
  }
  const problems = core.ok ? [] : core.problems;
  if (!address.ok) problems.push(address.problem);
  if (host === null) {
    problems.push(
      "HOST must be an address of this machine or its name, such as 127.0.0.1, 0.0.0.0 or ::, without port",
    );
  }
  if (port === null) problems.push("PORT must be a number from 0 to 65535");
  if (proxies === null) {
    problems.push(
      "KLEIS_TRUSTED_PROXIES must be addresses and ranges such as 127.0.0.0/8, ::1, 172.17.0.1, separated by commas",
    );
  }
  if (!forward.ok) problems.push(...forward.problems);
  return { ok: false, problems };
}

/** The address or name in lower case, without brackets; null for what cannot be listened on. */
function readHost(value: string): string | null {
  const host = value.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) > 0) return host;
  return !value.startsWith("[") && /^(?=.*[a-z])[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(host) ? host : null;
}

function readPort(value: string): number | null {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : -1;
  return port >= 0 && port < 65536 ? port : null;
}

/** Null when an entry is neither an address nor a range. */
function readProxies(value: string): BlockList | null {
  const list = new BlockList();
  for (const entry of value.split(",").map((part) => part.trim())) {
    if (entry === "") continue;
    const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const version = isIP(address);
    const most = version === 6 ? 128 : 32;
    if (version === 0 || address.includes("%") || Number(bits ?? most) > most) return null;
    list.addSubnet(address, Number(bits ?? most), version === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
