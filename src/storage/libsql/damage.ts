/** An account whose stored secrets were damaged says so itself, wherever it is next opened; the others go on. */
import { and, eq, sql } from "drizzle-orm";
import type { AccountSecrets } from "../port.ts";
import { SealError, type Sealer } from "../seal.ts";
import { openSecrets, type SealedRow, sealedColumns } from "./account-row.ts";
import type { Orm } from "./database.ts";
import { providerAccounts } from "./schema.ts";

/** What the owner reads beside the account. */
export const DAMAGED =
  "What is stored of this account does not open: it was changed or moved outside of Kleis. Connect it again.";

const NOW = sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;

/**
 * Opens the secrets of a row. Damaged ones mark their account `needs_login`. A key that is not in the ring does not:
 * another process may have it, and adding it here mends everything. Rejects with `SealError` in both cases.
 */
export async function openOrMark(
  orm: Orm,
  sealer: Sealer,
  id: string,
  row: SealedRow,
): Promise<AccountSecrets> {
  try {
    return await openSecrets(sealer, id, row);
  } catch (error) {
    // What is wrong is told in any case; a mark that could not be written is written at the next try.
    if (error instanceof SealError && error.fault === "damaged") await mark(orm, id, row).catch(() => {});
    throw error;
  }
}

/** Only while the very texts that did not open are still there. */
async function mark(orm: Orm, id: string, row: SealedRow): Promise<void> {
  const { accessToken, refreshToken, idToken, apiKey } = sealedColumns;
  await orm
    .update(providerAccounts)
    .set({ status: "needs_login", statusReason: DAMAGED, updatedAt: NOW })
    .where(
      and(
        eq(providerAccounts.id, id),
        sql`${accessToken} is ${row.accessToken}`,
        sql`${refreshToken} is ${row.refreshToken}`,
        sql`${idToken} is ${row.idToken}`,
        sql`${apiKey} is ${row.apiKey}`,
      ),
    );
}
