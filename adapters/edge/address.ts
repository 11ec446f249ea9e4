/** The database that the variables name: read the same way by every adapter, with the same error messages. */
import { isLoopback } from "../../src/config.ts";
import { flawOf, isSendable, plainValue, type Variables } from "../../src/variables.ts";
import type { RemoteDatabase } from "./database.ts";

export type AddressResult =
  /** Null: no address is set. */
  { ok: true; database: RemoteDatabase | null } | { ok: false; problem: string };

/** `hasDisk`: whether the address may be a file's. `problem` says what to do and never repeats a value. */
export function readAddress(variables: Variables, { hasDisk }: { hasDisk: boolean }): AddressResult {
  const url = plainValue(variables.TURSO_DATABASE_URL ?? "");
  const authToken = plainValue(variables.TURSO_AUTH_TOKEN ?? "") || undefined;
  if (url === "") return { ok: true, database: null };
  const problem = problemOf(url, authToken, hasDisk);
  return problem === null ? { ok: true, database: { url, authToken } } : { ok: false, problem };
}

function problemOf(url: string, authToken: string | undefined, hasDisk: boolean): string | null {
  const flaw = flawOf(url);
  if (flaw !== null) return `TURSO_DATABASE_URL ${flaw}`;
  if (/^file:/i.test(url)) {
    return hasDisk
      ? problemOfFile(url)
      : "TURSO_DATABASE_URL must be a libsql:// or https:// address: there is no disk here for a file";
  }
  return problemOfServer(url, hasDisk) ?? problemOfToken(url, authToken);
}

/** libSQL takes `file:` with a path, relative to the working folder or not, and decodes it. */
function problemOfFile(url: string): string | null {
  const path = /^file:(?:\/\/(?:localhost)?(?=\/))?(?!\/\/)([^?#]+)$/.exec(url)?.[1] ?? "";
  if (path === "" || path.endsWith("/") || !isDecodable(path)) {
    return "TURSO_DATABASE_URL must be file: and the path of a file, without host, ? and #";
  }
  if (/^:memory:/i.test(path)) {
    return "TURSO_DATABASE_URL must be a file that stays: what is in memory is lost at the end of the process";
  }
  if (isUnexpanded(path)) return `TURSO_DATABASE_URL ${UNEXPANDED}`;
  return null;
}

function problemOfServer(url: string, hasDisk: boolean): string | null {
  // Without a host, as something that is no address has none.
  const { protocol, hostname, port, username, password, searchParams, hash } = new URL(
    URL.canParse(url) ? url : "none:",
  );
  const isServer = hostname !== "" && /^(libsql|https?):\/\/[^\s\\]+$/i.test(url) && port !== "0";
  if (!isServer) {
    return hasDisk
      ? "TURSO_DATABASE_URL must begin with libsql://, https:// or file:"
      : "TURSO_DATABASE_URL must be a libsql:// or https:// address";
  }
  if (username !== "" || password !== "" || searchParams.has("authToken")) {
    return "TURSO_DATABASE_URL must be the address alone: the token belongs into TURSO_AUTH_TOKEN";
  }
  const tls = searchParams.getAll("tls");
  // What libSQL's own client does not take.
  const isOdd =
    [...searchParams.keys()].some((name) => name !== "tls") || tls.some((value) => !/^[01]$/.test(value));
  if (isOdd || hash !== "" || url.endsWith("#") || !isDecodable(url)) {
    return "TURSO_DATABASE_URL must be without # and, but for tls, without parameters";
  }
  // The second is how libSQL's own client is told to do without TLS.
  const isOpen = protocol === "http:" || tls.includes("0");
  if (isOpen && !isLoopback(hostname)) {
    return "TURSO_DATABASE_URL may be http:// only on this machine, and tls=0 is the same: use libsql:// or https:// without it";
  }
  if (protocol === "libsql:" && tls.includes("0") && port === "") {
    return "TURSO_DATABASE_URL must name a port beside tls=0";
  }
  return null;
}

function problemOfToken(url: string, authToken: string | undefined): string | null {
  const flaw = flawOf(authToken ?? "");
  if (flaw !== null) return `TURSO_AUTH_TOKEN ${flaw}`;
  if (authToken !== undefined && !isSendable(authToken)) {
    return "TURSO_AUTH_TOKEN must be the token alone, on one line, without Bearer and blanks";
  }
  // Another server may need no token; Turso always does.
  if (new URL(url).hostname.endsWith(".turso.io") && authToken === undefined)
    return "TURSO_AUTH_TOKEN is not set";
  return null;
}

/** Words for a path that a shell was meant to expand. */
export const UNEXPANDED = "holds ~ or a variable that was not expanded: write the full path";

/** Whether a path begins with what only a shell expands; taken literally, it would name a new folder. */
export function isUnexpanded(path: string): boolean {
  return /^~|^\$\{?[A-Za-z_]|^%[A-Za-z_]+%/.test(path);
}

function isDecodable(text: string): boolean {
  try {
    return !decodeURIComponent(text).includes("\0");
  } catch {
    return false;
  }
}
