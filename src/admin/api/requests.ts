/** `/admin/requests` and `/admin/explain`: how requests were decided, and how one would be. */
import { Hono } from "hono";
import { baseUrlOf } from "../../base-url.ts";
import { KleisError } from "../../errors.ts";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import type { JsonObject } from "../../json.ts";
import type { DecisionRow } from "../../storage/port.ts";
import type { ApiDeps } from "./context.ts";
import { limitOf } from "./paging.ts";
import { explainBody } from "./schemas.ts";

export function createRequestRoutes({ decisions }: ApiDeps): Hono {
  return new Hono()
    .get("/", async (c) => {
      const filter = {
        keyId: c.req.query("key"),
        accountId: c.req.query("account"),
        outcome: c.req.query("outcome"),
      };
      const page = { limit: limitOf(c), after: c.req.query("after") };
      const { entries, hasAfter } = await decisions.list(filter, page);
      return c.json({ requests: entries.map(requestView), has_more: hasAfter });
    })
    .get("/:id", async (c) => {
      const row = await decisions.get(c.req.param("id"));
      if (row === null) throw NOT_KEPT;
      return c.json({ request: requestView(row) });
    });
}

export function createExplainRoutes({ runtime, actions: { explain } }: ApiDeps): Hono {
  return new Hono().post("/", requireJson, jsonBody(explainBody), async (c) => {
    const adminUrl = `${baseUrlOf(runtime.config, c.req.raw)}/admin`;
    return c.json({ ...(await explain(c.req.valid("json"), adminUrl)) });
  });
}

const NOT_KEPT = new KleisError(
  "decision_not_kept",
  "Nothing is kept about a request with this id. A server keeps its last 500 requests; the store keeps refused and moved ones, and some others, for 14 days.",
);

function requestView({ upstreamId, keyId, accountId, record, ...row }: DecisionRow): JsonObject {
  return { ...row, key: keyId, account: accountId, upstream_id: upstreamId, ...record };
}
