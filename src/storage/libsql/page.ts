/** One page of a list that is ordered by (creation time, rowid): a range on one side of an entry, in one round trip. */
import { and, eq, type SQL, sql } from "drizzle-orm";
import type { RunnableQuery } from "drizzle-orm/runnable-query";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { ListPage, PageOptions } from "../port.ts";
import type { Orm } from "./database.ts";

/** What orders a list. */
export interface Listing {
  readonly table: SQLiteTable & { readonly id: SQLiteColumn; readonly createdAt: SQLiteColumn };
  readonly newestFirst: boolean;
}

/** Selects the entries. */
export type Select<Row> = (range: {
  where: SQL | undefined;
  order: SQL;
  limit: number;
}) => RunnableQuery<Row[], "sqlite"> & PromiseLike<Row[]>;

/** The page of those that pass `filter`; null when the options name an entry that is not there at all. */
export async function readPage<Row>(
  orm: Orm,
  { table, newestFirst }: Listing,
  { limit, after, before }: PageOptions,
  filter: SQL | undefined,
  select: Select<Row>,
): Promise<ListPage<Row> | null> {
  const isBackwards = after === undefined && before !== undefined;
  const isDescending = newestFirst !== isBackwards;
  const direction = sql.raw(isDescending ? "desc" : "asc");
  const order = sql`${table.createdAt} ${direction}, rowid ${direction}`;
  const oneMore = limit + 1;
  const named = after ?? before;
  if (named === undefined) {
    const rows = await select({ where: filter, order, limit: oneMore });
    return { entries: rows.slice(0, limit), hasBefore: false, hasAfter: rows.length > limit };
  }

  const place = sql`(${table.createdAt}, rowid)`;
  const its = sql`(select ${table.createdAt}, rowid from ${table} where ${table.id} = ${named})`;
  const beyond = and(filter, isDescending ? sql`${place} < ${its}` : sql`${place} > ${its}`);
  const behind = and(filter, isDescending ? sql`${place} >= ${its}` : sql`${place} <= ${its}`);
  const one = { one: sql<number>`1` };
  const [rows, others, itself] = await orm.batch([
    select({ where: beyond, order, limit: oneMore }),
    orm.select(one).from(table).where(behind).limit(1),
    orm.select(one).from(table).where(eq(table.id, named)),
  ]);
  if (itself.length === 0) return null;
  const entries = rows.slice(0, limit);
  const goesOn = rows.length > limit;
  const goesBack = others.length > 0;
  return isBackwards
    ? { entries: entries.reverse(), hasBefore: goesOn, hasAfter: goesBack }
    : { entries, hasBefore: goesBack, hasAfter: goesOn };
}
