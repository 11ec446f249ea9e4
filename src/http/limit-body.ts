/** Reads the body of a request before its handler does: within a limit, and whole or not at all. */
import type { Context, MiddlewareHandler } from "hono";
import { joinBytes } from "../bytes.ts";
import { KleisError } from "../errors.ts";

/**
 * `tooLarge` answers a body of more than `maxBytes`. One that breaks off, or is shorter than announced, is the client's
 * fault: throws `invalid_request`.
 */
export function limitBody(
  maxBytes: number,
  tooLarge: (c: Context) => Response | Promise<Response>,
): MiddlewareHandler {
  return async (c, next) => {
    const { raw } = c.req;
    if (raw.body === null) return next();
    if (Number(raw.headers.get("content-length") ?? 0) > maxBytes) return tooLarge(c);
    const reader = raw.body.getReader();
    const parts: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        if (cause instanceof KleisError) throw cause;
        throw new KleisError("invalid_request", "The request body broke off. Send it again.", { cause });
      });
      if (done) break;
      length += value.length;
      if (length > maxBytes) {
        reader.cancel().catch(() => {});
        return tooLarge(c);
      }
      parts.push(value);
    }
    c.req.raw = new Request(raw, { body: joinBytes(parts, length) });
    return next();
  };
}
