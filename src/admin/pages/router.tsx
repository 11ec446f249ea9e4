/**
 * The admin page: its own files, logging in and out, and the pages behind a session. Works as plain forms and links;
 * nothing on it comes from another host, and nothing that a link can open changes anything.
 */
import { Hono, type MiddlewareHandler } from "hono";
import { etag } from "hono/etag";
import { isSafe, isSameOrigin } from "../../auth/same-origin.ts";
import { baseUrlOf } from "../../base-url.ts";
import { toBase64 } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import { limitBody } from "../../http/limit-body.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import type { Logger } from "../../runtime.ts";
import { StorageError, WrongKeyError } from "../../storage/port.ts";
import { storageReason } from "../../storage/read-cache.ts";
import { VERSION } from "../../version.ts";
import { ASSETS } from "../ui/assets.gen.ts";
import { ICON_SVG } from "../ui/icons.tsx";
import { createPolicyPages } from "./accounts/policy.tsx";
import { createAccountPages, showAccounts } from "./accounts/routes.tsx";
import { createAgentPages } from "./agents/routes.tsx";
import { createConnectPages } from "./connect/routes.tsx";
import type { PageContext, PageDeps, PageEnv } from "./context.ts";
import { missing, problem } from "./error-page.tsx";
import { createImportPages } from "./import/routes.tsx";
import { createKeyPages } from "./keys/routes.tsx";
import { createLiveCheckPages } from "./live-checks/routes.tsx";
import { createLoginPages, sendToLogin, showLogin } from "./login/routes.tsx";
import { createModelPages } from "./models/routes.tsx";

const MAX_BODY_BYTES = 1024 * 1024;

export function createAdminPage(deps: PageDeps): Hono<PageEnv> {
  const { runtime, sessions } = deps;
  const app = new Hono<PageEnv>();
  serveFiles(app);
  for (const path of ["/", "/login", "/logout", "/page/*"]) {
    app.use(path, frames(deps), limitBody(MAX_BODY_BYTES, tooLarge));
  }

  const ownForms: MiddlewareHandler<PageEnv> = async (c, next) => {
    if (isSafe(c.req.method) || isSameOrigin(runtime.config, c.req.raw)) return next();
    return problem(
      c,
      403,
      "This did not come from here",
      "The request came from another site, or the address differs from PUBLIC_URL. Open the page again and repeat it.",
    );
  };
  app.use("/login", ownForms);
  app.use("/logout", ownForms);
  app.route("/", createLoginPages(deps));

  const isLive = async (c: PageContext): Promise<boolean> => {
    const is = await sessions.isLive(c.req.raw);
    if (is) requestLoggerOf(c).addFields({ by: "session" });
    return is;
  };
  app.get("/", async (c) => ((await isLive(c)) ? showAccounts(deps, c) : showLogin(deps, c, {})));
  app.use("/page/*", async (c, next) => {
    if (!(await isLive(c))) return sendToLogin(c);
    return next();
  });
  app.use("/page/*", ownForms);
  app.route("/page/accounts", createAccountPages(deps));
  app.route("/page/policy", createPolicyPages(deps));
  app.route("/page/connect", createConnectPages(deps));
  app.route("/page/import", createImportPages(deps));
  app.route("/page/keys", createKeyPages(deps));
  app.route("/page/use", createAgentPages(deps));
  app.route("/page/live-checks", createLiveCheckPages(deps));
  app.route("/page/models", createModelPages(deps));
  app.all("/page/*", (c) => missing(c, "page"));

  app.onError((error, c) => showError(runtime.logger, error, c));
  return app;
}

/** The page for an error that no route expected. */
function showError(logger: Logger, error: Error, c: PageContext): Response | Promise<Response> {
  if (error instanceof KleisError && error.code === "invalid_request") {
    return problem(
      c,
      400,
      "This form cannot be read",
      `${error.message} Go back, reload the page and send it again.`,
    );
  }
  const reason = storageReason(error);
  const { id, addFields } = requestLoggerOf(c);
  if (reason !== undefined) addFields({ reason });
  logger.error("admin_page_error", { id, error: error.name, reason });
  const cause = error instanceof KleisError ? error.cause : error;
  if (cause instanceof WrongKeyError) {
    return problem(c, 503, "The encryption key does not fit", cause.message);
  }
  if (cause instanceof StorageError && cause.lasts) {
    return problem(c, 503, "The database cannot be used", `What you asked for was not done: ${reason}.`);
  }
  if (reason !== undefined) {
    const text = `Kleis could not reach it, so nothing was changed: ${reason}. Try again in a moment.`;
    return problem(c, 503, "The database does not answer", text);
  }
  return problem(c, 500, "Something went wrong inside Kleis", "Its log says what. Try again in a moment.");
}

/** The response's frame, and the headers that hold for every page. */
function frames({ runtime }: PageDeps): MiddlewareHandler<PageEnv> {
  return async (c, next) => {
    const nonce = toBase64(runtime.random(16));
    c.set("frame", { nonce, now: runtime.clock.now(), origin: baseUrlOf(runtime.config, c.req.raw) });
    await next();
    const { headers } = c.res;
    headers.set("cache-control", "no-store");
    headers.set(
      "content-security-policy",
      `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
    // Not `no-referrer`: with that, browsers send `Origin: null` with our own forms (Fetch, "append a request Origin header").
    headers.set("referrer-policy", "same-origin");
    headers.set("x-frame-options", "DENY");
    headers.set("cross-origin-opener-policy", "same-origin");
    headers.set("cross-origin-resource-policy", "same-origin");
    headers.set("permissions-policy", "camera=(), geolocation=(), microphone=()");
  };
}

function tooLarge(c: Parameters<typeof problem>[0]) {
  return problem(
    c,
    413,
    "This is too large",
    "A credential file has a few kilobytes; this has more than 1 MiB.",
  );
}

/** Script, style and icon. Browsers revalidate their copy on each visit. */
function serveFiles(app: Hono<PageEnv>): void {
  const files: readonly [string, string, string, string][] = [
    ["/app.js", "text/javascript; charset=utf-8", ASSETS.script, ASSETS.scriptTag],
    ["/app.css", "text/css; charset=utf-8", ASSETS.style, ASSETS.styleTag],
    ["/icon.svg", "image/svg+xml", ICON_SVG, VERSION],
  ];
  for (const [path, type, text, tag] of files) {
    app.get(path, etag(), (c) =>
      c.body(text, 200, { "content-type": type, "cache-control": "no-cache", etag: `"${tag}"` }),
    );
  }
}
