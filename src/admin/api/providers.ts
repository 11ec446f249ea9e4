/** `/admin/providers`: the providers, and what the owner allows for each when an account is exhausted. */
import { Hono } from "hono";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import type { JsonObject } from "../../json.ts";
import type { ProviderPolicy } from "../../limits/policy.ts";
import type { Provider } from "../../providers/provider.ts";
import { type ApiDeps, auditOf } from "./context.ts";
import { policyChangeBody } from "./schemas.ts";

export function createProviderRoutes({ providers, audit, actions: { policies } }: ApiDeps): Hono {
  return new Hono()
    .get("/", async (c) => {
      const all = await policies.all();
      return c.json({ providers: providers.map((provider) => providerView(provider, all.get(provider.id))) });
    })
    .patch("/:id", requireJson, jsonBody(policyChangeBody), async (c) => {
      const id = c.req.param("id");
      const policy = await policies.change(id, c.req.valid("json"), auditOf(audit, c));
      return c.json({ provider: { id, ...policyView(policy) } });
    });
}

function providerView({ id, name, terms }: Provider, policy: ProviderPolicy | undefined): JsonObject {
  return { id, name, terms, ...(policy === undefined ? {} : policyView(policy)) };
}

function policyView({ failover, maySpend, monthlyCapUsd, stopOnExtraUsage }: ProviderPolicy): JsonObject {
  return {
    failover,
    may_spend: maySpend,
    monthly_cap_usd: monthlyCapUsd,
    stop_on_extra_usage: stopOnExtraUsage,
  };
}
