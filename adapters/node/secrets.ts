/**
 * The two secrets of a self-hosted Kleis: from the environment, or made at the first start and kept in the data folder
 * (made 0700, the file 0600). Several starters agree on one file: it appears whole or not at all.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

/** The file in the data folder that keeps them. */
export const SECRETS_FILE = "secrets.env";

export interface Secrets {
  ADMIN_TOKEN: string;
  ENCRYPTION_KEY: string;
  /** True when this call made them, so that the admin token is shown once. */
  created: boolean;
}

/** Makes the data folder, for its owner alone; one that there is stays as it is, since others may use it too. */
export function ensureFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/** True when more than the folder's owner may look into it; what Kleis keeps there is its owner's all the same. */
export function isOpenToOthers(folder: string): boolean {
  // Windows has other means, of which this says nothing.
  return process.platform !== "win32" && (statSync(folder).mode & 0o077) !== 0;
}

/** Does something with the data folder. Throws words that say what to do where the system does not let it. */
export function inFolder<Result>(folder: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof Error && "syscall" in cause && "code" in cause)) throw cause;
    throw new Error(
      `Kleis cannot use ${folder} as its data folder (${cause.code}). Make it a folder that belongs to this user, or set KLEIS_DATA_DIR to another one.`,
      { cause },
    );
  }
}

/** Two random secrets, kept nowhere yet. */
export function newSecrets(): Omit<Secrets, "created"> {
  return {
    ADMIN_TOKEN: `kadm_${randomBytes(24).toString("base64url")}`,
    ENCRYPTION_KEY: randomBytes(32).toString("base64"),
  };
}

/** Makes the data folder, and the secrets in it where there are none. */
export function ensureSecrets(folder: string): Secrets {
  ensureFolder(folder);
  const path = join(folder, SECRETS_FILE);
  const existing = readSecrets(folder);
  if (existing !== null) return { ...existing, created: false };

  const made = newSecrets();
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const lines = [
    "# Made at the first start of Kleis. Keep a copy: without ENCRYPTION_KEY the stored accounts cannot be opened.",
    // Without quotes, which some readers of such files take for a part of the value.
    `ADMIN_TOKEN=${made.ADMIN_TOKEN}`,
    `ENCRYPTION_KEY=${made.ENCRYPTION_KEY}`,
    "",
  ];
  writeFileSync(draft, lines.join("\n"), { mode: 0o600, flush: true });
  try {
    linkSync(draft, path);
  } catch (error) {
    const other = readSecrets(folder);
    if (other === null) throw error;
    return { ...other, created: false };
  } finally {
    rmSync(draft, { force: true });
  }
  return { ...made, created: true };
}

/** The secrets that a folder holds; null when it holds none. */
export function readSecrets(folder: string): Omit<Secrets, "created"> | null {
  const path = join(folder, SECRETS_FILE);
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  chmodSync(path, 0o600);
  const { ADMIN_TOKEN = "", ENCRYPTION_KEY = "" } = parseEnv(source.replace(/^\uFEFF/, ""));
  return { ADMIN_TOKEN, ENCRYPTION_KEY };
}
