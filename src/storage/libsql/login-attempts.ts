/** Attempts at a secret, in libSQL: the rule is judged inside the write that counts, so that no two attempts see the same count. */
import { and, count, eq, exists, gt, lte, ne, not, notBetween, or, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import type { AttemptRule, LoginAttemptStore } from "../port.ts";
import type { Database, Orm } from "./database.ts";
import { loginAttempts as attempts } from "./schema.ts";

/** How long an unknown source waits where too many others try, ms. */
const CROWD_WAIT_MS = 5_000;

const others = alias(attempts, "others");

export function loginAttemptStore(database: Database): LoginAttemptStore {
  return {
    status: (rule, source, now) =>
      database.run("look up attempts", async (orm) => {
        const { isForgotten, waitsUntil, isTrusted, isCounted } = judged(rule, now);
        const [[row], [unknownSources]] = await orm.batch([
          orm
            .select({
              wrong: attempts.wrong,
              waitsUntil: sql<number>`case when ${isForgotten} then 0 else ${waitsUntil} end`,
              isTrusted: sql<number>`${isTrusted}`,
              isCounted: sql<number>`${isCounted}`,
            })
            .from(attempts)
            .where(isOf(rule, source)),
          otherUnknownSources(orm, rule, source, now),
        ]);
        const hasRoom = (unknownSources?.count ?? 0) < rule.unknownSources;
        const mayTry = hasRoom || row?.isTrusted === 1 || row?.isCounted === 1;
        return {
          freeAt: Math.max(row?.waitsUntil ?? 0, mayTry ? 0 : now + CROWD_WAIT_MS),
          isClear: row?.isTrusted === 1 && row.wrong === 0,
        };
      }),

    record: (rule, source, isRight, now) =>
      database.run("count an attempt", async (orm) => {
        const { isForgotten, waitsUntil, isTrusted, isCounted } = judged(rule, now);
        const hasRoom = sql`(${otherUnknownSources(orm, rule, source, now)}) < ${rule.unknownSources}`;
        const isKnown = exists(orm.select({ one: sql`1` }).from(attempts).where(isOf(rule, source)));
        const [, taken] = await orm.batch([
          orm.delete(attempts).where(and(eq(attempts.channel, rule.channel), isForgotten, not(isTrusted))),
          orm
            .insert(attempts)
            .select(
              sql`select ${rule.channel}, ${source}, ${isRight ? 0 : 1}, ${now}, ${isRight ? now : null} where ${or(isKnown, hasRoom)}`,
            )
            .onConflictDoUpdate({
              target: [attempts.channel, attempts.source],
              set: isRight
                ? { wrong: 0, triedAt: now, rightAt: now }
                : {
                    wrong: sql`case when ${isForgotten} then 1 else ${attempts.wrong} + 1 end`,
                    triedAt: now,
                  },
              setWhere: and(or(isForgotten, lte(waitsUntil, now)), or(isTrusted, isCounted, hasRoom)),
            })
            .returning({ wrong: attempts.wrong }),
        ]);
        return taken.length > 0;
      }),
  };
}

/** What a row says under the rule, as conditions and times of its columns. */
function judged({ free, longestWaitMs, forgottenMs, trustedMs, unknownSourcesMs }: AttemptRule, now: number) {
  const wait = sql`1000 << min(${attempts.wrong} - ${free}, 20)`;
  return {
    // Also what lies far ahead: then the clock was set back.
    isForgotten: notBetween(attempts.triedAt, now - forgottenMs, now + forgottenMs),
    // No time at all while attempts are free: one that began later at another process must not hold up one that began before.
    waitsUntil: sql<number>`case when ${attempts.wrong} < ${free} then 0 else ${attempts.triedAt} + min(${longestWaitMs}, ${wait}) end`,
    isTrusted: sql`ifnull(${attempts.rightAt}, 0) > ${now - trustedMs}`,
    /** Whether it is one of the sources that have tried lately. */
    isCounted: gt(attempts.triedAt, now - unknownSourcesMs),
  };
}

function isOf({ channel }: AttemptRule, source: string): SQL | undefined {
  return and(eq(attempts.channel, channel), eq(attempts.source, source));
}

/** How many other sources, none of them trusted, have tried lately. */
function otherUnknownSources(
  orm: Orm,
  { channel, trustedMs, unknownSourcesMs }: AttemptRule,
  source: string,
  now: number,
) {
  return orm
    .select({ count: count() })
    .from(others)
    .where(
      and(
        eq(others.channel, channel),
        ne(others.source, source),
        gt(others.triedAt, now - unknownSourcesMs),
        sql`ifnull(${others.rightAt}, 0) <= ${now - trustedMs}`,
      ),
    );
}
