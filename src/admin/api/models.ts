/** `/admin/models`: the operator's own models, and fetching models.dev and the accounts' lists again. */
import { Hono } from "hono";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import { type ApiDeps, auditOf } from "./context.ts";
import { customModelsBody } from "./schemas.ts";

export function createCustomModelRoutes({ audit, actions: { models } }: ApiDeps): Hono {
  return new Hono()
    .get("/", async (c) => c.json({ models: await models.custom() }))
    .put("/", requireJson, jsonBody(customModelsBody), async (c) => {
      const { models: custom } = c.req.valid("json");
      return c.json({ models: await models.setCustom(custom, auditOf(audit, c)) });
    })
    .post("/refresh", async (c) => {
      const { registry, lists } = await models.refresh(auditOf(audit, c));
      const accounts = lists.map(({ id, isRenewed, remarks }) => ({
        id,
        list: isRenewed ? "renewed" : "refused",
        ...(remarks.length > 0 ? { remarks } : {}),
      }));
      return c.json({ registry, accounts });
    });
}
