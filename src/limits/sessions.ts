/** Which account serves a session since it moved. In memory only: every process picks the same next account by itself. */
import { sha256Hex } from "../bytes.ts";
import { isObject, type JsonObject, parseJson, text } from "../json.ts";
import { MESSAGES_SESSION } from "../protocols/wire-names.ts";
import type { Clock } from "../runtime.ts";

export interface Sessions {
  /** The account that the session moved to; null where it did not move. */
  boundTo(session: string | null): string | null;
  /** The account that served the session last; null where that is not known. */
  lastServer(session: string | null): string | null;
  /** An account has served the session. `moved`: it is not the one that serves as long as nothing is limited. */
  served(session: string | null, accountId: string, moved: boolean): void;
}

const CAPACITY = 10_000;
const IDLE_MS = 60 * 60_000;

interface Known {
  readonly accountId: string;
  readonly moved: boolean;
  /** Epoch ms. */
  readonly usedAt: number;
}

export function createSessions(clock: Pick<Clock, "now">): Sessions {
  /** Least recently used first. */
  const sessions = new Map<string, Known>();

  function knownOf(session: string | null): Known | null {
    const known = session === null ? undefined : sessions.get(session);
    if (session === null || known === undefined) return null;
    if (clock.now() - known.usedAt < IDLE_MS) return known;
    sessions.delete(session);
    return null;
  }

  return {
    boundTo(session) {
      const known = knownOf(session);
      return known?.moved ? known.accountId : null;
    },
    lastServer: (session) => knownOf(session)?.accountId ?? null,
    served(session, accountId, moved) {
      if (session === null) return;
      sessions.delete(session);
      sessions.set(session, { accountId, moved, usedAt: clock.now() });
      const oldest = sessions.keys().next().value;
      if (sessions.size > CAPACITY && oldest !== undefined) sessions.delete(oldest);
    },
  };
}

/** Further headers in which agents name their session, the most telling first. */
const HEADERS = ["session-id", "session_id", "x-session-id", "x-session-affinity"];

/** The members of a body that may name its session. */
export interface SessionMembers {
  readonly userId: string | null;
  readonly cacheKey: string | null;
}

/** What a request says about its session. */
export interface SessionSource extends SessionMembers {
  readonly keyId: string;
  readonly provider: string;
  readonly headers: Headers;
}

export function sessionMembers({ metadata, prompt_cache_key: cacheKey }: JsonObject): SessionMembers {
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
