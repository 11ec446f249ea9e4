/** Lets in whoever brings ADMIN_TOKEN, or a session that the caller vouches for; an issued key never. */
import type { MiddlewareHandler } from "hono";
import { KleisError } from "../../errors.ts";

export interface AdminAuthOptions {
  /** `ADMIN_TOKEN`. */
  token: string;
  /** Whether a request without the token belongs to a session of the admin page (cookie and origin checked there). */
  session?: (request: Request) => boolean | Promise<boolean>;
}

/** RFC 9110 §11.1: the scheme is case-insensitive; RFC 6750 §2.1: one space, then the token. */
const BEARER = /^bearer +(\S+) *$/i;

/** Throws `KleisError("admin_unauthorized")` unless the request may use the admin API. */
export function createAdminAuth({ token, session }: AdminAuthOptions): MiddlewareHandler {
  return async ({ req }, next) => {
    const header = req.header("authorization");
    const sent = header === undefined ? undefined : BEARER.exec(header)?.[1];
    // A request that brings a credential is judged by it alone.
    const admitted =
      header === undefined ? await session?.(req.raw) : sent !== undefined && (await sameSecret(sent, token));
    if (admitted !== true) throw unauthorized();
    await next();
  };
}

/** Compares two secrets in a time that depends on neither: every byte of both digests is looked at. */
export async function sameSecret(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([digest(a), digest(b)]);
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= left[i]! ^ right[i]!;
  return difference === 0;
}

async function digest(value: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value)));
}

function unauthorized(): KleisError {
  return new KleisError(
    "admin_unauthorized",
    "The admin API needs Authorization: Bearer <ADMIN_TOKEN>. An issued key does not open it.",
    { headers: { "www-authenticate": 'Bearer realm="kleis-admin"', "x-should-retry": "false" } },
  );
}
