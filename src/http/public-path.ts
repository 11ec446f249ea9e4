/**
 * The path of PUBLIC_URL, under which a web server offers Kleis beside others. That server may pass the path on or strip
 * it: a request is routed alike with and without, and everything that a browser is sent back to carries it.
 */
import type { MiddlewareHandler } from "hono";
import { getPath } from "hono/utils/url";
import { publicPath } from "../base-url.ts";
import type { Config } from "../config.ts";

/** Takes the public path off the front of a request's path, where it is there. */
export function withoutPublicPath(config: Config): (path: string) => string {
  if (publicPath(config) === "") return (path) => path;
  // As Hono reads the path of a request: decoded.
  const segments = getPath(new Request(config.PUBLIC_URL)).split("/").filter(Boolean);
  const escaped = segments.map((segment) => segment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const front = new RegExp(`^/+${escaped.join("/+")}(?=/|$)`);
  return (path) => path.replace(front, "") || "/";
}

/** Has the answers under `/admin` lead to the public path: redirects, and the links and forms of pages. */
export function underPublicPath(prefix: string): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const location = c.res.headers.get("location");
    if (location?.startsWith("/")) c.res.headers.set("location", prefix + location);
    if (!c.res.headers.get("content-type")?.startsWith("text/html")) return;
    const page = await c.res.text();
    // In texts and values a quotation mark is written as an entity, so that this is always an attribute's own.
    c.res = new Response(page.replace(/ (href|src|action)="(?=\/)/g, ` $1="${prefix}`), c.res);
  };
}
