/** Which windows Anthropic says are used up, and until when (providers/claude.md §3.4, §3.5). */
import { text } from "../../json.ts";
import type { RefusalLimit, Refused } from "../refusal.ts";
import type { Ends } from "../refusal-table.ts";
import { latest, resetAt, resetOn } from "../resets.ts";

const UNIFIED = "anthropic-ratelimit-unified-";

type Answer = Pick<Refused, "headers">;

/** The windows that all models share. Each of them alone can refuse. */
const SHARED = ["5h", "7d"];

/** Not windows, though they have a status: what could be bought beside the windows, and a slower service. */
const OTHER = ["overage", "slow"];

/** The claims of windows that some models have for themselves, and the ids of these models. */
const FAMILIES: ReadonlyMap<string, string | null> = new Map([
  ["seven_day_opus", "*opus*"],
  ["seven_day_sonnet", "*sonnet*"],
  ["seven_day_overage_included", null],
]);

/** Why extra usage is refused where money, not a window, is missing. */
const NO_MONEY: ReadonlySet<string | null> = new Set([
  "out_of_credits",
  "org_spend_cap_reached",
  "org_level_disabled_until",
  "member_zero_credit_limit",
]);

export const ENDS: Ends = {
  endOf(refused, why) {
    if (why === "billing")
      return refused.status === 429 ? (overageEnd(refused) ?? namedDate(refused)) : namedDate(refused);
    return refused.status === 429 ? rejectedUntil(refused.headers, refused.now) : null;
  },
};

const status = (headers: Headers, name: string) => headers.get(`${UNIFIED}${name}-status`);

/** A window is used up. */
export function isRejected({ headers }: Answer): boolean {
  return headers.get(`${UNIFIED}status`) === "rejected" || rejected(headers).length > 0;
}

/** A window that all models share is used up. */
export function isSharedRejected({ headers }: Answer): boolean {
  return SHARED.some((name) => status(headers, name) === "rejected");
}

/** Only windows are used up that some models have for themselves, while the shared ones allow. */
export function isRejectedForModel(answer: Answer): boolean {
  const { headers } = answer;
  return (
    isRejected(answer) &&
    allowsShared(headers) &&
    (rejected(headers).length > 0 || FAMILIES.has(claim(headers)))
  );
}

/** Extra usage is what the request would have needed, and the money for it is missing. */
export function isOutOfMoney({ headers }: Answer): boolean {
  return (
    status(headers, "overage") === "rejected" &&
    NO_MONEY.has(headers.get(`${UNIFIED}overage-disabled-reason`))
  );
}

/** The client asked for slow service and waits for a free slot. */
export function isSlow({ headers }: Answer): boolean {
  return headers.get(`${UNIFIED}slow-status`) !== null;
}

/** For which models missing money holds: seats that share a pool have no windows of their own. */
export function moneyCovers({ headers }: Answer): RefusalLimit["covers"] {
  return allowsShared(headers) ? "model" : "account";
}

/** The models that share the window which is used up; the one that was asked for where that is not known. */
export function familyOf({ headers }: Answer): RefusalLimit["covers"] {
  const models = FAMILIES.get(claim(headers)) ?? null;
  return models === null ? "model" : { models };
}

/** A response that passes, and spends extra usage since a window is used up. */
export interface ExtraUsage {
  /** When the window resets, Unix seconds by the provider's clock; null where it does not say. */
  readonly until: number | null;
}

export function extraUsage(headers: Headers, now: number): ExtraUsage | null {
  const isBought = status(headers, "overage")?.startsWith("allowed") === true && isRejected({ headers });
  if (!isBought && headers.get(`${UNIFIED}overage-in-use`) !== "true") return null;
  return { until: rejectedUntil(headers, now) };
}

function claim(headers: Headers): string {
  return headers.get(`${UNIFIED}representative-claim`) ?? "";
}

function allowsShared(headers: Headers): boolean {
  return SHARED.every((name) => status(headers, name)?.startsWith("allowed") === true);
}

/** The last end of the windows that are used up, else of the one that decided. */
function rejectedUntil(headers: Headers, now: number): number | null {
  const ends = rejected(headers).map((window) => resetAt(headers.get(`${UNIFIED}${window}-reset`), now));
  return latest(ends) ?? (isRejected({ headers }) ? resetAt(headers.get(`${UNIFIED}reset`), now) : null);
}

/** Names of the windows that are used up. */
function rejected(headers: Headers): string[] {
  const names: string[] = [];
  headers.forEach((value, name) => {
    const window = new RegExp(`^${UNIFIED}(.+)-status$`).exec(name)?.[1];
    if (window !== undefined && !OTHER.includes(window) && value === "rejected") names.push(window);
  });
  return names;
}

function overageEnd({ headers, now }: Refused): number | null {
  return resetAt(headers.get(`${UNIFIED}overage-reset`), now);
}

/** "You will regain access on 2026-11-01 at 00:00 UTC." */
function namedDate({ error, now }: Refused): number | null {
  const [, day, time = "00:00"] =
    /\b(\d{4}-\d\d-\d\d)(?:(?: at |T| )(\d\d:\d\d))?/.exec(text(error.message) ?? "") ?? [];
  return day === undefined ? null : resetOn(`${day}T${time}:00Z`, now);
}
