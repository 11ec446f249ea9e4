/** What stands behind `npm run doctor --` and `npm run rotate-keys --`, decoded. Repeats nothing that may be a secret. */
import { isLoopback } from "../../src/config.ts";

export type Arguments =
  | {
      ok: true;
      /** The address of a deployment, without a slash at its end. */
      address?: string;
      /** A file of variables. */
      envFile?: string;
      /** Asks the providers, too. */
      live?: true;
      /** Spends without asking first. */
      yes?: true;
      /** Prints the results as JSON. */
      json?: true;
      /** A file to write the results to, without secrets. */
      report?: string;
    }
  | { ok: false; problem: string };

const ENV_FILE = "--env-file";
const REPORT = "--report";
/** Options that take a value, and the member that holds it. */
const WITH_VALUE = { [ENV_FILE]: "envFile", [REPORT]: "report" } as const;
const FLAGS = { "--live": "live", "--yes": "yes", "--json": "json" } as const;
/** A host with a dot, a port or a well-known name, and what may stand behind it. */
const HOST = /^(localhost|[\w-]+(\.[\w-]+)+|[\w-]+(?=:\d)|\[[\da-f:]+\])(:\d+)?(\/.*)?$/i;

export function readArguments(given: readonly string[]): Arguments {
  const found: Omit<Extract<Arguments, { ok: true }>, "ok"> = {};
  for (let at = 0; at < given.length; at++) {
    const argument = given[at] ?? "";
    const [name = "", ...value] = argument.split("=");
    if (name === ENV_FILE || name === REPORT) {
      const file = value.length === 0 ? given[++at] : value.join("=");
      if (!file) return refused(`${name} needs the name of a file`);
      found[WITH_VALUE[name]] = file;
    } else if (argument === "--live" || argument === "--yes" || argument === "--json") {
      found[FLAGS[argument]] = true;
    } else if (argument.startsWith("-")) {
      return refused(`there is no option ${argument.replace(/=.*/s, "")}`);
    } else {
      const address = addressOf(argument);
      if (address === null) return refused(`argument ${at + 1} is neither an address nor an option`);
      if (found.address !== undefined) return refused("only one address can be looked at");
      found.address = address;
    }
  }
  const needing = found.live ? undefined : given.find((each) => /^--(yes|json|report)/.test(each));
  if (needing !== undefined) return refused(`${needing.replace(/=.*/s, "")} needs --live`);
  return { ok: true, ...found };
}

/** Reads a file of variables into the environment, where those that are set already stay. Throws in plain words. */
export function loadVariables(envFile: string | undefined): void {
  if (envFile === undefined) return;
  try {
    process.loadEnvFile(envFile);
  } catch {
    throw new Error(`${envFile} cannot be read.`);
  }
}

function refused(what: string): Arguments {
  return { ok: false, problem: `This cannot be understood: ${what}.` };
}

/** A bare host is taken for https, on this machine for http; null for what is no address. A path may be PUBLIC_URL's. */
function addressOf(argument: string): string | null {
  const isWhole = /^https?:\/\//i.test(argument);
  if (!isWhole && !HOST.test(argument)) return null;
  const whole = isWhole ? argument : `https://${argument}`;
  if (!URL.canParse(whole)) return null;
  const url = new URL(whole);
  // The default port must not be dropped on the way from one to the other.
  const { origin } = !isWhole && isLoopback(url.hostname) ? new URL(`http://${argument}`) : url;
  return origin + url.pathname.replace(/\/(admin|v1)(\/.*)?$/, "").replace(/\/+$/, "");
}
