/** When the limits end that the ChatGPT backend tells of (providers/codex.md §2.7, §2.8). */
import type { Refused } from "../refusal.ts";
import { latest, resetAt, resetIn } from "../resets.ts";

/** Unix seconds; null where the refusal does not say. */
export function limitEnd({ headers, error, now }: Refused): number | null {
  if (![error.code, error.type].includes("usage_limit_reached")) return null;
  return resetIn(error.resets_in_seconds, now) ?? resetAt(error.resets_at, now) ?? fullWindows(headers, now);
}

/** The end of the windows that are used up: of the plan, and of a model that has its own. */
function fullWindows(headers: Headers, now: number): number | null {
  const ends: (number | null)[] = [];
  headers.forEach((value, name) => {
    const window = /^(x-codex-.+)-used-percent$/.exec(name)?.[1];
    if (window === undefined || !(Number(value) >= 100)) return;
    ends.push(
      resetAt(headers.get(`${window}-reset-at`), now) ??
        resetIn(headers.get(`${window}-reset-after-seconds`), now),
    );
  });
  return latest(ends);
}
