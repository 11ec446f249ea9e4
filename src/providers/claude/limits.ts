/** Which windows Anthropic says are used up, and until when (providers/claude.md §3.5). */
import type { Refused } from "../refusal.ts";
import { latest, resetAt } from "../resets.ts";

const UNIFIED = "anthropic-ratelimit-unified-";

/** The windows that all models share. */
const SHARED = ["5h", "7d"];

/** Unix seconds; null where the refusal does not say. */
export function limitEnd({ status, headers, now }: Refused): number | null {
  return status === 429 ? rejectedUntil(headers, now) : null;
}

/** A window of the plan is used up. */
export function isRejected({ headers }: Pick<Refused, "headers">): boolean {
  return headers.get(`${UNIFIED}status`) === "rejected" || rejected(headers).length > 0;
}

/** Only windows are that some models have for themselves, while the shared ones say that they allow. */
export function isRejectedForModel({ headers }: Pick<Refused, "headers">): boolean {
  const allows = (name: string) => headers.get(`${UNIFIED}${name}-status`)?.startsWith("allowed") === true;
  return rejected(headers).length > 0 && SHARED.every(allows);
}

/** The last end of the windows that are used up, else of the one that decided. */
function rejectedUntil(headers: Headers, now: number): number | null {
  const ends = rejected(headers).map((window) => resetAt(headers.get(`${UNIFIED}${window}-reset`), now));
  return latest(ends) ?? (isRejected({ headers }) ? resetAt(headers.get(`${UNIFIED}reset`), now) : null);
}

/** Names of the windows that are used up. Extra usage is not one of them: it is what could be bought beside them. */
function rejected(headers: Headers): string[] {
  const names: string[] = [];
  headers.forEach((value, name) => {
    const window = new RegExp(`^${UNIFIED}(.+)-status$`).exec(name)?.[1];
    if (window !== undefined && window !== "overage" && value === "rejected") names.push(window);
  });
  return names;
}
