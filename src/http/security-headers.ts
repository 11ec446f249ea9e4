/** What holds for every answer, whoever made it: a browser takes no content for another kind, and stays encrypted. */
import type { MiddlewareHandler } from "hono";
import type { Runtime } from "../runtime.ts";

/** A year, seconds (RFC 6797 §6.1.1). */
const HSTS = "max-age=31536000";

/** Stands before every route. Touches headers alone, so that bodies stream on as they are. */
export function securityHeaders({ config }: Pick<Runtime, "config">): MiddlewareHandler {
  const isPublicEncrypted = config.PUBLIC_URL.startsWith("https:");
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    headers.set("x-content-type-options", "nosniff");
    if (isPublicEncrypted || c.req.url.startsWith("https:")) headers.set("strict-transport-security", HSTS);
  };
}
