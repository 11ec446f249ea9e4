/** The environment of a door without a disk: nothing is generated, so everything that is needed must be set. */
import { type Config, isLoopback, readConfig } from "../../src/config.ts";

export interface EdgeEnvironment {
  config: Config;
  database: { url: string; authToken: string | undefined };
}

export type EdgeEnvironmentResult =
  | { ok: true; environment: EdgeEnvironment }
  | { ok: false; problems: string[] };

/** Decodes the variables. `problems` name what is wrong and what to do; they never repeat a value. */
export function readEdgeEnvironment(variables: Record<string, string | undefined>): EdgeEnvironmentResult {
  // An empty variable is what a dashboard keeps of one that was cleared: the same as none.
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value?.trim()));
  const core = readConfig({ ...given, MODELS_DEV_URL: variables.MODELS_DEV_URL });
  const url = given.TURSO_DATABASE_URL?.trim() ?? "";
  const problem = databaseProblem(url);
  if (core.ok && problem === null) {
    return {
      ok: true,
      environment: {
        config: core.config,
        database: { url, authToken: given.TURSO_AUTH_TOKEN?.trim() },
      },
    };
  }
  return { ok: false, problems: [...(core.ok ? [] : core.problems), ...(problem === null ? [] : [problem])] };
}

function databaseProblem(url: string): string | null {
  if (url === "") return "TURSO_DATABASE_URL is not set";
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const protocol = parsed?.protocol ?? "";
  if (parsed !== null && parsed.hostname !== "") {
    if (protocol === "libsql:" || protocol === "https:") return null;
    if (protocol === "http:" && isLoopback(parsed.hostname)) return null;
  }
  return protocol === "http:"
    ? "TURSO_DATABASE_URL may be http:// only on this machine: use libsql:// or https://"
    : "TURSO_DATABASE_URL must be a libsql:// or https:// address: there is no disk here for a file";
}
