/** What no request of Kleis's may carry to any provider: traces of the client, of the host it runs on, of its key. */
import type { RecordedRequest } from "./server.ts";

const LEAKING_NAMES =
  /^(cf-.*|x-forwarded-.*|x-vercel-.*|x-kleis-.*|forwarded|x-real-ip|via|cookie|origin|referer)$/;

/** Session ids that Kleis derives for an upstream look like its keys but are hashes (providers/codex.md §2.1). */
const SESSION_NAMES =
  /^(session[-_]id|x-session-id|x-session-affinity|thread-id|conversation_id|x-client-request-id)$/;
const DERIVED_SESSION = /^kleis_[0-9a-f]{48}$/;

/** Names the first header that must not be there; null when the request is clean. */
export function findLeak({ headers }: RecordedRequest): string | null {
  for (const [name, value] of Object.entries(headers)) {
    if (LEAKING_NAMES.test(name)) return name;
    if (SESSION_NAMES.test(name) && DERIVED_SESSION.test(value)) continue;
    if (value.includes("kleis_")) return `${name} (a Kleis key)`;
  }
  const encoding = headers["accept-encoding"];
  if (encoding !== undefined && encoding !== "identity") return "accept-encoding";
  return null;
}

/** True when the caller gives its own name. */
export function isOwnAgent({ headers }: RecordedRequest): boolean {
  return /^kleis\/\d/.test(headers["user-agent"] ?? "");
}

/** The token of an `Authorization: Bearer` header; null when there is none. */
export function bearerOf({ headers }: RecordedRequest): string | null {
  return /^Bearer (\S+)$/.exec(headers.authorization ?? "")?.[1] ?? null;
}
