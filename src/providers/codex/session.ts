/** The session a request belongs to, as the backend sees it: its prompt cache follows this id (providers/codex.md §2.1, §6.3). */
import { type JsonObject, text } from "../../json.ts";
import { SESSION_HEADERS } from "./profile.ts";

/** The client's own session id: the body's cache key, else a header; undefined when it names none. */
export function clientSession(body: JsonObject, headers: Headers): string | undefined {
  const named = text(body.prompt_cache_key);
  if (named !== undefined) return named;
  for (const name of SESSION_HEADERS) {
    const value = headers.get(name);
    if (value) return value;
  }
  return undefined;
}

/**
 * The id that goes upstream: `kleis_` and 48 hex digits, the same for every request of one session, and different for
 * every issued key and account, so that neither tenants nor accounts share a cache.
 */
export async function upstreamSession(keyId: string, accountId: string, session: string): Promise<string> {
  const source = new TextEncoder().encode(JSON.stringify([keyId, accountId, session]));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", source));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `kleis_${hex.slice(0, 48)}`;
}
