/** The JSON admin API, mounted at `/admin`. Guards its own paths only; the admin page has guards of its own. */
import { Hono, type MiddlewareHandler } from "hono";
import { createLoginGuard, HEADER_LIMITS } from "../../auth/login-guard.ts";
import { createAdminAuth } from "../../auth/require-admin.ts";
import { KleisError } from "../../errors.ts";
import { errorResponse } from "../../http/error-response.ts";
import { limitBody } from "../../http/limit-body.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import { reportFailure } from "../errors.ts";
import { createAccountRoutes } from "./accounts.ts";
import { createAuditRoutes } from "./audit.ts";
import type { ApiDeps } from "./context.ts";
import { createKeyRoutes } from "./keys.ts";
import { createLiveCheckRoutes } from "./live-checks.ts";
import { createCustomModelRoutes } from "./models.ts";
import { createProviderRoutes } from "./providers.ts";
import { createExplainRoutes, createRequestRoutes } from "./requests.ts";
import { createOauthRoutes } from "./sign-in.ts";

const MAX_BODY_BYTES = 1024 * 1024;

const noStore: MiddlewareHandler = async (c, next) => {
  await next();
  c.res.headers.set("cache-control", "no-store");
};

const limit = limitBody(MAX_BODY_BYTES, () => {
  throw new KleisError("request_too_large", "The request body is larger than 1 MiB.");
});

export function createAdminRoutes(deps: ApiDeps): Hono {
  const { runtime, session } = deps;
  const auth = createAdminAuth({
    token: runtime.config.ADMIN_TOKEN,
    guard: createLoginGuard(runtime, HEADER_LIMITS),
    ...(session === undefined ? {} : { session }),
  });
  const app = new Hono();
  app.onError((error, c) =>
    errorResponse(reportFailure(c, runtime.logger, error), "chat", requestLoggerOf(c).id),
  );
  for (const path of [
    "/accounts/*",
    "/audit/*",
    "/explain/*",
    "/keys/*",
    "/live-checks/*",
    "/models/*",
    "/providers/*",
    "/requests/*",
  ])
    app.use(path, noStore, auth, limit);
  app.route("/accounts", createAccountRoutes(deps));
  app.route("/accounts", createOauthRoutes(deps));
  app.route("/audit", createAuditRoutes(deps));
  app.route("/explain", createExplainRoutes(deps));
  app.route("/keys", createKeyRoutes(deps));
  app.route("/live-checks", createLiveCheckRoutes(deps));
  app.route("/models", createCustomModelRoutes(deps));
  app.route("/providers", createProviderRoutes(deps));
  app.route("/requests", createRequestRoutes(deps));
  return app;
}
