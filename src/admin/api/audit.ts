/** `/admin/audit`: what the owner changed, newest first. */
import { Hono } from "hono";
import type { ApiDeps } from "./context.ts";
import { limitOf } from "./paging.ts";

export function createAuditRoutes({ runtime, audit }: ApiDeps): Hono {
  return new Hono().get("/", async (c) => {
    await audit.flush();
    const page = { limit: limitOf(c), after: c.req.query("after") };
    const { entries, hasAfter } = await runtime.storage.audit.list(page);
    const lines = entries.map(({ requestId, ...line }) => ({ ...line, request_id: requestId }));
    return c.json({ audit: lines, has_more: hasAfter });
  });
}
