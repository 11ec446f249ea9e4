/** The limits of accounts in libSQL, merged inside the write by the rule of `mergeLimits`; and whose turn it is to poll. */
import { and, eq, getTableColumns, isNull, lt, lte, or, type SQL, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { COOLING_CLASSES } from "../../providers/limit.ts";
import type { LimitReading, LimitRow, LimitStore, PollStore } from "../port.ts";
import { NOW } from "./clock.ts";
import type { Database, Orm } from "./database.ts";
import { accountLimits as limits, providerAccounts } from "./schema.ts";

/** How long a row is kept once it cannot hold any more, ms: a late merge must still meet it, and strikes are counted on. */
const KEPT_MS = 24 * 60 * 60_000;

/** Clocks that differ by less are taken for the same, ms. */
const SAME_CLOCK_MS = 5_000;

type Row = typeof limits.$inferSelect;

export function limitStore(database: Database): LimitStore {
  return {
    read: () =>
      database.run("read the limits of the accounts", async (orm) => toReading(await selectLimits(orm))),

    merge: (rows, now) =>
      database.run("store the limits of accounts", async (orm) => {
        await orm.batch([
          orm
            .delete(limits)
            .where(
              lt(sql`max(${limits.until}, ${limits.seenAt}, ${limits.clearedAt})`, sql`${NOW} - ${KEPT_MS}`),
            ),
          ...rows.flatMap((row) => mergeOne(orm, row, now)),
        ]);
      }),
  };
}

export function pollStore(database: Database): PollStore {
  const { id, nextPollAt } = providerAccounts;
  return {
    claim: (accountId, gapMs) =>
      database.runIfFree("take the turn to ask for a quota", async (orm) => {
        const taken = await orm
          .update(providerAccounts)
          .set({ nextPollAt: sql`${NOW} + ${gapMs}` })
          .where(and(eq(id, accountId), or(isNull(nextPollAt), lte(nextPollAt, NOW), isFarAhead(nextPollAt))))
          .returning({ id });
        return taken.length > 0;
      }),

    postpone: (accountId, waitMs) =>
      database.run("note when to ask for a quota", async (orm) => {
        await orm
          .update(providerAccounts)
          .set({ nextPollAt: sql`${NOW} + ${waitMs}` })
          .where(eq(id, accountId));
      }),
  };
}

/** Further ahead than anybody waits: then the database's clock was put back. */
function isFarAhead(time: typeof providerAccounts.nextPollAt): SQL {
  return sql`${time} > ${NOW} + ${2 * 60 * 60_000}`;
}

/** Every row, with the database's clock beside it; nothing at all unless `where` holds, which is about no row. */
export function selectLimits(orm: Orm, where?: SQL) {
  return (
    orm
      .select({ ...getTableColumns(limits), storeNow: NOW })
      .from(limits)
      .where(where)
      // So that there is a clock where there is no limit.
      .unionAll(
        orm
          .select({
            accountId: sql<string>`''`,
            scope: sql<string>`''`,
            class: sql<string>`''`,
            code: sql<string>`''`,
            words: sql<string | null>`null`,
            until: sql<number>`0`,
            isStated: sql<boolean>`0`,
            strikes: sql<number>`0`,
            seenAt: sql<number>`0`,
            clearedAt: sql<number>`0`,
            storeNow: NOW,
          })
          .from(sql`(select 1)`)
          .where(where),
      )
  );
}

const stored = z.object({
  accountId: z.string(),
  scope: z.string(),
  class: z.enum(COOLING_CLASSES),
  code: z.string(),
  words: z.nullable(z.string()),
  until: z.int(),
  isStated: z.boolean(),
  strikes: z.int(),
  seenAt: z.int(),
  clearedAt: z.int(),
});

/** A row that Kleis did not write is left out: it must not bar an account. */
export function toReading(rows: (Row & { storeNow: number })[]): LimitReading {
  return {
    rows: rows.flatMap((row): LimitRow | readonly LimitRow[] => stored.safeParse(row).data ?? []),
    storeNow: rows[0]?.storeNow ?? 0,
  };
}

function mergeOne(orm: Orm, row: LimitRow, now: number) {
  const shift = sql`case when abs(${NOW} - ${now}) > ${SAME_CLOCK_MS} then ${NOW} - ${now} else 0 end`;
  const shifted = (time: number) => (time === 0 ? sql<number>`0` : sql<number>`${time} + (${shift})`);
  const seenAt = shifted(row.seenAt);
  const clearedAt = shifted(row.clearedAt);
  const until = shifted(row.until);
  return [
    orm
      .insert(limits)
      .values({ ...row, until, seenAt, clearedAt })
      .onConflictDoUpdate({
        target: [limits.accountId, limits.scope],
        set: {
          class: row.class,
          code: row.code,
          words: row.words,
          until: sql`excluded.until`,
          isStated: row.isStated,
          strikes: row.strikes,
          seenAt: sql`excluded.seen_at`,
        },
        setWhere: NEW_WINS,
      }),
    orm
      .update(limits)
      .set({ clearedAt: sql`max(${limits.clearedAt}, ${clearedAt})` })
      .where(and(eq(limits.accountId, row.accountId), eq(limits.scope, row.scope))),
  ] as const;
}

/** `mergeLimits` in SQL: whether the new row (`excluded`) says what the stored one does not know better. */
const NEW_WINS = sql.raw(`(case
  when (excluded.seen_at > max(account_limits.cleared_at, excluded.cleared_at)) <> (account_limits.seen_at > max(account_limits.cleared_at, excluded.cleared_at))
    then excluded.seen_at > max(account_limits.cleared_at, excluded.cleared_at)
  when excluded.is_stated <> account_limits.is_stated
    then case when excluded.is_stated then excluded.until > account_limits.seen_at else account_limits.until <= excluded.seen_at end
  when excluded.until <> account_limits.until then excluded.until > account_limits.until
  when excluded.seen_at <> account_limits.seen_at then excluded.seen_at > account_limits.seen_at
  else excluded.class || ' ' || excluded.code <= account_limits.class || ' ' || account_limits.code
end)`);
