/** Reads a request's body before its handler does: within a limit, and completely or not at all. */
import type { Context, MiddlewareHandler } from "hono";
import { readBytes } from "../bytes.ts";
import { KleisError } from "../errors.ts";

/**
 * `tooLarge` responds to a body of more than `maxBytes`. Throws `invalid_request` for one that breaks off or is shorter than
 * announced.
 */
export function limitBody(
  maxBytes: number,
  tooLarge: (c: Context) => Response | Promise<Response>,
): MiddlewareHandler {
  return async (c, next) => {
    const { raw } = c.req;
    if (raw.body === null) return next();
    if (Number(raw.headers.get("content-length") ?? 0) > maxBytes) return tooLarge(c);
    const { bytes, isCut } = await readBytes(raw.body.getReader(), maxBytes).catch((cause: unknown) => {
      if (cause instanceof KleisError) throw cause;
      throw new KleisError("invalid_request", "The request body broke off. Send it again.", { cause });
    });
    if (isCut) return tooLarge(c);
    c.req.raw = new Request(raw, { body: bytes });
    return next();
  };
}
