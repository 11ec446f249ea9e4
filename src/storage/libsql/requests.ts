/**
 * What a request needs to know, in one round trip: its key, and as far as they are wished for the accounts and some
 * settings. Without the key all of these stay unread, so that a guessed key costs one look into an index.
 */
import { and, asc, desc, eq, exists, inArray, sql } from "drizzle-orm";
import type { RequestReading, RequestStore, SealedAccount } from "../port.ts";
import type { Sealer } from "../seal.ts";
import { type AccountRow, accountColumns, openColumns, toRecord } from "./account-row.ts";
import type { Database, Orm } from "./database.ts";
import { keyColumns, toKey } from "./keys.ts";
import { selectLimits, toReading } from "./limits.ts";
import { openOrMark } from "./mark-unreadable.ts";
import { providerAccounts as accounts, apiKeys, systemSettings } from "./schema.ts";

/** Accounts whose secrets come along, at most: an owner has a handful. Those of others are read when they are used. */
const SEALED_MAX = 50;

export function requestStore(database: Database, sealer: Sealer): RequestStore {
  const sealed = (row: AccountRow): SealedAccount => ({
    id: row.record.id,
    version: row.version,
    open: () => database.run("open an account", (orm) => openOrMark(orm, sealer, row)),
  });

  return {
    read: (keyHash, options) =>
      database.run("look up a key", async (orm): Promise<RequestReading | null> => {
        const [[key], all, limits, withSecrets, settings] = await orm.batch([
          orm.select(keyColumns).from(apiKeys).where(eq(apiKeys.hash, keyHash)),
          selectAll(orm)
            .where(isThere(orm, keyHash))
            .limit(options.accounts ? EVERY : 0),
          selectLimits(orm, options.accounts ? isThere(orm, keyHash) : sql`0`),
          selectWithSecrets(orm, keyHash, options.accounts),
          orm
            .select({ key: systemSettings.key, value: systemSettings.value })
            .from(systemSettings)
            .where(and(inArray(systemSettings.key, [...options.settings]), isThere(orm, keyHash))),
        ]);
        if (key === undefined) return null;
        return {
          key: toKey(key),
          accounts: options.accounts
            ? { all: all.map(toRecord), sealed: withSecrets.map(sealed), limits: toReading(limits) }
            : null,
          settings: new Map(settings.map((setting) => [setting.key, setting.value])),
        };
      }),

    accounts: () =>
      database.run("list the accounts", async (orm) => {
        const [all, limits] = await orm.batch([selectAll(orm), selectLimits(orm)]);
        return { all: all.map(toRecord), limits: toReading(limits) };
      }),
  };
}

const isThere = (orm: Orm, keyHash: string) =>
  exists(orm.select({ one: sql`1` }).from(apiKeys).where(eq(apiKeys.hash, keyHash)));

function selectAll(orm: Orm) {
  return orm.select(openColumns).from(accounts).$dynamic().orderBy(asc(accounts.createdAt), sql`rowid`);
}

/** SQLite's word for "without a limit". */
const EVERY = -1;

function selectWithSecrets(orm: Orm, keyHash: string, isWished: boolean) {
  const scope = sql`select value from json_each((select ${apiKeys.accounts} from ${apiKeys} where ${apiKeys.hash} = ${keyHash}))`;
  const foremost = orm
    .select({ id: accounts.id })
    .from(accounts)
    .where(and(isThere(orm, keyHash), eq(accounts.enabled, true)))
    .orderBy(
      sql`${accounts.id} in (${scope}) desc`,
      desc(accounts.primary),
      desc(accounts.createdAt),
      desc(accounts.id),
    )
    .limit(isWished ? SEALED_MAX : 0);
  return orm.select(accountColumns).from(accounts).where(inArray(accounts.id, foremost));
}
