/** A list in pages, so that no answer grows with what is stored: `?limit=` and `?after=<id>`. */
import type { Context } from "hono";
import { KleisError } from "../../errors.ts";
import type { ListPage, PageWish } from "../../storage/port.ts";

/** Entries of one answer, unless fewer are asked for. */
export const PAGE_MAX = 500;

/** The page that the query asks for. Throws `invalid_request` when it asks for none that there is. */
export async function askedPage<Entry>(
  c: Context,
  read: (wish: PageWish) => Promise<ListPage<Entry> | null>,
): Promise<ListPage<Entry>> {
  const wished = c.req.query("limit") ?? String(PAGE_MAX);
  const limit = /^\d{1,6}$/.test(wished) ? Number(wished) : 0;
  if (limit < 1 || limit > PAGE_MAX) {
    throw new KleisError("invalid_request", `limit: must be a whole number from 1 to ${PAGE_MAX}.`, {
      param: "limit",
    });
  }
  const page = await read({ limit, after: c.req.query("after") });
  if (page === null) {
    throw new KleisError("invalid_request", "after: must be an id of this list.", { param: "after" });
  }
  return page;
}
