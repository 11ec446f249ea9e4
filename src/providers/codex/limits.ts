/** When the limits end that the ChatGPT backend tells of (providers/codex.md §2.7, §2.8). */
import { text } from "../../json.ts";
import type { Refused } from "../refusal.ts";
import type { Ends } from "../refusal-table.ts";
import { latest, resetAt, resetIn } from "../resets.ts";

/** The windows of plans without payment are a month long, those of the others a week. */
const MONTHLY_PLANS: ReadonlySet<unknown> = new Set(["free", "go"]);
const MONTH_DAYS = 32;
const WEEK_DAYS = 8;

export const ENDS: Ends = {
  endOf({ headers, error, now }) {
    if (![error.code, error.type].includes("usage_limit_reached")) return null;
    return (
      resetIn(error.resets_in_seconds, now) ?? resetAt(error.resets_at, now) ?? fullWindows(headers, now)
    );
  },
  windowDays: ({ headers, error }) =>
    MONTHLY_PLANS.has(text(error.plan_type) ?? headers.get("x-codex-plan-type")) ? MONTH_DAYS : WEEK_DAYS,
};

/** The limit that refused is one that a model has for itself. */
export function isModelLimit({ headers }: Pick<Refused, "headers">): boolean {
  return limitName(headers) !== "codex";
}

/** By what name the limit goes that refused: `codex` is the plan's, the others (`codex_bengalfox`) are those of models. */
function limitName(headers: Headers): string {
  return headers.get("x-codex-active-limit")?.trim().toLowerCase() || "codex";
}

/** The end of the windows that are used up, of the limit that refused. */
function fullWindows(headers: Headers, now: number): number | null {
  const prefix = `x-${limitName(headers).replaceAll("_", "-")}`;
  const ends = ["primary", "secondary"].map((slot) => {
    const window = `${prefix}-${slot}`;
    if (!(Number(headers.get(`${window}-used-percent`)) >= 100)) return null;
    return (
      resetAt(headers.get(`${window}-reset-at`), now) ??
      resetIn(headers.get(`${window}-reset-after-seconds`), now)
    );
  });
  return latest(ends);
}
