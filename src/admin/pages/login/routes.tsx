/** Login with the admin token, and logout, as forms or as JSON. */
import { Hono } from "hono";
import { createLoginGuard } from "../../../auth/login-guard.ts";
import { isEncrypted } from "../../../auth/same-origin.ts";
import { SESSION_MS } from "../../../auth/session.ts";
import { isLoopback } from "../../../config.ts";
import { isObject, parseJson, text } from "../../../json.ts";
import { requestLoggerOf } from "../../../log/request-logger.ts";
import { plainValue } from "../../../variables.ts";
import { PATH } from "../../ui/layout.tsx";
import { fieldsOf, type PageContext, type PageDeps, type PageEnv, render } from "../context.ts";
import { LoginPage } from "./page.tsx";

export const WRONG_TOKEN =
  "This is not the admin token. Copy all of it, from the first start’s output or from the secrets file.";

export function tooManyAttemptsText(seconds: number): string {
  return `Too many wrong attempts. Wait ${seconds} s, then try again.`;
}

interface LoginState {
  next?: string | undefined;
  error?: string | undefined;
  status?: 401 | 429;
}

export function showLogin(
  { runtime, sessions }: PageDeps,
  c: PageContext,
  { next = nextOf(c.req.query("next")), error, status }: LoginState,
): Response | Promise<Response> {
  const isOut = c.req.query("out") !== undefined;
  const notice = isOut
    ? { tone: "good" as const, text: "You are logged out." }
    : error === undefined && sessions.hasCookie(c.req.raw)
      ? { tone: "bad" as const, text: "Your session has ended. Log in again." }
      : undefined;
  const isSafe = isEncrypted(runtime.config, c.req.raw) || isLoopback(new URL(c.req.url).hostname);
  return render(
    c,
    <LoginPage frame={c.get("frame")} next={next} notice={notice} error={error} isSafe={isSafe} />,
    status ?? 200,
  );
}

/** Redirects to the login, which leads back to the requested page. */
export function sendToLogin(c: PageContext): Response {
  const path = c.req.path + new URL(c.req.url).search;
  const next = c.req.method === "GET" ? `?next=${encodeURIComponent(path)}` : "";
  return c.redirect(PATH.accounts + next, 303);
}

export function createLoginPages(deps: PageDeps): Hono<PageEnv> {
  const { runtime, sessions } = deps;
  const guard = createLoginGuard(runtime);
  const app = new Hono<PageEnv>();

  app.post("/login", async (c) => {
    const isJson = (c.req.header("content-type") ?? "").startsWith("application/json");
    const { token = "", next: requested } = isJson ? jsonFields(await c.req.text()) : await fieldsOf(c);
    const outcome = await guard(plainValue(token), c.env?.source);
    if (outcome.status === "right") {
      requestLoggerOf(c).addFields({ by: "admin token" });
      c.header("set-cookie", await sessions.open(isEncrypted(runtime.config, c.req.raw)));
      deps.audit.of(c, "admin token")({ action: "session.open" });
      runtime.logger.info("admin_login");
      if (isJson) return c.json({ expires_at: c.get("frame").now + SESSION_MS });
      return c.redirect(nextOf(requested) ?? PATH.accounts, 303);
    }
    const isSlow = outcome.status === "wait";
    const text = isSlow ? tooManyAttemptsText(outcome.seconds) : WRONG_TOKEN;
    const { id, addFields } = requestLoggerOf(c);
    addFields({ code: isSlow ? "too_many_tries" : "admin_unauthorized" });
    runtime.logger.warn("admin_login_refused", { id, reason: outcome.status });
    if (isSlow) c.header("retry-after", String(outcome.seconds));
    const status = isSlow ? 429 : 401;
    if (isJson) {
      return c.json(
        { error: { message: text, type: "invalid_request_error", param: null, code: "admin_unauthorized" } },
        status,
      );
    }
    return showLogin(deps, c, { next: nextOf(requested), error: text, status });
  });

  app.post("/logout", async (c) => {
    const isJson = (c.req.header("accept") ?? "").startsWith("application/json");
    const isOpen = await sessions.isLive(c.req.raw);
    for (const cookie of await sessions.close(c.req.raw)) c.header("set-cookie", cookie, { append: true });
    if (isOpen) deps.audit.of(c, "session")({ action: "session.close" });
    return isJson ? c.json({ status: "logged_out" }) : c.redirect(`${PATH.accounts}?out`, 303);
  });
  return app;
}

function jsonFields(source: string): { token?: string; next?: undefined } {
  const body = parseJson(source);
  const token = isObject(body) ? text(body.token) : undefined;
  return token === undefined ? {} : { token };
}

/** The path if it is a page of ours: `next` comes from outside and must not lead anywhere else. */
function nextOf(path: string | undefined): string | undefined {
  return path !== undefined && /^\/admin\/page\/[\w/?=&%.-]*$/.test(path) && !path.includes("//")
    ? path
    : undefined;
}
