/** `/admin/live-checks`: what the live checks would cost, and one of them at a time, so that each answer is soon there. */
import { Hono } from "hono";
import * as z from "zod/mini";
import { KleisError } from "../../errors.ts";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import { costOf, type PlannedCheck, planChecks } from "../../live-checks/plan.ts";
import { runCheck } from "../../live-checks/run.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import type { AdminDeps } from "../context.ts";

/** `POST /admin/live-checks`: one line of the plan. */
const runBody = z.strictObject({ account: z.string(), check: z.string() });

export function createLiveCheckRoutes(deps: AdminDeps): Hono {
  return new Hono()
    .get("/", async (c) => {
      const plan = await planChecks(deps);
      return c.json({ checks: plan.map(lineFor), cost: costOf(plan) });
    })
    .post("/", requireJson, jsonBody(runBody), async (c) => {
      const { account, check } = c.req.valid("json");
      const planned = (await planChecks(deps)).find(
        (each) => each.account.id === account && each.check.id === check,
      );
      if (planned === undefined) {
        throw new KleisError(
          "invalid_request",
          "There is no such check for this account: GET /admin/live-checks lists those that there are.",
        );
      }
      requestLoggerOf(c).addFields({ on: `${account} ${check}` });
      return c.json({ ...lineFor(planned), ...(await runCheck(deps, planned)) });
    });
}

function lineFor({ provider, account, check, model }: PlannedCheck) {
  const { id, kind, label } = account;
  return {
    account: { id, provider: provider.id, name: provider.name, kind, label },
    check: check.id,
    title: check.title,
    model: model?.id ?? null,
    cost: check.cost,
  };
}
