/** Sign-ins that have begun, in libSQL. Says nothing of expiry beyond removing what has expired: the caller checks. */
import { eq, lte } from "drizzle-orm";
import type { OauthState, OauthStateStore } from "../port.ts";
import type { Sealer } from "../seal.ts";
import type { Database } from "./database.ts";
import { decodeJson, jsonObject } from "./decode.ts";
import { oauthStates } from "./schema.ts";

export function oauthStateStore(database: Database, sealer: Sealer): OauthStateStore {
  const openFirst = async (rows: (typeof oauthStates.$inferSelect)[]): Promise<OauthState | null> => {
    const row = rows[0];
    if (!row) return null;
    const secret = await sealer.open(row.secret, place(row.state));
    return { ...row, secret: decodeJson(jsonObject, secret, "oauth_states.secret") };
  };

  return {
    insert: (state) =>
      database.run("store a sign-in", async (orm) => {
        const secret = await sealer.seal(JSON.stringify(state.secret), place(state.state));
        await orm.insert(oauthStates).values({
          state: state.state,
          provider: state.provider,
          mode: state.mode,
          secret,
          createdAt: state.createdAt,
          expiresAt: state.expiresAt,
        });
      }),

    get: (state) =>
      database.run("read a sign-in", async (orm) =>
        openFirst(await orm.select().from(oauthStates).where(eq(oauthStates.state, state))),
      ),

    update: (state, secret) =>
      database.run("update a sign-in", async (orm) => {
        const rows = await orm
          .update(oauthStates)
          .set({ secret: await sealer.seal(JSON.stringify(secret), place(state)) })
          .where(eq(oauthStates.state, state))
          .returning({ state: oauthStates.state });
        return rows.length > 0;
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

function place(row: string) {
  return { table: "oauth_states", column: "secret", row };
}
