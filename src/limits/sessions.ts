/** Which account serves a session since it moved. In memory only: every process picks the same next account by itself. */
import { sha256Hex } from "../bytes.ts";
import { isObject, type JsonObject, parseJson, text } from "../json.ts";
import { MESSAGES_SESSION } from "../protocols/wire-names.ts";

export interface Sessions {
  /** The account that the session moved to; null where it did not move. */
  boundTo(session: string | null): string | null;
  /** The session is served by another account than usual from now on. */
  bind(session: string | null, accountId: string): void;
}

const CAPACITY = 10_000;
const IDLE_MS = 60 * 60_000;

export function createSessions({ now }: { now(): number }): Sessions {
  /** Least recently used first. */
  const bindings = new Map<string, { readonly accountId: string; readonly usedAt: number }>();

  function touch(session: string, accountId: string): void {
    bindings.delete(session);
    bindings.set(session, { accountId, usedAt: now() });
    const oldest = bindings.keys().next().value;
    if (bindings.size > CAPACITY && oldest !== undefined) bindings.delete(oldest);
  }

  return {
    boundTo(session) {
      const found = session === null ? undefined : bindings.get(session);
      if (session === null || found === undefined) return null;
      if (now() - found.usedAt >= IDLE_MS) {
        bindings.delete(session);
        return null;
      }
      touch(session, found.accountId);
      return found.accountId;
    },
    bind(session, accountId) {
      if (session !== null) touch(session, accountId);
    },
  };
}

/** Further headers in which agents name their session, the most telling first. */
const HEADERS = ["session-id", "session_id", "x-session-id", "x-session-affinity"];

/** What a request says about its session. */
export interface SessionSource {
  readonly keyId: string;
  readonly provider: string;
  readonly headers: Headers;
  /** The members of the body that may name it. */
  readonly userId: string | null;
  readonly cacheKey: string | null;
}

/** The members of a body that may name its session. */
export function sessionMembers({
  metadata,
  prompt_cache_key: cacheKey,
}: JsonObject): Pick<SessionSource, "userId" | "cacheKey"> {
  const userId = isObject(metadata) ? text(metadata.user_id) : undefined;
  return { userId: userId ?? null, cacheKey: text(cacheKey) ?? null };
}

/** A name for the session, as a hash; null where the request names none. Prompts are not looked at. */
export async function sessionOf(source: SessionSource): Promise<string | null> {
  const { keyId, provider, headers, userId, cacheKey } = source;
  const named = [
    headers.get(MESSAGES_SESSION),
    sessionInUserId(userId),
    ...HEADERS.map((name) => headers.get(name)),
    cacheKey,
  ];
  const name = named.find((each) => each !== null && each !== "");
  if (name === undefined || name === null) return null;
  return (await sha256Hex(JSON.stringify([keyId, provider, name]))).slice(0, 32);
}

/** Claude Code writes `user_…_account_…_session_<uuid>`, newer versions JSON with a `session_id`. */
function sessionInUserId(userId: string | null): string | null {
  if (userId === null) return null;
  const value = parseJson(userId);
  if (isObject(value)) return text(value.session_id) ?? null;
  return /_session_([\w-]{8,})$/.exec(userId)?.[1] ?? null;
}
