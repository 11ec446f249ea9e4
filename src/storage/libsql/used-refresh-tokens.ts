/**
 * The refresh tokens that an account has used up, so that an older copy of its credentials is recognised: their
 * fingerprints behind one another in one column, the newest last, bounded.
 */
import { type SQL, sql } from "drizzle-orm";
import { sha256Hex } from "../../bytes.ts";
import type { providerAccounts } from "./schema.ts";

/** Half a SHA-256 is enough to tell tokens apart, and a space keeps neighbours from being read as one. */
const DIGITS = 32;
/** A sign-in of a month that is renewed every eight hours uses up ninety. */
const REMEMBERED = 100;

type Column = typeof providerAccounts.spentTokens;

export async function usedTokenMark(refreshToken: string): Promise<string> {
  return `${(await sha256Hex(refreshToken)).slice(0, DIGITS)} `;
}

/** The column's text with one more. */
export function withSpent(column: Column, mark: string): SQL {
  return sql`substr(coalesce(${column}, '') || ${mark}, ${-REMEMBERED * (DIGITS + 1)})`;
}

/** 1 or 0. */
export function isSpentIn(column: Column, mark: string): SQL<number> {
  return sql<number>`instr(coalesce(${column}, ''), ${mark}) > 0`;
}
