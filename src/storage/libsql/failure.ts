/**
 * Turns whatever a driver throws into a `StorageError` and puts a limit on waiting. Drivers and drizzle put bound values
 * into their messages, so none of their text is passed on, nor are they kept as `cause`: only codes are.
 */
import { withTimeout } from "../../deadline.ts";
import { causes, errorCodeOf } from "../../error-code.ts";
import type { Clock } from "../../runtime.ts";
import { networkFailure } from "../../unreachable.ts";
import { StorageError, WrongKeyError } from "../port.ts";
import { SealError } from "../seal.ts";

/** How long one call may take, ms. */
export const CALL_LIMIT_MS = 5_000;

const ADVICE: Record<string, string> = {
  SQLITE_BUSY: "another process is writing to the database file, and has been for seconds",
  SQLITE_CANTOPEN: "the database file cannot be opened: check the data folder and its permissions",
  SQLITE_CONSTRAINT: "it is at odds with a row that is there already",
  DATABASE_THREAD_ENDED:
    "the thread that reads the database file has ended; the next call starts another one",
  CERT_HAS_EXPIRED: "the certificate of the database's server has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "the certificate of the database's server is its own: NODE_EXTRA_CA_CERTS names the file of one to trust",
  EAI_AGAIN: "the host of the database cannot be looked up for now: check the network and TURSO_DATABASE_URL",
  ECONNREFUSED: "nothing listens at the address of the database: check TURSO_DATABASE_URL, and that it runs",
  ECONNRESET: "the database closed the connection",
  EHOSTUNREACH: "there is no way to the host of the database: check the network and TURSO_DATABASE_URL",
  ENETUNREACH: "there is no way to the host of the database: check the network and TURSO_DATABASE_URL",
  ENOTFOUND: "there is no host of this name: check TURSO_DATABASE_URL",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is another host's: check TURSO_DATABASE_URL",
  ETIMEDOUT: "the database host does not respond: check the network and TURSO_DATABASE_URL",
  SELF_SIGNED_CERT_IN_CHAIN:
    "the certificate of the database's server is not from a known authority: NODE_EXTRA_CA_CERTS names the file of one to trust",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the certificate of the database's server is not from a known authority: NODE_EXTRA_CA_CERTS names the file of one to trust",
};

/** What does not pass by itself within seconds, so that trying again only keeps callers waiting. */
const LASTING_ADVICE: Record<string, string> = {
  DATABASE_FILE_MISSING:
    "the database file was deleted or moved while Kleis was running, and what is written now would be lost: put the file back, or restart Kleis, which then begins with an empty one",
  DATABASE_FILE_REPLACED:
    "another file was put in the place of the database file while Kleis was running, and what is written now would be lost: restart Kleis, which then uses the file that lies there",
  DATABASE_LOG_MISSING:
    "the database's write-ahead log (the file that ends in -wal) was deleted or replaced while Kleis was running, and what is written now would be lost: restart Kleis",
  SQLITE_CORRUPT: "the database file is damaged: restore it from a backup",
  SQLITE_FULL:
    "the disk is full: free some space where the database lies, then try again; everything that was confirmed is stored",
  SQLITE_IOERR: "the disk could not be read or written: it may be full, over a quota, or broken",
  SQLITE_NOTADB: "the file is not a database: check TURSO_DATABASE_URL and KLEIS_DATA_DIR",
  SQLITE_READONLY: "the database is read-only: check the file's permissions and how its disk is mounted",
};

/** Runs `work`; what it throws becomes a `StorageError` that names `what` was tried. A `SealError` or a `WrongKeyError` stays one. */
export async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStorageError(what, error);
  }
}

/** Rejects with a `StorageError` when `work` has not settled after `CALL_LIMIT_MS`. `sleep` is in real time. */
export function within<T>(sleep: Clock["sleep"], work: Promise<T>): Promise<T> {
  return withTimeout({ sleep }, CALL_LIMIT_MS, work, () => {
    throw new StorageError(`the database did not respond within ${CALL_LIMIT_MS / 1000} s`);
  });
}

function toStorageError(what: string, error: unknown): StorageError | SealError {
  for (const link of causes(error)) {
    if (link instanceof SealError || link instanceof WrongKeyError) return link;
    if (link instanceof StorageError) {
      return new StorageError(`cannot ${what}: ${link.message}`, { lasts: link.lasts });
    }
  }
  const code = errorCodeOf(error);
  const status = statusOf(error);
  const details = [code, status === undefined ? undefined : `HTTP ${status}`].filter(
    (part) => part !== undefined,
  );
  const lasting = adviceForCode(LASTING_ADVICE, code);
  const own = lasting ?? adviceForCode(ADVICE, code) ?? adviceForStatus(status);
  const network = own === undefined ? networkFailure(code) : undefined;
  const reason = own ?? network?.what ?? "the database failed";
  const coded = details.length === 0 ? "" : ` (${details.join(", ")})`;
  return new StorageError(
    `cannot ${what}: ${reason}${coded}${network === undefined ? "" : `. ${network.advice}`}`,
    { lasts: lasting !== undefined },
  );
}

/** An extended code, such as SQLITE_CANTOPEN_ISDIR, has the words of its primary one. */
function adviceForCode(advice: Record<string, string>, code = ""): string | undefined {
  return advice[code] ?? advice[/^SQLITE_[A-Z]+/.exec(code)?.[0] ?? ""];
}

function adviceForStatus(status: number | undefined): string | undefined {
  if (status === 401 || status === 403) return "the database refused the token: check TURSO_AUTH_TOKEN";
  if (status === 404) return "there is no database at this address: check TURSO_DATABASE_URL";
  return undefined;
}

function statusOf(error: unknown): number | undefined {
  for (const link of causes(error)) {
    const status: unknown = Reflect.get(link, "status");
    if (typeof status === "number") return status;
  }
  return undefined;
}
