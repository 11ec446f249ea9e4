/**
 * The lease, the intent and the compare-and-swap of a refresh, in libSQL: each one atomic statement (or one batch),
 * judged by the database's own clock, so that isolates whose clocks differ agree.
 */
import { and, eq, gt, isNull, lte, or, type SQL, sql } from "drizzle-orm";
import {
  type Lease,
  LONGEST_HOLD_OFF_MS,
  LONGEST_LEASE_MS,
  type RefreshState,
  type RefreshStore,
} from "../port.ts";
import type { Sealer } from "../seal.ts";
import { accountColumns, openColumns, sealSecrets, toRecord } from "./account-row.ts";
import { NOW } from "./clock.ts";
import type { Database, Orm } from "./database.ts";
import { openOrMark } from "./mark-unreadable.ts";
import { providerAccounts as accounts } from "./schema.ts";
import { usedTokenMark, withSpent } from "./used-refresh-tokens.ts";

const stateColumns = {
  ...accountColumns,
  refresh: {
    fence: accounts.leaseFence,
    failures: accounts.refreshFailures,
    intentVersion: accounts.intentVersion,
    leasedForMs: remaining(accounts.leaseUntil, LONGEST_LEASE_MS),
    heldOffForMs: remaining(accounts.refreshRetryAt, LONGEST_HOLD_OFF_MS),
  },
};

const leaseEnded = { leaseOwner: null, leaseUntil: null };

type Arguments<Name extends keyof RefreshStore> = Parameters<RefreshStore[Name]>;

export function refreshStore(database: Database, sealer: Sealer): RefreshStore {
  return {
    read: (id) =>
      database.run("read the state of a refresh", async (orm) => {
        const [row] = await selectState(orm, id);
        return row ? toState(orm, sealer, row) : null;
      }),
    acquire: (...given) =>
      database.run("take the lease of a refresh", (orm) => acquire(orm, sealer, ...given)),
    intend: (...given) => database.run("note a refresh that begins", (orm) => intend(orm, ...given)),
    commit: (...given) => database.run("store refreshed tokens", (orm) => commit(orm, sealer, ...given)),
    reject: (...given) => database.run("note a sign-in that ended", (orm) => reject(orm, ...given)),
    postpone: (...given) => database.run("note a failed refresh", (orm) => postpone(orm, ...given)),
    release: (...given) => database.run("end the lease of a refresh", (orm) => release(orm, ...given)),
  };
}

function selectState(orm: Orm, id: string) {
  return orm.select(stateColumns).from(accounts).where(eq(accounts.id, id));
}

async function toState(
  orm: Orm,
  sealer: Sealer,
  { refresh, ...row }: Awaited<ReturnType<typeof selectState>>[number],
): Promise<RefreshState> {
  const { intentVersion, ...rest } = refresh;
  const open = await openOrMark(orm, sealer, row);
  return { ...open, ...rest, unanswered: intentVersion === row.version };
}

async function acquire(
  orm: Orm,
  sealer: Sealer,
  ...[id, { owner, version, leaseMs }]: Arguments<"acquire">
): ReturnType<RefreshStore["acquire"]> {
  const mine = and(eq(accounts.leaseOwner, owner), gt(accounts.leaseUntil, NOW));
  const [taken, [row]] = await orm.batch([
    orm
      .update(accounts)
      .set({
        leaseOwner: owner,
        leaseFence: sql`case when ${mine} then ${accounts.leaseFence} else ${accounts.leaseFence} + 1 end`,
        leaseUntil: sql`case when ${mine} then ${accounts.leaseUntil} else ${NOW} + ${leaseMs} end`,
      })
      .where(
        and(
          eq(accounts.id, id),
          eq(accounts.tokenVersion, version),
          eq(accounts.status, "active"),
          isPast(accounts.refreshRetryAt, LONGEST_HOLD_OFF_MS),
          or(isPast(accounts.leaseUntil, LONGEST_LEASE_MS), eq(accounts.leaseOwner, owner)),
        ),
      )
      .returning({ id: accounts.id }),
    selectState(orm, id),
  ]);
  return row ? { acquired: taken.length > 0, state: await toState(orm, sealer, row) } : null;
}

async function intend(orm: Orm, ...[id, lease]: Arguments<"intend">): Promise<boolean> {
  const rows = await orm
    .update(accounts)
    .set({ intentVersion: lease.version })
    .where(and(holds(id, lease), eq(accounts.leaseOwner, lease.owner), gt(accounts.leaseUntil, NOW)))
    .returning({ id: accounts.id });
  return rows.length > 0;
}

async function commit(
  orm: Orm,
  sealer: Sealer,
  ...[id, lease, { expiresAt, spentToken, ...secrets }, metadata, now]: Arguments<"commit">
): ReturnType<RefreshStore["commit"]> {
  const version = lease.version + 1;
  const spent =
    spentToken === null
      ? {}
      : { spentTokens: withSpent(accounts.spentTokens, await usedTokenMark(spentToken)) };
  const rows = await orm
    .update(accounts)
    .set({
      ...(await sealSecrets(sealer, id, version, secrets)),
      tokenVersion: version,
      expiresAt,
      metadata: JSON.stringify(metadata),
      status: "active",
      statusReason: null,
      lastRefreshAt: now,
      lastRefreshStatus: "ok",
      lastRefreshError: null,
      intentVersion: null,
      refreshRetryAt: null,
      refreshFailures: 0,
      leaseUntil: unlessOwn(lease, accounts.leaseUntil),
      leaseOwner: unlessOwn(lease, accounts.leaseOwner),
      updatedAt: now,
      ...spent,
    })
    .where(holds(id, lease))
    .returning(openColumns);
  return rows[0] ? { account: toRecord(rows[0]), secrets, version } : null;
}

async function reject(orm: Orm, ...[id, lease, reason, now]: Arguments<"reject">): Promise<boolean> {
  const rows = await orm
    .update(accounts)
    .set({
      ...leaseEnded,
      ...failure(reason, now),
      status: "needs_login",
      statusReason: reason,
      intentVersion: null,
    })
    .where(holds(id, lease))
    .returning({ id: accounts.id });
  return rows.length > 0;
}

async function postpone(orm: Orm, ...[id, lease, failed, now]: Arguments<"postpone">): Promise<boolean> {
  const { reason, failures, waitMs, unanswered } = failed;
  const rows = await orm
    .update(accounts)
    .set({
      ...leaseEnded,
      ...failure(reason, now),
      refreshFailures: failures,
      refreshRetryAt: sql`${NOW} + ${waitMs}`,
      intentVersion: unanswered ? lease.version : null,
    })
    .where(holds(id, lease))
    .returning({ id: accounts.id });
  return rows.length > 0;
}

async function release(orm: Orm, ...[id, lease, unanswered]: Arguments<"release">): Promise<void> {
  await orm
    .update(accounts)
    .set({ ...leaseEnded, intentVersion: unanswered ? lease.version : null })
    .where(
      and(eq(accounts.id, id), eq(accounts.leaseFence, lease.fence), eq(accounts.leaseOwner, lease.owner)),
    );
}

type Time = typeof accounts.leaseUntil | typeof accounts.refreshRetryAt;

/** What is left of the time until then, ms; a driver may give null for no time at all. */
function remaining(time: Time, longest: number) {
  return sql<number>`case when ${isPast(time, longest)} then 0 else ${time} - ${NOW} end`;
}

/** Also when it lies further ahead than it can: then it was written before the clock was put back. */
function isPast(time: Time, longest: number): SQL | undefined {
  return or(isNull(time), lte(time, NOW), gt(time, sql`${NOW} + ${longest}`));
}

/** The compare of every compare-and-swap: the token that was read, and no lease given since. */
function holds(id: string, { version, fence }: Lease): SQL | undefined {
  return and(eq(accounts.id, id), eq(accounts.tokenVersion, version), eq(accounts.leaseFence, fence));
}

/** Null where the lease is the owner's, else what is there: a lease that another was given meanwhile is his. */
function unlessOwn({ owner }: Lease, column: typeof accounts.leaseUntil | typeof accounts.leaseOwner) {
  return sql`case when ${accounts.leaseOwner} = ${owner} then null else ${column} end`;
}

function failure(reason: string, now: number) {
  return { lastRefreshAt: now, lastRefreshStatus: "failed", lastRefreshError: reason, updatedAt: now };
}
