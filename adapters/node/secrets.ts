/**
 * The two secrets of a self-hosted Kleis: from the environment, or made at the first start and kept in the data folder
 * (folder 0700, file 0600). Several starters agree on one file: it appears whole or not at all.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

const FILE = "secrets.env";

export interface Secrets {
  ADMIN_TOKEN: string;
  ENCRYPTION_KEY: string;
  /** True when this call made them, so that the admin token is shown once. */
  created: boolean;
}

/** Makes the data folder, for its owner alone. */
export function ensureFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
}

/** Makes the data folder, and the secrets in it where there are none. */
export function ensureSecrets(folder: string): Secrets {
  ensureFolder(folder);
  const path = join(folder, FILE);
  const existing = readSecrets(folder);
  if (existing !== null) return { ...existing, created: false };

  const made = {
    ADMIN_TOKEN: `kadm_${randomBytes(24).toString("base64url")}`,
    ENCRYPTION_KEY: randomBytes(32).toString("base64"),
  };
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const lines = [
    "# Made at the first start of Kleis. Keep a copy: without ENCRYPTION_KEY the stored accounts cannot be opened.",
    `ADMIN_TOKEN="${made.ADMIN_TOKEN}"`,
    `ENCRYPTION_KEY="${made.ENCRYPTION_KEY}"`,
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
  const path = join(folder, FILE);
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  chmodSync(path, 0o600);
  const { ADMIN_TOKEN = "", ENCRYPTION_KEY = "" } = parseEnv(source);
  return { ADMIN_TOKEN, ENCRYPTION_KEY };
}
