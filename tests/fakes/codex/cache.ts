/**
 * Whether the ChatGPT backend's prompt cache knows a request (`providers/codex.md` §2.1). It refuses no session id, but
 * counts nothing as cached where key and session are not one UUIDv7 with a plausible time.
 */
import { type Dict, stringOf } from "../inspect.ts";
import type { RecordedRequest } from "../server.ts";

/** What a turn has of its 120 input tokens in the cache when its session has been there before. */
export const CACHED_TOKENS = 80;

const UUID_V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const EARLIEST = Date.UTC(2020, 0, 1);
const DAY_MS = 24 * 3_600_000;

export interface PromptCache {
  /** How many tokens of this turn were cached; from now on the account's cache holds its session. */
  cachedTokens(request: RecordedRequest, body: Dict): number;
}

export function createPromptCache(now: () => number): PromptCache {
  const held = new Set<string>();
  return {
    cachedTokens(request, body) {
      const key = stringOf(body.prompt_cache_key);
      const [, high = "", low = ""] = UUID_V7.exec(key) ?? [];
      const time = Number.parseInt(high + low, 16);
      const isPlausible = time >= EARLIEST && time <= now() + DAY_MS;
      if (!isPlausible || request.headers["session-id"] !== key) return 0;
      const name = `${request.headers["chatgpt-account-id"]} ${key}`;
      if (held.has(name)) return CACHED_TOKENS;
      held.add(name);
      return 0;
    },
  };
}
