/** Batches of what processes count, in libSQL: written once each, whatever becomes of their acknowledgements. */
import { and, desc, eq, lt, or, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { errorCodeOf } from "../../error-code.ts";
import { idsBefore } from "../../sortable-id.ts";
import type { DecisionRow, DecisionStore, UsageBatch, UsageStore } from "../port.ts";
import type { Database } from "./database.ts";
import { decodeRow, jsonObject, parsed } from "./decode.ts";
import { requests, usageBatches } from "./schema.ts";

const HOUR_MS = 60 * 60_000;

/** How many decisions are kept, and how long, ms. */
const DECISIONS_MAX = 20_000;
const DECISIONS_KEPT_MS = 14 * 24 * HOUR_MS;

/** How long the ids of batches are kept, ms. */
const IDS_KEPT_MS = 24 * HOUR_MS;

export function usageStore(database: Database): UsageStore {
  const write = ({ id, at, decisions }: UsageBatch) =>
    database.run("write what was counted", async (orm) => {
      const first = orm.insert(usageBatches).values({ id, at });
      try {
        await orm.batch([
          first,
          orm.delete(usageBatches).where(lt(usageBatches.id, idsBefore("bat_", at - IDS_KEPT_MS))),
          ...(decisions.length === 0
            ? []
            : [
                orm
                  .insert(requests)
                  .values(decisions.map((row) => ({ ...row, record: JSON.stringify(row.record) })))
                  // Of a request that was recorded twice the first stays.
                  .onConflictDoNothing(),
                // Row ids rise by one with each row: the oldest go without a count.
                orm
                  .delete(requests)
                  .where(sql`rowid <= (select max(rowid) from ${requests}) - ${DECISIONS_MAX}`),
                orm.delete(requests).where(lt(requests.id, idsBefore("req_", at - DECISIONS_KEPT_MS))),
              ]),
        ]);
      } catch (error) {
        if (!errorCodeOf(error)?.startsWith("SQLITE_CONSTRAINT")) throw error;
        const known = await orm
          .select({ id: usageBatches.id })
          .from(usageBatches)
          .where(eq(usageBatches.id, id));
        if (known.length === 0) throw error;
      }
    });
  return { write };
}

const shape = {
  id: z.string(),
  upstreamId: z.nullable(z.string()),
  at: z.int(),
  keyId: z.string(),
  accountId: z.nullable(z.string()),
  provider: z.nullable(z.string()),
  model: z.string(),
  outcome: z.string(),
  agent: z.nullable(z.string()),
  record: jsonObject,
};

const UNREADABLE: DecisionRow = {
  id: "unreadable",
  upstreamId: null,
  at: 0,
  keyId: "",
  accountId: null,
  provider: null,
  model: "",
  outcome: "unreadable",
  agent: null,
  record: {},
};

function toDecision(row: typeof requests.$inferSelect): DecisionRow {
  return decodeRow(shape, { ...row, record: parsed(row.record) }, UNREADABLE).row;
}

export function decisionStore(database: Database): DecisionStore {
  return {
    list: ({ keyId, accountId, outcome }, { limit, after }) =>
      database.run("list the requests", async (orm) => {
        const rows = await orm
          .select()
          .from(requests)
          .where(
            and(
              keyId === undefined ? undefined : eq(requests.keyId, keyId),
              accountId === undefined ? undefined : eq(requests.accountId, accountId),
              outcome === undefined ? undefined : eq(requests.outcome, outcome),
              after === undefined ? undefined : lt(requests.id, after),
            ),
          )
          .orderBy(desc(requests.id))
          .limit(limit + 1);
        return { entries: rows.slice(0, limit).map(toDecision), hasAfter: rows.length > limit };
      }),

    get: (id) =>
      database.run("look up a request", async (orm) => {
        const [row] = await orm
          .select()
          .from(requests)
          .where(or(eq(requests.id, id), eq(requests.upstreamId, id)))
          .orderBy(desc(requests.id))
          .limit(1);
        return row === undefined ? null : toDecision(row);
      }),
  };
}
