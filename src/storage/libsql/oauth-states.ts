/** Sign-ins that have begun, in libSQL. Says nothing of expiry beyond removing what has expired: the caller checks. */
import { and, eq, lte } from "drizzle-orm";
import type { OauthState, OauthStateStore } from "../port.ts";
import { StorageError } from "../port.ts";
import type { Place, Sealer } from "../seal.ts";
import type { Database } from "./database.ts";
import { decodeJson, jsonObject } from "./decode.ts";
import { oauthStates } from "./schema.ts";

/** Each round of an update loses only to another writer of the same sign-in. */
const UPDATE_ROUNDS = 8;

export function oauthStateStore(database: Database, sealer: Sealer): OauthStateStore {
  const openFirst = async (rows: (typeof oauthStates.$inferSelect)[]): Promise<OauthState | null> => {
    const row = rows[0];
    if (!row) return null;
    const secret = await sealer.open(row.secret, place(row.state, row.version));
    return { ...row, secret: decodeJson(jsonObject, secret, "oauth_states.secret") };
  };

  return {
    insert: (state) =>
      database.run("store a sign-in", async (orm) => {
        const secret = await sealer.seal(JSON.stringify(state.secret), place(state.state, state.version));
        await orm.insert(oauthStates).values({
          state: state.state,
          provider: state.provider,
          mode: state.mode,
          secret,
          version: state.version,
          createdAt: state.createdAt,
          expiresAt: state.expiresAt,
        });
      }),

    get: (state) =>
      database.run("read a sign-in", async (orm) =>
        openFirst(await orm.select().from(oauthStates).where(eq(oauthStates.state, state))),
      ),

    update: (state, secret, only) =>
      database.run("update a sign-in", async (orm) => {
        for (let round = 0; round < UPDATE_ROUNDS; round++) {
          const [stored] = await orm
            .select({ version: oauthStates.version })
            .from(oauthStates)
            .where(eq(oauthStates.state, state));
          if (!stored || stored.version !== (only ?? stored.version)) return false;
          const version = stored.version + 1;
          const rows = await orm
            .update(oauthStates)
            .set({ secret: await sealer.seal(JSON.stringify(secret), place(state, version)), version })
            .where(and(eq(oauthStates.state, state), eq(oauthStates.version, stored.version)))
            .returning({ state: oauthStates.state });
          if (rows.length > 0) return true;
        }
        throw new StorageError("others kept writing the same sign-in: try again");
      }),

    consume: (state) =>
      database.run("end a sign-in", async (orm) =>
        openFirst(await orm.delete(oauthStates).where(eq(oauthStates.state, state)).returning()),
      ),

    removeExpired: (now) =>
      database.run("remove expired sign-ins", async (orm) => {
        await orm.delete(oauthStates).where(lte(oauthStates.expiresAt, now));
      }),
  };
}

function place(row: string, version: number): Place {
  return { table: "oauth_states", column: "secret", row, version };
}
