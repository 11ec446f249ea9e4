/** Provider accounts in libSQL. That a provider has at most one primary is the database's own rule (schema.ts). */
import { and, asc, eq, ne, sql } from "drizzle-orm";
import type { AccountStore, NewAccount } from "../port.ts";
import { StorageError } from "../port.ts";
import type { Sealer } from "../seal.ts";
import { type OpenRow, only, openColumns, sealedColumns, sealSecrets, toRecord } from "./account-row.ts";
import { openOrMark } from "./damage.ts";
import type { Database, Orm } from "./database.ts";
import { providerAccounts } from "./schema.ts";

/** Each round loses only to another writer of the same account. */
const SAVE_ROUNDS = 8;

export function accountStore(database: Database, sealer: Sealer): AccountStore {
  return {
    list: () =>
      database.run("list the accounts", async (orm) => {
        const rows = await orm
          .select(openColumns)
          .from(providerAccounts)
          .orderBy(asc(providerAccounts.createdAt), sql`rowid`);
        return rows.map(toRecord);
      }),

    get: (id) =>
      database.run("read an account", async (orm) =>
        only(await orm.select(openColumns).from(providerAccounts).where(eq(providerAccounts.id, id))),
      ),

    secrets: (id) =>
      database.run("read an account's secrets", async (orm) => {
        const [row] = await orm
          .select(sealedColumns)
          .from(providerAccounts)
          .where(eq(providerAccounts.id, id));
        return row ? openOrMark(orm, sealer, id, row) : null;
      }),

    open: (id) =>
      database.run("open an account", async (orm) => {
        const [row] = await orm
          .select({
            record: openColumns,
            sealed: sealedColumns,
            version: providerAccounts.tokenVersion,
          })
          .from(providerAccounts)
          .where(eq(providerAccounts.id, id));
        if (!row) return null;
        const secrets = await openOrMark(orm, sealer, id, row.sealed);
        return { account: toRecord(row.record), secrets, version: row.version };
      }),

    save: (account) =>
      database.run("save an account", async (orm) => {
        for (let round = 0; round < SAVE_ROUNDS; round++) {
          const row = await saveOnce(orm, sealer, account);
          if (row) return toRecord(row);
        }
        throw new StorageError("others kept writing the same account: try again");
      }),

    update: (id, change, now) =>
      database.run("update an account", async (orm) =>
        only(
          await orm
            .update(providerAccounts)
            .set({ label: change.label, enabled: change.enabled, updatedAt: now })
            .where(eq(providerAccounts.id, id))
            .returning(openColumns),
        ),
      ),

    makePrimary: (id, now) =>
      database.run("make an account the primary", async (orm) => {
        const provider = orm
          .select({ provider: providerAccounts.provider })
          .from(providerAccounts)
          .where(eq(providerAccounts.id, id));
        const [, rows] = await orm.batch([
          orm
            .update(providerAccounts)
            .set({ primary: false, updatedAt: now })
            .where(
              and(
                eq(providerAccounts.provider, sql`(${provider})`),
                eq(providerAccounts.primary, true),
                ne(providerAccounts.id, id),
              ),
            ),
          orm
            .update(providerAccounts)
            .set({ primary: true, updatedAt: now })
            .where(eq(providerAccounts.id, id))
            .returning(openColumns),
        ]);
        return only(rows);
      }),

    remove: (id, now) =>
      database.run("remove an account", async (orm) => {
        const [account] = await orm
          .select({ provider: providerAccounts.provider })
          .from(providerAccounts)
          .where(eq(providerAccounts.id, id));
        if (!account) return false;
        const [removed] = await orm.batch([
          orm
            .delete(providerAccounts)
            .where(eq(providerAccounts.id, id))
            .returning({ id: providerAccounts.id }),
          orm
            .update(providerAccounts)
            .set({ primary: true, updatedAt: now })
            .where(
              and(eq(providerAccounts.id, newestEnabled(account.provider)), noPrimary(account.provider)),
            ),
        ]);
        return removed.length > 0;
      }),
  };
}

/**
 * One round of `save`. The secrets are bound to the row's id, so that id is learned first; null when another writer
 * inserted or removed the account in between.
 */
async function saveOnce(orm: Orm, sealer: Sealer, account: NewAccount): Promise<OpenRow | null> {
  const [existing] = await orm
    .select({ id: providerAccounts.id })
    .from(providerAccounts)
    .where(
      and(
        eq(providerAccounts.provider, account.provider),
        eq(providerAccounts.kind, account.kind),
        eq(providerAccounts.externalId, account.externalId),
      ),
    );
  const id = existing?.id ?? account.id;
  const fresh = {
    status: "active",
    statusReason: null,
    metadata: JSON.stringify(account.metadata),
    expiresAt: account.expiresAt,
    lastRefreshAt: null,
    lastRefreshStatus: null,
    lastRefreshError: null,
    updatedAt: account.now,
    refreshRetryAt: null,
    refreshFailures: 0,
    ...(await sealSecrets(sealer, id, account)),
  };

  const rows = existing
    ? await orm
        .update(providerAccounts)
        .set({
          ...fresh,
          // A lease that runs stays: its holder may be posting the very token that was brought again.
          tokenVersion: sql`${providerAccounts.tokenVersion} + 1`,
          primary: sql`is_primary or (enabled and ${noPrimary(account.provider)})`,
        })
        .where(eq(providerAccounts.id, id))
        .returning(openColumns)
    : await orm
        .insert(providerAccounts)
        .values({
          ...fresh,
          id,
          provider: account.provider,
          kind: account.kind,
          externalId: account.externalId,
          label: account.label,
          enabled: true,
          primary: noPrimary(account.provider),
          createdAt: account.now,
        })
        .onConflictDoNothing({
          target: [providerAccounts.provider, providerAccounts.kind, providerAccounts.externalId],
        })
        .returning(openColumns);
  return rows[0] ?? null;
}

/** True in SQL while the provider has no primary; evaluated inside the one statement that writes. */
function noPrimary(provider: string) {
  return sql<boolean>`not exists (select 1 from provider_accounts p where p.provider = ${provider} and p.is_primary = 1)`;
}

function newestEnabled(provider: string) {
  return sql<string>`(select n.id from provider_accounts n where n.provider = ${provider} and n.enabled = 1
    order by n.created_at desc, n.rowid desc limit 1)`;
}
