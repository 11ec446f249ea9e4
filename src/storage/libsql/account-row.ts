/** One row of `provider_accounts` as the port speaks of it, and the sealing of its secrets. */
import { getTableColumns } from "drizzle-orm";
import * as z from "zod/mini";
import type { AccountRecord, AccountSecrets } from "../port.ts";
import type { Place, Sealer } from "../seal.ts";
import { decodeRow, jsonObject, parsed } from "./decode.ts";
import { refusalNote } from "./refusal-note.ts";
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
  nextPollAt,
  lastRefusalAt,
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

const text = z.string();
const time = z.int();
const timeOrNull = z.nullable(z.int());

const shape = {
  id: text,
  provider: text,
  kind: z.enum(["oauth", "api_key"]),
  externalId: text,
  label: text,
  enabled: z.boolean(),
  primary: z.boolean(),
  status: z.enum(["active", "needs_login"]),
  statusReason: z.nullable(text),
  metadata: jsonObject,
  expiresAt: timeOrNull,
  lastRefreshAt: timeOrNull,
  lastRefreshStatus: z.nullable(z.enum(["ok", "failed"])),
  lastRefreshError: z.nullable(text),
  lastRefusal: refusalNote,
  rank: z.nullable(z.int()),
  createdAt: time,
  updatedAt: time,
};

const UNREADABLE: AccountRecord = {
  id: "unreadable",
  provider: "unknown",
  kind: "oauth",
  externalId: "",
  label: "Unreadable account",
  enabled: true,
  primary: false,
  status: "needs_login",
  statusReason: null,
  metadata: {},
  expiresAt: null,
  lastRefreshAt: null,
  lastRefreshStatus: null,
  lastRefreshError: null,
  lastRefusal: null,
  rank: null,
  createdAt: 0,
  updatedAt: 0,
};

/** A row that holds something that Kleis did not write is an account that must be connected again, and says why. */
export function toRecord(row: OpenRow): AccountRecord {
  const { row: record, odd } = decodeRow(shape, { ...row, metadata: parsed(row.metadata) }, UNREADABLE);
  if (odd.length === 0) return record;
  const statusReason = `What is stored of this account is damaged (${odd.join(", ")}): it was changed outside of Kleis. Connect it again, or remove it.`;
  return { ...record, status: "needs_login", statusReason };
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
