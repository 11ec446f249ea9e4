/** What Anthropic says of limits, to plans and to API keys (claude.md §3.4, §3.5). */
import { isObject, text } from "../../json.ts";
import type { Lasting, Refused } from "../provider.ts";
import { latest, resetAt } from "../resets.ts";

const UNIFIED = "anthropic-ratelimit-unified-";

/** Refusals that money alone would lift; they come with 400, 402 and 429. */
const BILLING =
  /credit balance is too low|out of (extra usage|usage credits)|usage credits|extra usage|api usage limits/i;

const BILLING_CODES = new Set([
  "enforced_spend_limit_reached",
  "credits_required",
  "service_spend_limit_reached",
]);

export function lastingClaude({ status, headers, error, now }: Refused): Lasting | null {
  const details = isObject(error.details) ? error.details : {};
  const isBilling =
    status === 402 ||
    error.type === "billing_error" ||
    BILLING_CODES.has(text(details.error_code) ?? "") ||
    (status < 500 && BILLING.test(text(error.message) ?? ""));
  const until = status === 429 ? rejectedUntil(headers, now) : null;
  if (isBilling) return { why: "billing", until };
  if (status === 429 && isRejected(headers)) return { why: "usage", until };
  if (status === 401) return { why: "login", until: null };
  return status === 403 ? { why: "denied", until: null } : null;
}

function isRejected(headers: Headers): boolean {
  return headers.get(`${UNIFIED}status`) === "rejected" || rejected(headers).length > 0;
}

/** The last end of the windows that are used up, else of the one that decided. */
function rejectedUntil(headers: Headers, now: number): number | null {
  const ends = rejected(headers).map((window) => resetAt(headers.get(`${UNIFIED}${window}-reset`), now));
  return latest(ends) ?? (isRejected(headers) ? resetAt(headers.get(`${UNIFIED}reset`), now) : null);
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
