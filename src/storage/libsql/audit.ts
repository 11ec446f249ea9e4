/** What the owner changed, in libSQL. */
import { desc, lt } from "drizzle-orm";
import * as z from "zod/mini";
import { idsBefore } from "../../sortable-id.ts";
import type { AuditLine, AuditStore } from "../port.ts";
import type { Database } from "./database.ts";
import { decodeRow, jsonObject, parsed } from "./decode.ts";
import { audit } from "./schema.ts";

/** How long a line is kept, ms. */
const KEPT_MS = 90 * 24 * 60 * 60_000;

const shape = {
  id: z.string(),
  at: z.int(),
  by: z.enum(["admin token", "session", "browser"]),
  requestId: z.nullable(z.string()),
  action: z.string(),
  target: z.nullable(z.string()),
  detail: z.nullable(jsonObject),
};

const UNREADABLE: AuditLine = {
  id: "unreadable",
  at: 0,
  by: "admin token",
  requestId: null,
  action: "unreadable",
  target: null,
  detail: null,
};

export function auditStore(database: Database): AuditStore {
  return {
    add: (lines) =>
      database.run("note what was changed", async (orm) => {
        if (lines.length === 0) return;
        const newest = Math.max(...lines.map(({ at }) => at));
        await orm.batch([
          orm
            .insert(audit)
            .values(
              lines.map((line) => ({
                ...line,
                detail: line.detail === null ? null : JSON.stringify(line.detail),
              })),
            )
            .onConflictDoNothing(),
          orm.delete(audit).where(lt(audit.id, idsBefore("aud_", newest - KEPT_MS))),
        ]);
      }),

    list: ({ limit, after }) =>
      database.run("list what was changed", async (orm) => {
        const rows = await orm
          .select()
          .from(audit)
          .where(after === undefined ? undefined : lt(audit.id, after))
          .orderBy(desc(audit.id))
          .limit(limit + 1);
        const entries = rows
          .slice(0, limit)
          .map((row) => decodeRow(shape, { ...row, detail: parsed(row.detail) }, UNREADABLE).row);
        return { entries, hasAfter: rows.length > limit };
      }),
  };
}
