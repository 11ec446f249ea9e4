/** The address at which this deployment is reached, for links and snippets. */
import { type Config, isLoopback } from "./config.ts";
import type { Runtime } from "./runtime.ts";

/** `PUBLIC_URL` when it is set, otherwise the request's own origin. Forwarding headers are not trusted. */
export function baseUrlOf(config: Config, request: Request): string {
  return config.PUBLIC_URL || new URL(request.url).origin;
}

/**
 * False where the address is only the request's `Host`, which any client can make up. PUBLIC_URL is the owner's, and so is a
 * name that the adapter listens at or that its platform routes here.
 */
export function isTrustedBaseUrl(
  { config, hosts }: Pick<Runtime, "config" | "hosts">,
  request: Request,
): boolean {
  if (config.PUBLIC_URL !== "" || hosts === undefined) return true;
  const { hostname } = new URL(request.url);
  return isLoopback(hostname) || hosts.includes(hostname);
}

/** The path of PUBLIC_URL without a trailing slash; empty when there is none. */
export function publicPath({ PUBLIC_URL }: Config): string {
  return PUBLIC_URL === "" ? "" : new URL(PUBLIC_URL).pathname.replace(/\/$/, "");
}
