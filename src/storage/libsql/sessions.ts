/** Sessions that were logged out, in libSQL: a row each, so that concurrent log-outs in several processes do not undo each other. */
import { eq, lte } from "drizzle-orm";
import type { SessionStore } from "../port.ts";
import type { Database } from "./database.ts";
import { endedSessions } from "./schema.ts";

export function sessionStore(database: Database): SessionStore {
  return {
    isEnded: (id) =>
      database.run("look up a session", async (orm) => {
        const rows = await orm
          .select({ id: endedSessions.id })
          .from(endedSessions)
          .where(eq(endedSessions.id, id));
        return rows.length > 0;
      }),

    end: (id, endsAt, now) =>
      database.run("end a session", async (orm) => {
        await orm.batch([
          orm.delete(endedSessions).where(lte(endedSessions.endsAt, now)),
          orm.insert(endedSessions).values({ id, endsAt }).onConflictDoNothing(),
        ]);
      }),
  };
}
