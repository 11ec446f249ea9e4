/** One row of `provider_accounts` as the port speaks of it, and the sealing of its secrets. */
import { getTableColumns } from "drizzle-orm";
import * as z from "zod/mini";
import type { AccountRecord, AccountSecrets } from "../port.ts";
import type { Place, Sealer } from "../seal.ts";
import { decode, decodeJson, jsonObject } from "./decode.ts";
import { providerAccounts } from "./schema.ts";

const {
  accessToken,
  refreshToken,
  idToken,
  apiKey,
  tokenVersion,
  leaseOwner,
  leaseUntil,
  leaseFence,
  intentVersion,
  refreshRetryAt,
  refreshFailures,
  spentTokens,
  ...open
} = getTableColumns(providerAccounts);

/** The columns of an `AccountRecord`. */
export const openColumns = open;

/** The columns that hold `seal.ts` texts. */
export const sealedColumns = { accessToken, refreshToken, idToken, apiKey };

/** What is read, in one statement, of an account that is to be opened. */
export const accountColumns = { record: open, sealed: sealedColumns, version: tokenVersion };

export type OpenRow = { [Name in keyof typeof open]: (typeof providerAccounts.$inferSelect)[Name] };
export type SealedRow = AccountSecrets;
export interface AccountRow {
  record: OpenRow;
  sealed: SealedRow;
  version: number;
}

const words = z.object({
  kind: z.enum(["oauth", "api_key"]),
  status: z.enum(["active", "needs_login"]),
  lastRefreshStatus: z.nullable(z.enum(["ok", "failed"])),
});

export function toRecord(row: OpenRow): AccountRecord {
  return {
    ...row,
    ...decode(words, row, "provider_accounts"),
    metadata: decodeJson(jsonObject, row.metadata, "provider_accounts.metadata"),
  };
}

export function only(rows: OpenRow[]): AccountRecord | null {
  return rows[0] ? toRecord(rows[0]) : null;
}

/** Rejects with `SealError` when one does not open. */
export function openSecrets(
  sealer: Sealer,
  { record, sealed, version }: AccountRow,
): Promise<AccountSecrets> {
  return eachSecret(sealed, (text, column) => sealer.open(text, place(record.id, column, version)));
}

/** All of a row's secrets, for the version under which they are about to be written. */
export function sealSecrets(
  sealer: Sealer,
  id: string,
  version: number,
  secrets: AccountSecrets,
): Promise<SealedRow> {
  return eachSecret(secrets, (text, column) => sealer.seal(text, place(id, column, version)));
}

async function eachSecret(
  secrets: AccountSecrets,
  turn: (text: string, column: string) => Promise<string>,
): Promise<AccountSecrets> {
  const one = async (name: keyof AccountSecrets) => {
    const text = secrets[name];
    return text === null ? null : turn(text, sealedColumns[name].name);
  };
  const [accessToken, refreshToken, idToken, apiKey] = await Promise.all([
    one("accessToken"),
    one("refreshToken"),
    one("idToken"),
    one("apiKey"),
  ]);
  return { accessToken, refreshToken, idToken, apiKey };
}

function place(row: string, column: string, version: number): Place {
  return { table: "provider_accounts", column, row, version };
}
