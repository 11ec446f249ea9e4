/** Tries at a secret, in libSQL: the rule is judged inside the write that counts, so that no two tries see the same count. */
import { and, count, eq, exists, gt, lte, ne, not, notBetween, or, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import type { TryRule, TryStore } from "../port.ts";
import type { Database, Orm } from "./database.ts";
import { adminTries as tries } from "./schema.ts";

/** How long a stranger waits where too many others try, ms. */
const CROWD_WAIT_MS = 5_000;

const others = alias(tries, "others");

export function tryStore(database: Database): TryStore {
  return {
    look: (rule, source, now) =>
      database.run("look up tries", async (orm) => {
        const { isForgotten, waitsUntil, isFriend, isCounted } = judged(rule, now);
        const [[row], [strangers]] = await orm.batch([
          orm
            .select({
              wrong: tries.wrong,
              waitsUntil: sql<number>`case when ${isForgotten} then 0 else ${waitsUntil} end`,
              isFriend: sql<number>`${isFriend}`,
              isCounted: sql<number>`${isCounted}`,
            })
            .from(tries)
            .where(isOf(rule, source)),
          strangersBeside(orm, rule, source, now),
        ]);
        const hasRoom = (strangers?.count ?? 0) < rule.strangers;
        const mayTry = hasRoom || row?.isFriend === 1 || row?.isCounted === 1;
        return {
          freeAt: Math.max(row?.waitsUntil ?? 0, mayTry ? 0 : now + CROWD_WAIT_MS),
          isClear: row?.isFriend === 1 && row.wrong === 0,
        };
      }),

    take: (rule, source, now) =>
      database.run("count a try", async (orm) => {
        const { isForgotten, waitsUntil, isFriend, isCounted } = judged(rule, now);
        const hasRoom = sql`(${strangersBeside(orm, rule, source, now)}) < ${rule.strangers}`;
        const isKnown = exists(orm.select({ one: sql`1` }).from(tries).where(isOf(rule, source)));
        const [, taken] = await orm.batch([
          orm.delete(tries).where(and(eq(tries.door, rule.door), isForgotten, not(isFriend))),
          orm
            .insert(tries)
            .select(sql`select ${rule.door}, ${source}, 1, ${now}, null where ${or(isKnown, hasRoom)}`)
            .onConflictDoUpdate({
              target: [tries.door, tries.source],
              set: { wrong: sql`case when ${isForgotten} then 1 else ${tries.wrong} + 1 end`, triedAt: now },
              setWhere: and(or(isForgotten, lte(waitsUntil, now)), or(isFriend, isCounted, hasRoom)),
            })
            .returning({ wrong: tries.wrong }),
        ]);
        return taken.length > 0;
      }),

    succeed: (rule, source, now) =>
      database.run("note a right try", async (orm) => {
        await orm.update(tries).set({ wrong: 0, rightAt: now }).where(isOf(rule, source));
      }),
  };
}

/** What a row says under the rule, as conditions and times of its columns. */
function judged({ free, longestWaitMs, forgottenMs, friendMs, strangersMs }: TryRule, now: number) {
  const wait = sql`1000 << min(${tries.wrong} - ${free}, 20)`;
  return {
    // Also what lies far ahead: then the clock was set back.
    isForgotten: notBetween(tries.triedAt, now - forgottenMs, now + forgottenMs),
    // No time at all while tries are free: one that began later at another process must not hold up one that began before.
    waitsUntil: sql<number>`case when ${tries.wrong} < ${free} then 0 else ${tries.triedAt} + min(${longestWaitMs}, ${wait}) end`,
    isFriend: sql`ifnull(${tries.rightAt}, 0) > ${now - friendMs}`,
    /** Whether it is one of the sources that have tried lately. */
    isCounted: gt(tries.triedAt, now - strangersMs),
  };
}

function isOf({ door }: TryRule, source: string): SQL | undefined {
  return and(eq(tries.door, door), eq(tries.source, source));
}

/** How many other sources, none of them a friend, have tried lately. */
function strangersBeside(orm: Orm, { door, friendMs, strangersMs }: TryRule, source: string, now: number) {
  return orm
    .select({ count: count() })
    .from(others)
    .where(
      and(
        eq(others.door, door),
        ne(others.source, source),
        gt(others.triedAt, now - strangersMs),
        sql`ifnull(${others.rightAt}, 0) <= ${now - friendMs}`,
      ),
    );
}
