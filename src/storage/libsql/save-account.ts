/**
 * One round of saving an account: insert it, or overwrite it in place. The secrets are bound to the row's id and
 * version, so these are learned first, and the write does nothing when another wrote the account in between.
 */
import { and, asc, eq, or, type SQL, sql } from "drizzle-orm";
import type { AccountRecord, NewAccount } from "../port.ts";
import type { Sealer } from "../seal.ts";
import { openColumns, sealSecrets, toRecord } from "./account-row.ts";
import type { Database, Orm } from "./database.ts";
import { providerAccounts as accounts } from "./schema.ts";
import { isSpentIn, usedTokenMark } from "./used-refresh-tokens.ts";

/** `spentBy`: the refresh token was used up by this account, and nothing was written. */
export type Saved = { record: AccountRecord } | { spentBy: AccountRecord };

/** Whether an account that is stored under another name is the one that is saved. */
export type IsSame = (stored: AccountRecord) => boolean;

/** Null when another writer was faster: then try again. */
export function saveRound(
  database: Database,
  sealer: Sealer,
  account: NewAccount,
  isSame: IsSame | undefined,
): Promise<Saved | null> {
  return database.run("save an account", async (orm) => {
    const { provider, kind, externalId } = account;
    const mark = account.refreshToken === null ? null : await usedTokenMark(account.refreshToken);
    const isSpent = mark === null ? sql<number>`0` : isSpentIn(accounts.spentTokens, mark);
    const among = and(eq(accounts.provider, provider), eq(accounts.kind, kind));
    const select = (where: SQL | undefined) =>
      orm
        .select({ record: openColumns, version: accounts.tokenVersion, isSpent })
        .from(accounts)
        .where(and(among, where))
        .orderBy(asc(accounts.createdAt), sql`rowid`);

    const found = await select(or(eq(accounts.externalId, externalId), isSpent));
    const spent = found.find((row) => row.isSpent === 1);
    if (spent !== undefined) return { spentBy: toRecord(spent.record) };
    const existing =
      found[0] ?? (isSame && (await select(undefined)).find(({ record }) => isSame(toRecord(record))));
    return existing === undefined
      ? insert(orm, sealer, account)
      : update(orm, sealer, account, { id: existing.record.id, version: existing.version });
  });
}

async function insert(orm: Orm, sealer: Sealer, account: NewAccount): Promise<Saved | null> {
  const { id, provider, kind, externalId, label, now } = account;
  const [row] = await orm
    .insert(accounts)
    .values({
      ...(await freshColumns(sealer, account, id, 0)),
      id,
      provider,
      kind,
      externalId,
      label,
      enabled: true,
      primary: noPrimary(provider),
      createdAt: now,
    })
    .onConflictDoNothing({ target: [accounts.provider, accounts.kind, accounts.externalId] })
    .returning(openColumns);
  return row ? { record: toRecord(row) } : null;
}

async function update(
  orm: Orm,
  sealer: Sealer,
  account: NewAccount,
  { id, version }: { id: string; version: number },
): Promise<Saved | null> {
  const { provider, kind, externalId } = account;
  const [row] = await orm
    .update(accounts)
    .set({
      // A lease that runs stays: its holder may be posting the very token that was brought again.
      ...(await freshColumns(sealer, account, id, version + 1)),
      externalId,
      primary: sql`is_primary or (enabled and ${noPrimary(provider)})`,
    })
    .where(
      and(
        eq(accounts.id, id),
        eq(accounts.tokenVersion, version),
        // Where it takes the name, no other account may have it by now.
        sql`not exists (select 1 from provider_accounts p where p.provider = ${provider} and p.kind = ${kind}
          and p.external_id = ${externalId} and p.id <> ${id})`,
      ),
    )
    .returning(openColumns);
  return row ? { record: toRecord(row) } : null;
}

/** What every save overwrites. */
async function freshColumns(sealer: Sealer, account: NewAccount, id: string, version: number) {
  return {
    tokenVersion: version,
    status: "active",
    statusReason: account.statusReason ?? null,
    metadata: JSON.stringify(account.metadata),
    expiresAt: account.expiresAt,
    lastRefreshAt: null,
    lastRefreshStatus: null,
    lastRefreshError: null,
    lastRefusal: null,
    lastRefusalAt: null,
    updatedAt: account.now,
    refreshRetryAt: null,
    refreshFailures: 0,
    ...(await sealSecrets(sealer, id, version, account)),
  };
}

/** True in SQL while the provider has no primary; evaluated inside the one statement that writes. */
export function noPrimary(provider: string) {
  return sql<boolean>`not exists (select 1 from provider_accounts p where p.provider = ${provider} and p.is_primary = 1)`;
}
