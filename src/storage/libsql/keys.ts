/** Issued keys in libSQL: found by hash, sealed for the one explicit reveal. */
import { and, count, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
import * as z from "zod/mini";
import type { KeyFilter, KeyRecord, KeyStore } from "../port.ts";
import type { Sealer } from "../seal.ts";
import type { Database } from "./database.ts";
import { decodeRow, names, parsed } from "./decode.ts";
import { readPage } from "./page.ts";
import { apiKeys } from "./schema.ts";

const { hash, sealedKey, discoveryHash, sealedDiscoveryToken, ...open } = getTableColumns(apiKeys);

/** The columns of a `KeyRecord`. */
export const keyColumns = open;

type OpenRow = { [Name in keyof typeof open]: (typeof apiKeys.$inferSelect)[Name] };

const LISTING = { table: apiKeys, newestFirst: true };

export function keyStore(database: Database, sealer: Sealer): KeyStore {
  const find = (where: SQL) =>
    database.run("look up a key", async (orm) => only(await orm.select(open).from(apiKeys).where(where)));

  return {
    list: (options, filter) =>
      database.run("list the keys", async (orm) => {
        const page = await readPage(
          orm,
          LISTING,
          options,
          filter && passing(filter),
          ({ where, order, limit }) =>
            orm.select(open).from(apiKeys).where(where).orderBy(order).limit(limit),
        );
        return page && { ...page, entries: page.entries.map(toKey) };
      }),

    count: (filter) =>
      database.run("count the keys", async (orm) => {
        const [row] = await orm.select({ keys: count() }).from(apiKeys).where(passing(filter));
        return row?.keys ?? 0;
      }),

    get: (id) => find(eq(apiKeys.id, id)),
    findByHash: (value) => find(eq(apiKeys.hash, value)),
    findByDiscoveryHash: (value) => find(eq(apiKeys.discoveryHash, value)),

    insert: (key) =>
      database.run("store a key", async (orm) => {
        const [sealedKey, sealedDiscoveryToken] = await Promise.all([
          sealer.seal(key.key, place(key.id, "sealed_key")),
          sealer.seal(key.discoveryToken, place(key.id, "sealed_discovery_token")),
        ]);
        const rows = await orm
          .insert(apiKeys)
          .values({
            id: key.id,
            label: key.label,
            prefix: key.prefix,
            hash: key.hash,
            sealedKey,
            discoveryHash: key.discoveryHash,
            sealedDiscoveryToken,
            providers: encodeNames(key.providers),
            models: encodeNames(key.models),
            accounts: encodeNames(key.accounts),
            failover: key.failover,
            createdAt: key.now,
            expiresAt: key.expiresAt,
          })
          .returning(open);
        return toKey(rows[0]!);
      }),

    update: (id, { failover }) =>
      database.run("update a key", async (orm) =>
        only(await orm.update(apiKeys).set({ failover }).where(eq(apiKeys.id, id)).returning(open)),
      ),

    revoke: (id, now) =>
      database.run("revoke a key", async (orm) =>
        only(
          await orm
            .update(apiKeys)
            .set({ revokedAt: sql`coalesce(${apiKeys.revokedAt}, ${now})` })
            .where(eq(apiKeys.id, id))
            .returning(open),
        ),
      ),

    reveal: (id) =>
      database.run("reveal a key", async (orm) => {
        const [row] = await orm
          .select({ sealedKey, sealedDiscoveryToken })
          .from(apiKeys)
          .where(eq(apiKeys.id, id));
        if (!row) return null;
        const [key, discoveryToken] = await Promise.all([
          sealer.open(row.sealedKey, place(id, "sealed_key")),
          sealer.open(row.sealedDiscoveryToken, place(id, "sealed_discovery_token")),
        ]);
        return { key, discoveryToken };
      }),

    touch: (uses) =>
      database.runIfFree("note when keys were used", async (orm) => {
        const [first, ...rest] = uses.map((use) =>
          orm
            .update(apiKeys)
            .set({ lastUsedAt: sql`max(coalesce(${apiKeys.lastUsedAt}, 0), ${use.at})` })
            .where(eq(apiKeys.id, use.id)),
        );
        if (first) await orm.batch([first, ...rest]);
      }),
  };
}

function passing({ state, now, onlyAccount }: KeyFilter): SQL | undefined {
  const { accounts, expiresAt, revokedAt } = apiKeys;
  const works = sql`(${revokedAt} is null and (${expiresAt} is null or ${expiresAt} > ${now}))`;
  return and(
    state === "working" ? works : sql`not ${works}`,
    onlyAccount === undefined ? undefined : eq(accounts, JSON.stringify([onlyAccount])),
  );
}

/** Without a version: a key is sealed once, so that there is no earlier text of it to put back. */
function place(row: string, column: string) {
  return { table: "api_keys", column, row };
}

function encodeNames(scope: string[] | null): string | null {
  return scope === null ? null : JSON.stringify(scope);
}

function only(rows: OpenRow[]): KeyRecord | null {
  return rows[0] ? toKey(rows[0]) : null;
}

const text = z.string();
const timeOrNull = z.nullable(z.int());

const shape = {
  id: text,
  label: text,
  prefix: text,
  providers: names,
  models: names,
  accounts: names,
  failover: z.nullable(z.literal("never")),
  createdAt: z.int(),
  expiresAt: timeOrNull,
  revokedAt: timeOrNull,
  lastUsedAt: timeOrNull,
};

/** Its limits are those of a key that may use nothing. */
const UNREADABLE = {
  id: "unreadable",
  label: "Unreadable key",
  prefix: "",
  providers: [],
  models: [],
  accounts: [],
  failover: null,
  createdAt: 0,
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
};

export function toKey(row: OpenRow): KeyRecord {
  const { providers, models, accounts } = row;
  const limits = { providers: parsed(providers), models: parsed(models), accounts: parsed(accounts) };
  const { row: key, odd } = decodeRow<typeof shape>(shape, { ...row, ...limits }, UNREADABLE);
  return odd.length === 0 ? key : { ...key, damaged: odd };
}
