/** When the limits end that the Copilot API tells of (providers/copilot.md §4.4, §4.5). */
import { text } from "../../json.ts";
import type { Refused } from "../refusal.ts";
import type { Ends } from "../refusal-table.ts";
import { latest, resetIn, resetOn, retryAfter } from "../resets.ts";

/** Up to this wait, in seconds, a limit on the user is one on the pace of requests. */
const BURST_S = 60;

export const ENDS: Ends = {
  endOf({ headers, now }, why) {
    if (why === "billing") return resetsOf(headers, /^x-quota-snapshot-premium/, () => true, now);
    return (
      resetIn(retryAfter(headers, now), now) ??
      resetsOf(headers, /^x-usage-ratelimit-/, (quota) => Number(quota.get("rem") ?? "1") <= 0, now)
    );
  },
};

/**
 * One code stands for the pace of requests and for the plan's session. The pace has a short wait or is named (`tps`), the
 * session has a long one or says so.
 */
export function isSession(refused: Refused): boolean {
  const { headers, error, now } = refused;
  if (headers.get("x-ratelimit-exceeded")?.toLowerCase().includes("tps")) return false;
  const wait = retryAfter(headers, now);
  if (wait !== null) return wait > BURST_S;
  return /\b5[ -]hour session\b/i.test(text(error.message) ?? "") || ENDS.endOf(refused, "usage") !== null;
}

/** When quotas are filled again: `ent=300&rem=0&rst=<date>`, `rem` in percent and one request late. */
function resetsOf(
  headers: Headers,
  names: RegExp,
  counts: (quota: URLSearchParams) => boolean,
  now: number,
): number | null {
  const ends: (number | null)[] = [];
  headers.forEach((value, name) => {
    if (!names.test(name)) return;
    const quota = new URLSearchParams(value);
    if (counts(quota)) ends.push(resetOn(quota.get("rst"), now));
  });
  return latest(ends);
}
