/**
 * Whether the database that is open is still the one at its path. SQLite goes on with a file that was deleted, moved or
 * replaced, and everything that is written to it then is gone at the next start. It compares device and inode itself, but
 * never while the write-ahead log is on.
 */
import { statSync } from "node:fs";

/** What the storage knows these by (`src/storage/libsql/failure.ts`). */
export type FileFault = "DATABASE_FILE_MISSING" | "DATABASE_FILE_REPLACED" | "DATABASE_LOG_MISSING";

export interface FileIdentity {
  /** Null while the files at the path are the ones that were opened. */
  fault(): FileFault | null;
  /** To be called after a statement: takes note of the log, which SQLite makes when it is first needed. */
  learnLog(): void;
  /** The connections are about to be closed, and with the last one SQLite may remove its log. */
  forgetLog(): void;
}

/** For the file that had the id `file` when it was opened. */
export function identifyFile(path: string, file: string | null): FileIdentity {
  const logPath = `${path}-wal`;
  let log: string | null = null;
  return {
    fault() {
      const now = idOf(path);
      if (now !== file) return now === null ? "DATABASE_FILE_MISSING" : "DATABASE_FILE_REPLACED";
      return log !== null && idOf(logPath) !== log ? "DATABASE_LOG_MISSING" : null;
    },
    learnLog() {
      log ??= idOf(logPath);
    },
    forgetLog() {
      log = null;
    },
  };
}

/** Device and inode; null when there is nothing at the path. */
export function idOf(path: string): string | null {
  // As bigint, since Windows' file ids are beyond what a number holds exactly.
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev}:${found.ino}`;
}
