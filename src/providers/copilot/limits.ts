/** What the Copilot API says of limits (copilot.md §4.4, §4.5). */
import { text } from "../../json.ts";
import type { Lasting, Refused } from "../provider.ts";
import { latest, resetOn } from "../resets.ts";

/** Windows of hours or days; without a stated end they are taken for short ones by `retry-after` alone. */
const WINDOW = /^user_(weekly|model|global)_rate_limited/;

const BILLING = new Set([
  "quota_exceeded",
  "free_quota_exceeded",
  "overage_limit_reached",
  "billing_not_configured",
]);

export function lastingCopilot({ status, headers, error, now }: Refused): Lasting | null {
  const code = text(error.code) ?? "";
  if (status === 402 || BILLING.has(code))
    return { why: "billing", until: usedUp(headers, /^x-quota-snapshot-premium/, now) };
  if (status === 429 && WINDOW.test(code)) {
    const until = usedUp(headers, /^x-usage-ratelimit-/, now);
    const isWeekly = code.startsWith("user_weekly");
    return isWeekly || until !== null ? { why: "usage", until } : null;
  }
  if (status === 401) return { why: "login", until: null };
  return status === 403 ? { why: "denied", until: null } : null;
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
