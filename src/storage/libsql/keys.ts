/** Issued keys in libSQL: found by hash, sealed for the one explicit reveal. */
import { and, count, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
import * as z from "zod/mini";
import type { KeyFilter, KeyRecord, KeyStore, NewKey } from "../port.ts";
import type { Sealer } from "../seal.ts";
import type { Database, Orm } from "./database.ts";
import { decodeRow, names, parsed } from "./decode.ts";
import { readPage } from "./page.ts";
import { apiKeys } from "./schema.ts";

const { hash, sealedKey, discoveryHash, sealedDiscoveryToken, ...open } = getTableColumns(apiKeys);

/** The columns of a `KeyRecord`. */
export const keyColumns = open;

type OpenRow = { [Name in keyof typeof open]: (typeof apiKeys.$inferSelect)[Name] };

const LISTING = { table: apiKeys, newestFirst: true };

type Arguments<Name extends keyof KeyStore> = Parameters<KeyStore[Name]>;

export function keyStore(database: Database, sealer: Sealer): KeyStore {
  const find = (where: SQL) =>
    database.run("look up a key", async (orm) => only(await orm.select(open).from(apiKeys).where(where)));

  return {
    list: (...list) => database.run("list the keys", (orm) => page(orm, ...list)),
    count: (filter) => database.run("count the keys", (orm) => total(orm, filter)),
    get: (id) => find(eq(apiKeys.id, id)),
    findByHash: (value) => find(eq(apiKeys.hash, value)),
    findByDiscoveryHash: (value) => find(eq(apiKeys.discoveryHash, value)),
    insert: (key) => database.run("store a key", (orm) => insert(orm, sealer, key)),
    update: (id, { failover }) =>
      database.run("update a key", async (orm) =>
        only(await orm.update(apiKeys).set({ failover }).where(eq(apiKeys.id, id)).returning(open)),
      ),
    revoke: (id, now) => database.run("revoke a key", (orm) => revoke(orm, id, now)),
    reveal: (id) => database.run("reveal a key", (orm) => reveal(orm, sealer, id)),
    touch: (uses) => database.runIfFree("note when keys were used", (orm) => touch(orm, uses)),
  };
}

async function page(orm: Orm, ...[options, filter]: Arguments<"list">) {
  const found = await readPage(orm, LISTING, options, filter && passing(filter), ({ where, order, limit }) =>
    orm.select(open).from(apiKeys).where(where).orderBy(order).limit(limit),
  );
  return found && { ...found, entries: found.entries.map(toKey) };
}

async function total(orm: Orm, filter: KeyFilter): Promise<number> {
  const [row] = await orm.select({ keys: count() }).from(apiKeys).where(passing(filter));
  return row?.keys ?? 0;
}

async function insert(orm: Orm, sealer: Sealer, key: NewKey): Promise<KeyRecord> {
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
}

async function revoke(orm: Orm, id: string, now: number): Promise<KeyRecord | null> {
  return only(
    await orm
      .update(apiKeys)
      .set({ revokedAt: sql`coalesce(${apiKeys.revokedAt}, ${now})` })
      .where(eq(apiKeys.id, id))
      .returning(open),
  );
}

async function reveal(orm: Orm, sealer: Sealer, id: string) {
  const [row] = await orm.select({ sealedKey, sealedDiscoveryToken }).from(apiKeys).where(eq(apiKeys.id, id));
  if (!row) return null;
  const [key, discoveryToken] = await Promise.all([
    sealer.open(row.sealedKey, place(id, "sealed_key")),
    sealer.open(row.sealedDiscoveryToken, place(id, "sealed_discovery_token")),
  ]);
  return { key, discoveryToken };
}

async function touch(orm: Orm, uses: Arguments<"touch">[0]): Promise<void> {
  const [first, ...rest] = uses.map((use) =>
    orm
      .update(apiKeys)
      .set({ lastUsedAt: sql`max(coalesce(${apiKeys.lastUsedAt}, 0), ${use.at})` })
      .where(eq(apiKeys.id, use.id)),
  );
  if (first) await orm.batch([first, ...rest]);
}

function passing({ state, now, onlyAccount }: KeyFilter): SQL | undefined {
  const { accounts, expiresAt, revokedAt } = apiKeys;
  const works = sql`(${revokedAt} is null and (${expiresAt} is null or ${expiresAt} > ${now}))`;
  return and(
    state === "working" ? works : sql`not ${works}`,
    onlyAccount === undefined ? undefined : eq(accounts, JSON.stringify([onlyAccount])),
  );
}

/** Without a version: a key is sealed once, so there is no earlier text that could be put back. */
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
