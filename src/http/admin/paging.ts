/** A list in pages, so that no answer grows with what is stored: `?limit=` and `?after=<id>`. */
import type { Context } from "hono";
import { KleisError } from "../../errors.ts";

/** Entries of one answer, unless fewer are asked for. */
export const PAGE_MAX = 500;

export interface ListPage<Entry> {
  readonly entries: readonly Entry[];
  /** Whether there are more behind the last one. */
  readonly hasMore: boolean;
}

/** The page that the query asks for. Throws `invalid_request` when it asks for none that there is. */
export function listPage<Entry extends { readonly id: string }>(
  c: Context,
  all: readonly Entry[],
): ListPage<Entry> {
  const wished = c.req.query("limit") ?? String(PAGE_MAX);
  const limit = /^\d{1,6}$/.test(wished) ? Number(wished) : 0;
  if (limit < 1 || limit > PAGE_MAX) {
    throw new KleisError("invalid_request", `limit: must be a whole number from 1 to ${PAGE_MAX}.`, {
      param: "limit",
    });
  }
  const after = c.req.query("after");
  const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) {
    throw new KleisError("invalid_request", "after: must be an id of this list.", { param: "after" });
  }
  return { entries: all.slice(start, start + limit), hasMore: start + limit < all.length };
}
