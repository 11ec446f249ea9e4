/** `/admin/accounts/:provider/oauth`: starts a sign-in and takes it further. Responses hold no secret. */
import { Hono } from "hono";
import { accountView } from "../../accounts/view.ts";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import type { Peer } from "../../runtime.ts";
import { retryAfterSeconds } from "../actions/sign-in.ts";
import { type ApiDeps, auditOf } from "./context.ts";
import { oauthCompleteBody, oauthStartBody } from "./schemas.ts";

type Env = { Bindings: Peer };

export function createOauthRoutes({ providers, audit, actions: { signIn } }: ApiDeps): Hono<Env> {
  return new Hono<Env>()
    .post("/:provider/oauth/start", requireJson, jsonBody(oauthStartBody), async (c) => {
      const isLocal = c.env?.local === true;
      const started = await signIn.start(
        c.req.param("provider"),
        c.req.valid("json"),
        isLocal,
        auditOf(audit, c),
      );
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
      const step = await signIn.complete(c.req.param("provider"), c.req.valid("json"), auditOf(audit, c));
      return step.status === "pending"
        ? c.json({ status: "pending", retry_after: retryAfterSeconds(step) })
        : c.json({ status: "connected", account: accountView(step.account, providers) });
    });
}
