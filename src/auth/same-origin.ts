/** Whether a browser's request comes from our own page: asked of everything that a cookie alone would open. */

import { baseUrlOf } from "../base-url.ts";
import type { Config } from "../config.ts";

/**
 * A state-changing request of our own page carries `Origin` and, where the browser knows it, `Sec-Fetch-Site:
 * same-origin` (Fetch Metadata). One that has neither, or another's, is refused.
 */
export function isSameOrigin(config: Config, request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") return false;
  const origin = request.headers.get("origin");
  if (origin === null || !URL.canParse(origin)) return false;
  const own = new URL(request.url);
  if (origin === own.origin || origin === new URL(baseUrlOf(config, request)).origin) return true;
  // Behind whatever ends TLS the request arrives as http, while the browser saw https at the same host.
  return own.protocol === "http:" && origin === `https://${own.host}`;
}

/** True for a method that changes nothing (RFC 9110 §9.2.1). */
export function isSafe(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** Whether the browser reached us encrypted, as far as its own words and our address tell. */
export function isEncrypted(config: Config, request: Request): boolean {
  const origin = request.headers.get("origin") ?? baseUrlOf(config, request);
  return origin.startsWith("https:");
}
