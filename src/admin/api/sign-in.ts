/** `/admin/accounts/:provider/oauth`: begins a sign-in and takes it further, one step per call. Shows no secret. */
import { Hono } from "hono";
import { createConnect } from "../../accounts/sign-in/sign-in.ts";
import { accountView } from "../../accounts/view.ts";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import type { Peer } from "../../runtime.ts";
import type { AdminDeps } from "../context.ts";
import { oauthCompleteBody, oauthStartBody } from "./schemas.ts";

type Env = { Bindings: Peer };

export function createOauthRoutes(deps: AdminDeps): Hono<Env> {
  const connect = createConnect(deps);

  return new Hono<Env>()
    .post("/:provider/oauth/start", requireJson, jsonBody(oauthStartBody), async (c) => {
      const { mode, enterprise_domain } = c.req.valid("json");
      const started = await connect.start(c.req.param("provider"), {
        ...(mode === undefined ? {} : { mode }),
        ...(enterprise_domain === undefined ? {} : { enterpriseDomain: enterprise_domain }),
        local: c.env?.local === true,
      });
      return c.json({
        state: started.state,
        url: started.url,
        ...(started.userCode === undefined ? {} : { user_code: started.userCode }),
        method: started.method,
        expires_at: started.expiresAt,
        ...(started.interval === undefined ? {} : { interval: started.interval }),
        notice: started.notice,
      });
    })
    .post("/:provider/oauth/complete", requireJson, jsonBody(oauthCompleteBody), async (c) => {
      const { state, code } = c.req.valid("json");
      const step = await connect.complete(c.req.param("provider"), state, code);
      if (step.status === "pending") {
        return c.json({ status: "pending", retry_after: Math.max(1, Math.ceil(step.retryAfterMs / 1000)) });
      }
      deps.models.connected([step.account]);
      requestLoggerOf(c).addFields({ on: step.account.id });
      return c.json({ status: "connected", account: accountView(step.account) });
    });
}
