/** The database that the variables name: read in one way by every door, with one set of words for what is wrong. */
import { isLoopback } from "../../src/config.ts";
import type { RemoteDatabase } from "./database.ts";

export type AddressResult =
  /** Null: no address is set. */
  { ok: true; database: RemoteDatabase | null } | { ok: false; problem: string };

/** `hasDisk`: whether the address may be a file's. `problem` says what to do and never repeats a value. */
export function readAddress(
  variables: Record<string, string | undefined>,
  { hasDisk }: { hasDisk: boolean },
): AddressResult {
  const url = variables.TURSO_DATABASE_URL?.trim() ?? "";
  const authToken = variables.TURSO_AUTH_TOKEN?.trim() || undefined;
  if (url === "") return { ok: true, database: null };
  const problem = problemOf(url, authToken, hasDisk);
  return problem === null ? { ok: true, database: { url, authToken } } : { ok: false, problem };
}

function problemOf(url: string, authToken: string | undefined, hasDisk: boolean): string | null {
  if (hasDisk && url.startsWith("file:")) return null;
  // Without a host, as something that is no address has none.
  const { protocol, hostname, searchParams } = new URL(URL.canParse(url) ? url : "none:");
  const isServer = hostname !== "" && ["libsql:", "https:", "http:"].includes(protocol);
  if (!isServer) {
    return hasDisk
      ? "TURSO_DATABASE_URL must begin with libsql://, https:// or file:"
      : "TURSO_DATABASE_URL must be a libsql:// or https:// address: there is no disk here for a file";
  }
  // The second is how libSQL's own client is told to do without TLS.
  const isOpen = protocol === "http:" || searchParams.getAll("tls").includes("0");
  if (isOpen && !isLoopback(hostname)) {
    return "TURSO_DATABASE_URL may be http:// only on this machine, and tls=0 is the same: use libsql:// or https:// without it";
  }
  // Another server may be open to whoever reaches it; Turso's never is.
  if (hostname.endsWith(".turso.io") && authToken === undefined) return "TURSO_AUTH_TOKEN is not set";
  return null;
}
