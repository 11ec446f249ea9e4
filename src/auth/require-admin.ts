/** Admits ADMIN_TOKEN and sessions that the caller vouches for; never an issued key. */
import type { MiddlewareHandler } from "hono";
import { KleisError } from "../errors.ts";
import { requestLoggerOf } from "../log/request-logger.ts";
import type { Peer } from "../runtime.ts";
import { type LoginGuard, tooManyAttempts } from "./login-guard.ts";
import { timingSafeEqual } from "./timing-safe-equal.ts";

export interface AdminAuthOptions {
  /** `ADMIN_TOKEN`. */
  token: string;
  /** Checks tokens of requests and slows down wrong ones. */
  guard: LoginGuard;
  /** Whether a request without the token belongs to a session of the admin page (cookie and origin checked there). */
  session?: (request: Request) => boolean | Promise<boolean>;
}

const ISSUED_KEY = /^kleis_[\w-]{43}$/;
/** RFC 9110 §11.1: the scheme is case-insensitive; RFC 6750 §2.1: one space, then the token. */
const BEARER = /^bearer +(\S+) *$/i;

/** Throws `KleisError("admin_unauthorized")` unless the request may use the admin API. */
export function createAdminAuth({
  token,
  guard,
  session,
}: AdminAuthOptions): MiddlewareHandler<{ Bindings: Peer }> {
  async function isRight(sent: string, peer: Peer | undefined): Promise<boolean> {
    // An issued key in the wrong place is not an attempt at the token.
    if (ISSUED_KEY.test(sent)) return timingSafeEqual(sent, token);
    const outcome = await guard(sent, peer?.source);
    if (outcome.status === "wait") throw tooManyAttempts(outcome.seconds);
    return outcome.status === "right";
  }

  return async (c, next) => {
    const { req, env } = c;
    const header = req.header("authorization");
    const sent = header === undefined ? undefined : BEARER.exec(header)?.[1];
    // A request with a credential is judged by that credential alone.
    const admitted =
      header === undefined ? await session?.(req.raw) : sent !== undefined && (await isRight(sent, env));
    const { addFields } = requestLoggerOf(c);
    if (admitted !== true) {
      addFields({ reason: header === undefined ? "no token and no session" : reasonOf(sent) });
      throw unauthorized();
    }
    addFields({ by: header === undefined ? "session" : "admin token" });
    await next();
  };
}

function reasonOf(sent: string | undefined): string {
  if (sent === undefined) return "not a bearer";
  return ISSUED_KEY.test(sent) ? "an issued key" : "wrong bearer";
}

function unauthorized(): KleisError {
  return new KleisError(
    "admin_unauthorized",
    "The admin API needs Authorization: Bearer <ADMIN_TOKEN>. An issued key does not open it.",
    { headers: { "www-authenticate": 'Bearer realm="kleis-admin"', "x-should-retry": "false" } },
  );
}
