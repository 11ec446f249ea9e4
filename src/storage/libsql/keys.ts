/** Issued keys in libSQL: found by hash, sealed for the one explicit reveal. */
import { desc, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
import type { KeyRecord, KeyStore } from "../port.ts";
import type { Sealer } from "../seal.ts";
import type { Database } from "./database.ts";
import { decodeJson, names } from "./decode.ts";
import { apiKeys } from "./schema.ts";

const { hash, sealedKey, discoveryHash, sealedDiscoveryToken, ...open } = getTableColumns(apiKeys);

type OpenRow = { [Name in keyof typeof open]: (typeof apiKeys.$inferSelect)[Name] };

export function keyStore(database: Database, sealer: Sealer): KeyStore {
  const find = (where: SQL) =>
    database.run("look up a key", async (orm) => only(await orm.select(open).from(apiKeys).where(where)));

  return {
    list: () =>
      database.run("list the keys", async (orm) => {
        const rows = await orm.select(open).from(apiKeys).orderBy(desc(apiKeys.createdAt), sql`rowid desc`);
        return rows.map(toRecord);
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
            createdAt: key.now,
            expiresAt: key.expiresAt,
          })
          .returning(open);
        return toRecord(rows[0]!);
      }),

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
      database.run("note when keys were used", async (orm) => {
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

function place(row: string, column: string) {
  return { table: "api_keys", column, row };
}

function encodeNames(scope: string[] | null): string | null {
  return scope === null ? null : JSON.stringify(scope);
}

function only(rows: OpenRow[]): KeyRecord | null {
  return rows[0] ? toRecord(rows[0]) : null;
}

function toRecord(row: OpenRow): KeyRecord {
  return {
    ...row,
    providers: decodeJson(names, row.providers, "api_keys.providers"),
    models: decodeJson(names, row.models, "api_keys.models"),
    accounts: decodeJson(names, row.accounts, "api_keys.accounts"),
  };
}
