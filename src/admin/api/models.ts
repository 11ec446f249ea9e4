/** `/admin/models`: the operator's own models, and asking upstream and the providers anew. */
import { Hono } from "hono";
import * as z from "zod/mini";
import { KleisError } from "../../errors.ts";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import { customProblem } from "../../models/catalogue/custom.ts";
import type { CustomModel } from "../../models/catalogue/custom-model.ts";
import { customList } from "../../models/catalogue/custom-store.ts";
import type { AdminDeps } from "../context.ts";

/** `PUT /admin/models`: the whole list, which replaces the one there was. */
const customBody = z.strictObject({ models: customList });

export function createCustomModelRoutes({ providers, models, directory }: AdminDeps): Hono {
  return new Hono()
    .get("/", async (c) => c.json(view(await models.custom())))
    .put("/", requireJson, jsonBody(customBody), async (c) => {
      const custom = c.req.valid("json").models;
      const accounts = await directory.list();
      const catalogue = await models.current(accounts);
      const problem = customProblem(custom, { providers, catalogue, accounts });
      if (problem !== null)
        throw new KleisError("invalid_request", problem.message, { param: problem.param });
      await models.setCustom(custom);
      requestLoggerOf(c).addFields({ on: custom.map(({ id }) => id).join(",") });
      return c.json(view(custom));
    })
    .post("/refresh", async (c) => {
      directory.forget();
      const all = await directory.list();
      const { registry, accounts } = await models.refresh(all);
      const statuses = await models.listStatuses(all);
      const lists = [...accounts].map(([id, isThere]) => {
        const remarks = statuses.get(id)?.remarks ?? [];
        return { id, list: isThere ? "renewed" : "refused", ...(remarks.length > 0 ? { remarks } : {}) };
      });
      return c.json({ registry, accounts: lists });
    });
}

function view(models: readonly CustomModel[]): { models: readonly CustomModel[] } {
  return { models };
}
