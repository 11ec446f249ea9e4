/** The address at which this deployment is reached, for links and snippets. */
import { type Config, isLoopback } from "./config.ts";
import type { Runtime } from "./runtime.ts";

/** `PUBLIC_URL` when it is set, else the request's own origin. Forwarding headers are not trusted. */
export function baseUrlOf(config: Config, request: Request): string {
  return config.PUBLIC_URL || new URL(request.url).origin;
}

/**
 * False where the address is only what the request's `Host` says, which anybody may make up: PUBLIC_URL is the owner's,
 * and so is a name that the door listens at, or that its platform leads here by.
 */
export function isTrustedBaseUrl(
  { config, hosts }: Pick<Runtime, "config" | "hosts">,
  request: Request,
): boolean {
  if (config.PUBLIC_URL !== "" || hosts === undefined) return true;
  const { hostname } = new URL(request.url);
  return isLoopback(hostname) || hosts.includes(hostname);
}

/** The path of PUBLIC_URL, without a slash at its end; empty when there is none. */
export function publicPath({ PUBLIC_URL }: Config): string {
  return PUBLIC_URL === "" ? "" : new URL(PUBLIC_URL).pathname.replace(/\/$/, "");
}
