/** Every mounted route and what it takes to use it. A route that is not here fails `routes.test.ts`. */

/**
 * `open`: anybody. `key`: a live issued key that may use what is asked for. `admin`: the admin token, or a session from
 * our own page. `session`: a session. `form`: a session, from our own page. `login`: our own page. `refusing`: answers
 * every method that has no handler with a refusal. `before`: stands before other routes and answers nothing itself.
 */
export type Authority = "open" | "key" | "admin" | "session" | "form" | "login" | "refusing" | "before";

const OPERATIONS = ["/chat/completions", "/responses", "/messages", "/messages/count_tokens"];

const CLIENT_ROUTES: [string, Authority][] = ["/v1", "/codex/v1", "/claude/v1", "/copilot/v1"].flatMap(
  (prefix): [string, Authority][] => [
    ...OPERATIONS.flatMap((path): [string, Authority][] => [
      [`POST ${prefix}${path}`, "key"],
      [`ALL ${prefix}${path}`, "refusing"],
    ]),
    [`GET ${prefix}/models`, "key"],
    [`GET ${prefix}/models/*`, "key"],
  ],
);

export const AUTHORITY: ReadonlyMap<string, Authority> = new Map<string, Authority>([
  ["GET /", "open"],
  ["GET /api/hello", "open"],
  // With `?deep`, the admin token: shown in tests/conformance/cases/health.ts.
  ["GET /healthz", "open"],
  ...CLIENT_ROUTES,
  // The general registry, and one key's own behind its discovery token.
  ["GET /models/*", "open"],

  ["ALL /*", "before"],
  // What is running when the process ends is told so.
  ["ALL /healthz", "before"],
  ["ALL /models/*", "before"],
  ["ALL /v1/models/*", "before"],
  ["ALL /:provider/v1/models/*", "before"],
  ["ALL /admin/*", "before"],
  ["ALL /admin", "before"],
  ["ALL /admin/login", "before"],
  ["ALL /admin/logout", "before"],
  ["ALL /admin/page/*", "before"],
  ["ALL /admin/accounts/*", "before"],
  ["ALL /admin/audit/*", "before"],
  ["ALL /admin/explain/*", "before"],
  ["ALL /admin/keys/*", "before"],
  ["ALL /admin/providers/*", "before"],
  ["ALL /admin/requests/*", "before"],
  ["ALL /admin/live-checks/*", "before"],
  ["ALL /admin/models/*", "before"],

  ["GET /admin/app.js", "open"],
  ["GET /admin/app.css", "open"],
  ["GET /admin/icon.svg", "open"],
  // Without a session it is the form to log in with.
  ["GET /admin", "open"],
  ["GET /admin/", "open"],
  ["POST /admin/login", "login"],
  ["POST /admin/logout", "login"],

  ["POST /admin/page/accounts/:id/primary", "form"],
  ["POST /admin/page/accounts/:id/refresh", "form"],
  ["POST /admin/page/accounts/:id/uncool", "form"],
  ["POST /admin/page/accounts/:id/enable", "form"],
  ["POST /admin/page/accounts/:id/disable", "form"],
  ["POST /admin/page/accounts/:id/remove", "form"],
  ["GET /admin/page/accounts/:id/rename", "session"],
  ["POST /admin/page/accounts/:id/rename", "form"],
  ["GET /admin/page/accounts/:id/remove", "session"],
  ["GET /admin/page/policy/:provider", "session"],
  ["POST /admin/page/policy/:provider", "form"],
  ["GET /admin/page/connect/:provider", "session"],
  ["POST /admin/page/connect/:provider/start", "form"],
  ["POST /admin/page/connect/:provider/check", "form"],
  ["POST /admin/page/connect/:provider/finish", "form"],
  ["GET /admin/page/import", "session"],
  ["POST /admin/page/import", "form"],
  ["GET /admin/page/keys", "session"],
  ["GET /admin/page/keys/new", "session"],
  ["POST /admin/page/keys", "form"],
  ["POST /admin/page/keys/:id/reveal", "form"],
  ["GET /admin/page/keys/:id/revoke", "session"],
  ["POST /admin/page/keys/:id/revoke", "form"],
  ["GET /admin/page/use", "session"],
  ["POST /admin/page/use", "form"],
  ["POST /admin/page/use/test", "form"],
  ["GET /admin/page/live-checks", "session"],
  ["POST /admin/page/live-checks", "form"],
  ["GET /admin/page/models", "session"],
  ["POST /admin/page/models/refresh", "form"],
  ["GET /admin/page/models/new", "session"],
  ["GET /admin/page/models/change", "session"],
  ["GET /admin/page/models/remove", "session"],
  ["POST /admin/page/models", "form"],
  ["POST /admin/page/models/remove", "form"],

  ["GET /admin/accounts", "admin"],
  ["POST /admin/accounts/import", "admin"],
  ["POST /admin/accounts/:id/primary", "admin"],
  ["POST /admin/accounts/:id/refresh", "admin"],
  ["POST /admin/accounts/:id/uncool", "admin"],
  ["PATCH /admin/accounts/:id", "admin"],
  ["DELETE /admin/accounts/:id", "admin"],
  ["POST /admin/accounts/:provider/oauth/start", "admin"],
  ["POST /admin/accounts/:provider/oauth/complete", "admin"],
  ["GET /admin/audit", "admin"],
  ["POST /admin/explain", "admin"],
  ["GET /admin/providers", "admin"],
  ["PATCH /admin/providers/:id", "admin"],
  ["GET /admin/requests", "admin"],
  ["GET /admin/requests/:id", "admin"],
  ["GET /admin/keys", "admin"],
  ["PATCH /admin/keys/:id", "admin"],
  ["POST /admin/keys", "admin"],
  ["POST /admin/keys/:id/revoke", "admin"],
  ["POST /admin/keys/:id/reveal", "admin"],
  ["GET /admin/live-checks", "admin"],
  ["POST /admin/live-checks", "admin"],
  ["GET /admin/models", "admin"],
  ["PUT /admin/models", "admin"],
  ["POST /admin/models/refresh", "admin"],
]);

export interface Route {
  readonly method: string;
  /** With its parameters filled in by what exists. */
  readonly path: string;
  readonly name: string;
}

/** The routes with this authority, ready to be called. */
export function routesWith(authority: Authority, ids: { account: string; key: string }): Route[] {
  return [...AUTHORITY]
    .filter(([, wanted]) => wanted === authority)
    .map(([name]) => {
      const [method = "", pattern = ""] = name.split(" ");
      const id = pattern.includes("/keys/") ? ids.key : ids.account;
      const path = pattern
        .replace(":id", id)
        .replace(":provider", "claude")
        .replace("/models/*", "/models/claude-sonnet-5");
      return { method, path, name };
    });
}
