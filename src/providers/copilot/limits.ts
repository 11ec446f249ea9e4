/** When the limits end that the Copilot API tells of (providers/copilot.md §4.4). */
import type { Lasting, Refused } from "../refusal.ts";
import { latest, resetOn } from "../resets.ts";

/** Unix seconds; null where the refusal does not say. */
export function limitEnd({ headers, now }: Refused, why: Lasting["why"]): number | null {
  return usedUp(headers, why === "billing" ? /^x-quota-snapshot-premium/ : /^x-usage-ratelimit-/, now);
}

/** When quotas with nothing left are filled again: `ent=300&rem=0&rst=<date>`, `rem` in percent. */
function usedUp(headers: Headers, names: RegExp, now: number): number | null {
  const ends: (number | null)[] = [];
  headers.forEach((value, name) => {
    if (!names.test(name)) return;
    const quota = new URLSearchParams(value);
    if (Number(quota.get("rem") ?? "1") <= 0) ends.push(resetOn(quota.get("rst"), now));
  });
  return latest(ends);
}
