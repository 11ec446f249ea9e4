/** Paginates lists with `?limit=` and `?after=<id>`, so that responses stay bounded. */
import type { Context } from "hono";
import { KleisError } from "../../errors.ts";
import type { ListPage, PageOptions } from "../../storage/port.ts";

/** The default and largest page, in entries. */
export const PAGE_MAX = 500;

/** The page that the query requests. Throws `invalid_request` for an invalid limit or an unknown id. */
export async function requestedPage<Entry>(
  c: Context,
  read: (options: PageOptions) => Promise<ListPage<Entry> | null>,
): Promise<ListPage<Entry>> {
  const page = await read({ limit: limitOf(c), after: c.req.query("after") });
  if (page === null) {
    throw new KleisError("invalid_request", "after: must be an id of this list.", { param: "after" });
  }
  return page;
}

/** How many entries the query requests. Throws `invalid_request`. */
export function limitOf(c: Context): number {
  const requested = c.req.query("limit") ?? String(PAGE_MAX);
  const limit = /^\d{1,6}$/.test(requested) ? Number(requested) : 0;
  if (limit < 1 || limit > PAGE_MAX) {
    throw new KleisError("invalid_request", `limit: must be a whole number from 1 to ${PAGE_MAX}.`, {
      param: "limit",
    });
  }
  return limit;
}
