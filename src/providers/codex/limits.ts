/** What the ChatGPT backend and OpenAI's API say of limits (codex.md §2.7, §2.8). */
import { text } from "../../json.ts";
import type { Lasting, Refused } from "../provider.ts";
import { latest, resetAt, resetIn } from "../resets.ts";

const DENIED = new Set([
  "usage_not_included",
  "codex_workspace_access_denied",
  "codex_entitlement_missing",
  "deactivated_workspace",
  "payment_required",
]);

const BILLING =
  /^(insufficient_quota|credit_balance_exhausted|billing_\w+|(organization|project)_spend_limit_exceeded|organization_usage_limit_exceeded)$/;

export function lastingCodex(refused: Refused): Lasting | null {
  const { status, headers, error, now } = refused;
  const names = [text(error.code), text(error.type)].filter((name) => name !== undefined);
  if (names.includes("usage_limit_reached")) {
    const until =
      resetIn(error.resets_in_seconds, now) ?? resetAt(error.resets_at, now) ?? fullWindows(headers, now);
    const isBilling = headers.get("x-codex-rate-limit-reached-type")?.startsWith("workspace_") === true;
    return { why: isBilling ? "billing" : "usage", until };
  }
  if (names.some((name) => BILLING.test(name))) return { why: "billing", until: null };
  if (status === 401) return { why: "login", until: null };
  if (status === 402) return { why: "billing", until: null };
  return status === 403 || names.some((name) => DENIED.has(name)) ? { why: "denied", until: null } : null;
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
