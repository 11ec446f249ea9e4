/** Provider accounts in libSQL. That a provider has at most one primary is the database's own rule (schema.ts). */
import { and, asc, eq, isNull, lte, ne, or, sql } from "drizzle-orm";
import type { AccountRecord, AccountStore, RefusalNote } from "../port.ts";
import { SpentTokenError, StorageError } from "../port.ts";
import type { Sealer } from "../seal.ts";
import { accountColumns, only, openColumns, toRecord } from "./account-row.ts";
import type { Database, Orm } from "./database.ts";
import { openOrMark, openRow } from "./mark-unreadable.ts";
import { readPage } from "./page.ts";
import { noPrimary, saveRound } from "./save-account.ts";
import { accountLimits, providerAccounts } from "./schema.ts";

/** Each round loses only to another writer of the same account, which has written then. */
const SAVE_ROUNDS = 50;

type Arguments<Name extends keyof AccountStore> = Parameters<AccountStore[Name]>;

const LISTING = { table: providerAccounts, newestFirst: false };

/** With `readOnly`, an account whose secrets cannot be decrypted is not marked. */
export function accountStore(database: Database, sealer: Sealer, readOnly = false): AccountStore {
  const openOne = async (orm: Orm, id: string) => {
    const [row] = await orm.select(accountColumns).from(providerAccounts).where(eq(providerAccounts.id, id));
    if (row === undefined) return null;
    return readOnly ? openRow(sealer, row) : openOrMark(orm, sealer, row);
  };

  return {
    list: () => database.run("list the accounts", list),
    page: (options) => database.run("list the accounts", (orm) => page(orm, options)),
    get: (id) =>
      database.run("read an account", async (orm) =>
        only(await orm.select(openColumns).from(providerAccounts).where(eq(providerAccounts.id, id))),
      ),
    secrets: (id) =>
      database.run("read an account's secrets", async (orm) => (await openOne(orm, id))?.secrets ?? null),
    open: (id) => database.run("open an account", (orm) => openOne(orm, id)),
    save: (account, isSame) => save(database, sealer, account, isSame),
    update: (id, change, now) =>
      database.run("update an account", async (orm) =>
        only(
          await orm
            .update(providerAccounts)
            .set({ label: change.label, enabled: change.enabled, rank: change.rank, updatedAt: now })
            .where(eq(providerAccounts.id, id))
            .returning(openColumns),
        ),
      ),
    changeReason: (id, change) =>
      database.run("note what is wrong with an account", (orm) => changeReason(orm, id, change)),
    noteRefusal: (id, note, at) => database.run("note a refusal", (orm) => noteRefusal(orm, id, note, at)),
    makePrimary: (id, now) => database.run("make an account the primary", (orm) => makePrimary(orm, id, now)),
    remove: (id, now) => database.run("remove an account", (orm) => remove(orm, id, now)),
  };
}

async function list(orm: Orm): Promise<AccountRecord[]> {
  const rows = await orm
    .select(openColumns)
    .from(providerAccounts)
    .orderBy(asc(providerAccounts.createdAt), sql`rowid`);
  return rows.map(toRecord);
}

async function page(orm: Orm, options: Arguments<"page">[0]): ReturnType<AccountStore["page"]> {
  const found = await readPage(orm, LISTING, options, undefined, ({ where, order, limit }) =>
    orm.select(openColumns).from(providerAccounts).where(where).orderBy(order).limit(limit),
  );
  return found && { ...found, entries: found.entries.map(toRecord) };
}

async function save(
  database: Database,
  sealer: Sealer,
  ...[account, isSame]: Arguments<"save">
): Promise<AccountRecord> {
  for (let round = 0; round < SAVE_ROUNDS; round++) {
    const saved = await saveRound(database, sealer, account, isSame);
    if (saved === null) continue;
    if ("spentBy" in saved) throw new SpentTokenError(saved.spentBy);
    return saved.record;
  }
  throw new StorageError("cannot save an account: others kept writing the same one, try again");
}

async function changeReason(
  orm: Orm,
  ...[id, { version, from, to }]: Arguments<"changeReason">
): Promise<AccountRecord | null> {
  return only(
    await orm
      .update(providerAccounts)
      .set({ statusReason: to })
      .where(
        and(
          eq(providerAccounts.id, id),
          eq(providerAccounts.tokenVersion, version),
          eq(providerAccounts.status, "active"),
          sql`${providerAccounts.statusReason} is ${from}`,
        ),
      )
      .returning(openColumns),
  );
}

async function noteRefusal(orm: Orm, id: string, note: RefusalNote | null, at: number): Promise<void> {
  const { lastRefusalAt } = providerAccounts;
  await orm
    .update(providerAccounts)
    .set({
      lastRefusal: note === null ? null : JSON.stringify(note),
      lastRefusalAt: note === null ? null : at,
    })
    .where(and(eq(providerAccounts.id, id), or(isNull(lastRefusalAt), lte(lastRefusalAt, at))));
}

async function makePrimary(orm: Orm, id: string, now: number): Promise<AccountRecord | null> {
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
}

/** Where the primary is removed, the newest enabled account takes its place. */
async function remove(orm: Orm, id: string, now: number): Promise<boolean> {
  const [account] = await orm
    .select({ provider: providerAccounts.provider })
    .from(providerAccounts)
    .where(eq(providerAccounts.id, id));
  if (!account) return false;
  const [removed] = await orm.batch([
    orm.delete(providerAccounts).where(eq(providerAccounts.id, id)).returning({ id: providerAccounts.id }),
    orm
      .update(providerAccounts)
      .set({ primary: true, updatedAt: now })
      .where(and(eq(providerAccounts.id, newestEnabled(account.provider)), noPrimary(account.provider))),
    orm.delete(accountLimits).where(eq(accountLimits.accountId, id)),
  ]);
  return removed.length > 0;
}

function newestEnabled(provider: string) {
  return sql<string>`(select n.id from provider_accounts n where n.provider = ${provider} and n.enabled = 1
    order by n.created_at desc, n.rowid desc limit 1)`;
}
