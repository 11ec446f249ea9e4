/**
 * Guards everything under `/admin`, page and API: requests are served only under Kleis's own host names, so that a web page
 * whose name was pointed at this machine (DNS rebinding) gets nothing.
 */
import type { MiddlewareHandler } from "hono";
import { isLoopback } from "../config.ts";
import { KleisError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";

const NOT_HERE = new KleisError(
  "not_found",
  "Kleis does not serve its admin pages under this name. Open it as localhost or by its IP address, or set PUBLIC_URL to the address it is reached at (a web server in between must pass the Host header on).",
);

export function hostGuard({ config, hosts }: Pick<Runtime, "config" | "hosts">): MiddlewareHandler {
  const outside = config.PUBLIC_URL === "" ? null : new URL(config.PUBLIC_URL);
  const isOwnName = (name: string) =>
    hosts === undefined ||
    isLoopback(name) ||
    isAddress(name) ||
    hosts.includes(name) ||
    name === outside?.hostname;

  return async (c, next) => {
    if (!isOwnName(new URL(c.req.url).hostname)) throw NOT_HERE;
    return next();
  };
}

/** Whether a URL's host is an IP address, which DNS cannot point elsewhere. */
function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname);
}
