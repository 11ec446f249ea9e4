/** An account whose stored secrets do not open says so itself, wherever that is next noticed; the others go on. */
import { and, eq, sql } from "drizzle-orm";
import type { OpenAccount } from "../port.ts";
import { SealError, type Sealer, type SealFault } from "../seal.ts";
import { type AccountRow, openSecrets, sealedColumns, toRecord } from "./account-row.ts";
import type { Orm } from "./database.ts";
import { providerAccounts } from "./schema.ts";

/** What the owner reads beside the account. */
export const DAMAGED =
  "What is stored of this account does not open: it was changed, moved or put back outside of Kleis. Connect it again.";

/** What the owner reads beside an account that another process may still be able to open. */
export const LOCKED =
  "What is stored of this account did not open: it names a key that was not in ENCRYPTION_KEY where it was tried. Add the former key to ENCRYPTION_KEY (comma-separated, behind the present one) of every door, or connect the account again.";

const NOW = sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;

type Change = { status: "needs_login"; statusReason: string } | { statusReason: string | null };

/**
 * Opens a row. Damaged secrets mark their account `needs_login`. A key that is not in the ring leaves the status as it
 * is, for another process may have it, and only says why; the next one that opens the row takes these words away.
 * Rejects with `SealError` in both cases.
 */
export async function openOrMark(orm: Orm, sealer: Sealer, row: AccountRow): Promise<OpenAccount> {
  let open: OpenAccount;
  try {
    open = await openRow(sealer, row);
  } catch (error) {
    if (error instanceof SealError) await note(orm, row, changeFor(error.fault, row));
    throw error;
  }
  if (open.account.statusReason !== LOCKED) return open;
  await note(orm, row, { statusReason: null });
  return { ...open, account: { ...open.account, statusReason: null } };
}

/** Opens a row and writes nothing, whatever comes of it. Rejects with `SealError`. */
export async function openRow(sealer: Sealer, row: AccountRow): Promise<OpenAccount> {
  const secrets = await openSecrets(sealer, row);
  return { account: toRecord(row.record), secrets, version: row.version };
}

/** Null when the account says so already, or something graver. */
function changeFor(fault: SealFault, { record: { status, statusReason } }: AccountRow): Change | null {
  if (fault === "unknown_key") {
    return status === "active" && statusReason !== LOCKED ? { statusReason: LOCKED } : null;
  }
  return status === "needs_login" && statusReason === DAMAGED
    ? null
    : { status: "needs_login", statusReason: DAMAGED };
}

/**
 * Only while the very texts that were tried are still there and the status is as it was read. Never rejects: what is
 * wrong is told in any case, and what could not be written is written at the next try.
 */
async function note(orm: Orm, { record, sealed, version }: AccountRow, change: Change | null): Promise<void> {
  if (change === null) return;
  const { accessToken, refreshToken, idToken, apiKey } = sealedColumns;
  await orm
    .update(providerAccounts)
    .set({ ...change, updatedAt: NOW })
    .where(
      and(
        eq(providerAccounts.id, record.id),
        eq(providerAccounts.tokenVersion, version),
        sql`${accessToken} is ${sealed.accessToken}`,
        sql`${refreshToken} is ${sealed.refreshToken}`,
        sql`${idToken} is ${sealed.idToken}`,
        sql`${apiKey} is ${sealed.apiKey}`,
        eq(providerAccounts.status, record.status),
        sql`${providerAccounts.statusReason} is ${record.statusReason}`,
      ),
    )
    .catch(() => {});
}
