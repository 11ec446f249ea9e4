/** Provider accounts in libSQL. That a provider has at most one primary is the database's own rule (schema.ts). */
import { and, asc, eq, getTableColumns, ne, sql } from "drizzle-orm";
import * as z from "zod";
import type { AccountRecord, AccountSecrets, AccountStore, NewAccount } from "../port.ts";
import { StorageError } from "../port.ts";
import type { Sealer } from "../seal.ts";
import type { Database, Orm } from "./database.ts";
import { decode, decodeJson, jsonObject } from "./decode.ts";
import { providerAccounts } from "./schema.ts";

const { accessToken, refreshToken, idToken, apiKey, ...open } = getTableColumns(providerAccounts);
const sealed = { accessToken, refreshToken, idToken, apiKey };

type SecretName = keyof AccountSecrets;
type OpenRow = { [Name in keyof typeof open]: (typeof providerAccounts.$inferSelect)[Name] };

/** Each round loses only to another writer of the same account. */
const SAVE_ROUNDS = 8;

const words = z.object({
  kind: z.enum(["oauth", "api_key"]),
  status: z.enum(["active", "needs_login"]),
  lastRefreshStatus: z.enum(["ok", "failed"]).nullable(),
});

export function accountStore(database: Database, sealer: Sealer): AccountStore {
  return {
    list: () =>
      database.run("list the accounts", async (orm) => {
        const rows = await orm
          .select(open)
          .from(providerAccounts)
          .orderBy(asc(providerAccounts.createdAt), sql`rowid`);
        return rows.map(toRecord);
      }),

    get: (id) =>
      database.run("read an account", async (orm) =>
        only(await orm.select(open).from(providerAccounts).where(eq(providerAccounts.id, id))),
      ),

    secrets: (id) =>
      database.run("read an account's secrets", async (orm) => {
        const [row] = await orm.select(sealed).from(providerAccounts).where(eq(providerAccounts.id, id));
        return row ? eachSecret(row, (text, column) => sealer.open(text, place(id, column))) : null;
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
            .returning(open),
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
            .returning(open),
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
    ...(await eachSecret(account, (text, column) => sealer.seal(text, place(id, column)))),
  };

  const rows = existing
    ? await orm
        .update(providerAccounts)
        .set({ ...fresh, primary: sql`is_primary or (enabled and ${noPrimary(account.provider)})` })
        .where(eq(providerAccounts.id, id))
        .returning(open)
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
        .returning(open);
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

async function eachSecret(
  secrets: AccountSecrets,
  turn: (text: string, column: string) => Promise<string>,
): Promise<AccountSecrets> {
  const one = async (name: SecretName) => {
    const text = secrets[name];
    return text === null ? null : turn(text, sealed[name].name);
  };
  const [accessToken, refreshToken, idToken, apiKey] = await Promise.all([
    one("accessToken"),
    one("refreshToken"),
    one("idToken"),
    one("apiKey"),
  ]);
  return { accessToken, refreshToken, idToken, apiKey };
}

function place(row: string, column: string) {
  return { table: "provider_accounts", column, row };
}

function only(rows: OpenRow[]): AccountRecord | null {
  return rows[0] ? toRecord(rows[0]) : null;
}

function toRecord(row: OpenRow): AccountRecord {
  return {
    ...row,
    ...decode(words, row, "provider_accounts"),
    metadata: decodeJson(jsonObject, row.metadata, "provider_accounts.metadata"),
  };
}
