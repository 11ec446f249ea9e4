/** `/admin/live-checks`: the planned checks with their cost, and running one of them. */
import { Hono } from "hono";
import * as z from "zod/mini";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import { costOf, type PlannedCheck } from "../../live-checks/plan.ts";
import { type ApiDeps, auditOf } from "./context.ts";

/** `POST /admin/live-checks`: one entry of the plan. */
const runBody = z.strictObject({ account: z.string(), check: z.string() });

export function createLiveCheckRoutes({ audit, actions: { liveChecks } }: ApiDeps): Hono {
  return new Hono()
    .get("/", async (c) => {
      const plan = await liveChecks.plan();
      return c.json({ checks: plan.map(checkView), cost: costOf(plan) });
    })
    .post("/", requireJson, jsonBody(runBody), async (c) => {
      const { account, check } = c.req.valid("json");
      const planned = await liveChecks.find(account, check);
      const result = await liveChecks.run(planned, auditOf(audit, c));
      return c.json({ ...checkView(planned), ...result });
    });
}

function checkView({ provider, account, check, model }: PlannedCheck) {
  const { id, kind, label } = account;
  return {
    account: { id, provider: provider.id, name: provider.name, kind, label },
    check: check.id,
    title: check.title,
    model: model?.id ?? null,
    cost: check.cost,
  };
}
