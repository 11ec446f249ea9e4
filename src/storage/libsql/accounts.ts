/** Provider accounts in libSQL. That a provider has at most one primary is the database's own rule (schema.ts). */
import { and, asc, eq, ne, sql } from "drizzle-orm";
import type { AccountStore, NewAccount } from "../port.ts";
import { StorageError } from "../port.ts";
import type { Sealer } from "../seal.ts";
import { accountColumns, type OpenRow, only, openColumns, sealSecrets, toRecord } from "./account-row.ts";
import { openOrMark, openRow } from "./damage.ts";
import type { Database, Orm } from "./database.ts";
import { readPage } from "./page.ts";
import { providerAccounts } from "./schema.ts";

/** Each round loses only to another writer of the same account, which has written then. */
const SAVE_ROUNDS = 50;

const LISTING = { table: providerAccounts, newestFirst: false };

/** With `readOnly`, an account whose secrets do not open is not marked for it. */
export function accountStore(database: Database, sealer: Sealer, readOnly = false): AccountStore {
  const openOne = async (orm: Orm, id: string) => {
    const [row] = await orm.select(accountColumns).from(providerAccounts).where(eq(providerAccounts.id, id));
    if (row === undefined) return null;
    return readOnly ? openRow(sealer, row) : openOrMark(orm, sealer, row);
  };

  return {
    list: () =>
      database.run("list the accounts", async (orm) => {
        const rows = await orm
          .select(openColumns)
          .from(providerAccounts)
          .orderBy(asc(providerAccounts.createdAt), sql`rowid`);
        return rows.map(toRecord);
      }),

    page: (wish) =>
      database.run("list the accounts", async (orm) => {
        const page = await readPage(orm, LISTING, wish, undefined, ({ where, order, limit }) =>
          orm.select(openColumns).from(providerAccounts).where(where).orderBy(order).limit(limit),
        );
        return page && { ...page, entries: page.entries.map(toRecord) };
      }),

    get: (id) =>
      database.run("read an account", async (orm) =>
        only(await orm.select(openColumns).from(providerAccounts).where(eq(providerAccounts.id, id))),
      ),

    secrets: (id) =>
      database.run("read an account's secrets", async (orm) => (await openOne(orm, id))?.secrets ?? null),

    open: (id) => database.run("open an account", (orm) => openOne(orm, id)),

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
 * One round of `save`. The secrets are bound to the row's id and version, so these are learned first; null when another
 * writer wrote the account in between.
 */
async function saveOnce(orm: Orm, sealer: Sealer, account: NewAccount): Promise<OpenRow | null> {
  const [existing] = await orm
    .select({ id: providerAccounts.id, version: providerAccounts.tokenVersion })
    .from(providerAccounts)
    .where(
      and(
        eq(providerAccounts.provider, account.provider),
        eq(providerAccounts.kind, account.kind),
        eq(providerAccounts.externalId, account.externalId),
      ),
    );
  const id = existing?.id ?? account.id;
  const version = existing === undefined ? 0 : existing.version + 1;
  const fresh = {
    tokenVersion: version,
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
    ...(await sealSecrets(sealer, id, version, account)),
  };

  const rows = existing
    ? await orm
        .update(providerAccounts)
        .set({
          // A lease that runs stays: its holder may be posting the very token that was brought again.
          ...fresh,
          primary: sql`is_primary or (enabled and ${noPrimary(account.provider)})`,
        })
        .where(and(eq(providerAccounts.id, id), eq(providerAccounts.tokenVersion, existing.version)))
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
