/**
 * The path of PUBLIC_URL, under which a web server offers Kleis beside other sites. That server may forward or strip the
 * path: a request is routed alike with and without it, and every link and redirect carries it.
 */
import type { MiddlewareHandler } from "hono";
import { getPath } from "hono/utils/url";
import { publicPath } from "../base-url.ts";
import type { Config } from "../config.ts";

/** Strips the public path from a request's path, where it is there. */
export function withoutPublicPath(config: Config): (path: string) => string {
  if (publicPath(config) === "") return (path) => path;
  // As Hono reads the path of a request: decoded.
  const segments = getPath(new Request(config.PUBLIC_URL)).split("/").filter(Boolean);
  const escaped = segments.map((segment) => segment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const front = new RegExp(`^/+${escaped.join("/+")}(?=/|$)`);
  return (path) => path.replace(front, "") || "/";
}

/** Adds the public path to the redirects, links and forms of responses under `/admin`. */
export function underPublicPath(prefix: string): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const location = c.res.headers.get("location");
    if (location?.startsWith("/")) c.res.headers.set("location", prefix + location);
    if (!c.res.headers.get("content-type")?.startsWith("text/html")) return;
    const page = await c.res.text();
    // Texts and values have quotation marks as entities, so this always matches an attribute.
    c.res = new Response(page.replace(/ (href|src|action)="(?=\/)/g, ` $1="${prefix}`), c.res);
  };
}
