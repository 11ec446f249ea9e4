/** Headers on every response: browsers must not guess its type, and must stay on HTTPS. */
import type { MiddlewareHandler } from "hono";
import type { Runtime } from "../runtime.ts";

/** A year, seconds (RFC 6797 §6.1.1). */
const HSTS = "max-age=31536000";

/** Mounted before every route. Changes headers only, so that bodies stream on as they are. */
export function securityHeaders({ config }: Pick<Runtime, "config">): MiddlewareHandler {
  const isPublicEncrypted = config.PUBLIC_URL.startsWith("https:");
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    headers.set("x-content-type-options", "nosniff");
    if (isPublicEncrypted || c.req.url.startsWith("https:")) headers.set("strict-transport-security", HSTS);
  };
}
