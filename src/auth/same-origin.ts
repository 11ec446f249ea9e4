/** Whether a browser's request comes from Kleis's own page: checked wherever a cookie alone would be enough. */

import { baseUrlOf } from "../base-url.ts";
import type { Config } from "../config.ts";

/**
 * A state-changing request of Kleis's own page carries `Origin` and, where the browser knows it, `Sec-Fetch-Site:
 * same-origin` (Fetch Metadata). One that has neither, or another's, is refused.
 */
export function isSameOrigin(config: Config, request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") return false;
  const origin = request.headers.get("origin");
  if (origin === null || !URL.canParse(origin)) return false;
  const own = new URL(request.url);
  if (origin === own.origin || origin === new URL(baseUrlOf(config, request)).origin) return true;
  // A TLS-terminating proxy forwards http, while the browser saw https at the same host.
  return own.protocol === "http:" && origin === `https://${own.host}`;
}

/** True for a method that changes nothing (RFC 9110 §9.2.1). */
export function isSafe(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** Whether the browser used https, as far as its headers and the configured address show. */
export function isEncrypted(config: Config, request: Request): boolean {
  const origin = request.headers.get("origin") ?? baseUrlOf(config, request);
  return origin.startsWith("https:");
}
