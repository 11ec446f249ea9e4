/** The address at which this deployment is reached, for links and snippets. */
import type { Config } from "../config.ts";

/** `PUBLIC_URL` when it is set, else the request's own origin. Forwarding headers are not trusted. */
export function originOf(config: Config, request: Request): string {
  return config.PUBLIC_URL || new URL(request.url).origin;
}
