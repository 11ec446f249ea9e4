/** How a provider's table of refusals is written and read. The first row that fits names the refusal. */
import { isObject, text } from "../json.ts";
import { isCooling, type LimitClass } from "./limit.ts";
import type { Lasting, Refusal, RefusalClass, RefusalLimit, RefusalScope, Refused } from "./refusal.ts";
import { believable, DAY_S, nextMonth } from "./resets.ts";

/** Every member that is given must fit. */
export interface RefusalPattern {
  /** Of the status' three digits. */
  readonly status?: RegExp;
  readonly kind?: Refused["kind"];
  /** Of the error's code, its type, or the `error_code` of its details: one of them. */
  readonly code?: RegExp;
  /** Of the provider's words. */
  readonly words?: RegExp;
  readonly form?: readonly Refused["form"][];
  /** What only the headers tell. */
  readonly test?: (refused: Refused) => boolean;
}

export interface RefusalRow {
  readonly class: RefusalClass;
  readonly scope: RefusalScope;
  readonly when: RefusalPattern;
  /** Absent: as the status alone says. */
  readonly lasts?: Lasting["why"];
  /** What it says about the account's limits, where the members above do not say the same (`limitClassOf`). */
  readonly limit?: LimitClass;
  /** For which models the limit holds; absent: as `scope` says. */
  readonly covers?: RefusalLimit["covers"] | ((refused: Refused) => RefusalLimit["covers"]);
  /** When the limit ends by the provider's documentation, where its response does not say. */
  readonly ends?: "next_month";
  /** What the owner can do; names the variable that corrects it where there is one. */
  readonly advice: string | null;
  /** The client reads the advice, too. */
  readonly isTold?: true;
  /** The page in docs/providers with its section, or a standard; kind of source, date and confidence. */
  readonly source: string;
}

/** Words by which vendors tell an old client to be renewed (providers/codex.md §2.8; wording low). */
export const NEWER_VERSION =
  /requires? a (newer|more recent|later) version|(newer|later|latest) version of .{1,40} is required|client version .{0,40}(too old|not supported|no longer)/i;

const PAGE_ADVICE =
  "Something between Kleis and the provider responded with a web page: a company proxy, a filter, or the protection in front of the provider. " +
  "Have the provider's host allowed there, set HTTPS_PROXY to a proxy that lets it through, or run Kleis on another host or network.";

/** Cloudflare's own refusals, as a page, as text for programs, or marked in a header. */
const isChallenge = ({ headers }: Refused) => headers.get("cf-mitigated") !== null;
const EDGE_WORDS = /^\s*error code: 1\d{3}\s*$/i;

/** What stands between: in front of each provider's own rows, which read what the provider itself says. */
export const BETWEEN: readonly RefusalRow[] = [
  {
    class: "network",
    scope: "route",
    when: { status: /^5/, form: ["page"] },
    advice: null,
    source: "providers/codex.md §6.1; code 2026-08, high",
  },
  ...[
    { form: ["page"] } as const,
    { words: EDGE_WORDS },
    { status: /^4/, test: isChallenge },
    { status: /^407/ },
  ].map(
    (when): RefusalRow => ({
      class: "network",
      scope: "route",
      when,
      advice: PAGE_ADVICE,
      isTold: true,
      source: "providers/codex.md §6.1; reported 2026-08, medium",
    }),
  ),
];

const SIGN_IN_AGAIN =
  "Connect the account again on the admin page, or replace its key; Kleis renews a sign-in by itself where it can.";

/** What the status or the type alone says: behind each provider's own rows. */
export const REST: readonly RefusalRow[] = [
  {
    class: "overload",
    scope: "route",
    when: {
      status: /^(429|5)/,
      code: /^(server_is_overloaded|service_unavailable_error|overloaded_error|slow_down|server_error|api_error|timeout_error)$/,
    },
    advice: null,
    source: "providers/codex.md §2.8, providers/claude.md §3.4; code 2026-08, high",
  },
  // A failure inside a stream has no status of its own.
  {
    class: "login",
    scope: "account",
    when: { status: /^5/, code: /^authentication_error$/ },
    advice: SIGN_IN_AGAIN,
    source: "providers/claude.md §3.4; docs 2026-08, high",
  },
  {
    class: "policy",
    scope: "account",
    when: { status: /^5/, code: /^permission_error$/ },
    limit: "content",
    advice: "Look at the account's rights at the provider.",
    source: "providers/claude.md §3.4; docs 2026-08, high",
  },
  {
    class: "overload",
    scope: "route",
    when: { status: /^5/ },
    advice: null,
    source: "RFC 9110 §15.6",
  },
  {
    class: "limit",
    scope: "account",
    when: { status: /^429/ },
    advice: "Wait as long as the provider says, or send fewer requests at once.",
    source: "RFC 6585 §4",
  },
  {
    class: "login",
    scope: "account",
    when: { status: /^401/ },
    advice: SIGN_IN_AGAIN,
    source: "RFC 9110 §15.5.2",
  },
  {
    class: "limit",
    scope: "account",
    when: { status: /^402/ },
    limit: "content",
    advice: "Look at credit and billing at the provider.",
    source: "RFC 9110 §15.5.3",
  },
  {
    class: "policy",
    scope: "account",
    when: { status: /^403/ },
    limit: "content",
    advice: "Look at the account's plan and rights at the provider; its sign-in is good.",
    source: "RFC 9110 §15.5.4",
  },
  {
    class: "content",
    scope: "request",
    when: { status: /^(400|413|415|422)/ },
    advice: null,
    source: "RFC 9110 §15.5",
  },
];

/** Refusals with these statuses last whatever else is known of them. */
const LASTS_BY_STATUS: Record<number, Lasting["why"]> = { 401: "login", 402: "billing", 403: "denied" };

/** Of a refusal that fits no row. */
const UNKNOWN = { class: "unknown", scope: "request", advice: null } as const;

/** How a provider's responses say when a limit ends. */
export interface Ends {
  /** When a lasting refusal ends by what it states, Unix seconds by the provider's clock; null where it does not. */
  endOf(refused: Refused, why: Lasting["why"]): number | null;
  /** The longest window of the account's plan, days; absent: 8. */
  windowDays?(refused: Refused): number;
}

/** The refusal as the first row names it that fits; `unknown` where none does. */
export function classified(rows: readonly RefusalRow[], refused: Refused, ends: Ends): Refusal {
  const names = namesOf(refused);
  const row: Omit<RefusalRow, "when" | "source"> =
    rows.find(({ when }) => fits(when, refused, names)) ?? UNKNOWN;
  const { class: name, scope, advice, isTold = false } = row;
  const why = row.lasts ?? LASTS_BY_STATUS[refused.status];
  const mayEnd = why === "usage" || why === "billing";
  const end = mayEnd ? ends.endOf(refused, why) : null;
  const lasting = why === undefined ? null : { why, until: believable(end, refused.now) };
  return { class: name, scope, lasting, limit: limitOf(row, refused, { names, end, ends }), advice, isTold };
}

/** A window lasts no longer, days, unless its provider says so; billing ends with the month. */
const WINDOW_DAYS = 8;
const BILLING_DAYS = 32;

function limitOf(
  row: Omit<RefusalRow, "when" | "source">,
  refused: Refused,
  { names, end, ends }: { names: readonly string[]; end: number | null; ends: Ends },
): RefusalLimit {
  const name = row.limit ?? limitClassOf(row);
  const code = names.find((each) => /^[\w.:-]{1,64}$/.test(each)) ?? name;
  const byScope = row.scope === "model" ? "model" : "account";
  const covers = (typeof row.covers === "function" ? row.covers(refused) : row.covers) ?? byScope;
  const days = name === "billing" ? BILLING_DAYS : (ends.windowDays?.(refused) ?? WINDOW_DAYS);
  const isStated = isCooling(name) && end !== null;
  const until = isStated ? end : row.ends === "next_month" ? nextMonth(refused.now) : null;
  const waitMs = until === null ? null : Math.min(until * 1000 - refused.now, days * DAY_S * 1000);
  return { class: name, covers, waitMs, isStated, code };
}

/** What a refusal of this class says about limits where its row does not. */
function limitClassOf({
  class: name,
  scope,
  lasts,
}: Pick<RefusalRow, "class" | "scope" | "lasts">): LimitClass {
  switch (name) {
    case "limit":
      if (lasts === "billing" || lasts === "denied") return lasts;
      if (lasts !== "usage") return "burst";
      return scope === "model" ? "model_window" : "window";
    case "plan":
    case "policy":
      return scope === "account" ? "denied" : "content";
    case "metering":
      return "this_request";
    case "login":
      return "auth";
    case "network":
      return "edge";
    case "overload":
      return "overload";
    default:
      return "content";
  }
}

/** By what names the refusal goes: a type may stand where a code should. */
function namesOf({ error }: Refused): string[] {
  const details = isObject(error.details) ? error.details : {};
  return [text(error.code), text(error.type), text(details.error_code)].filter((name) => name !== undefined);
}

function fits(when: RefusalPattern, refused: Refused, names: readonly string[]): boolean {
  const { status, kind, code, words, form, test } = when;
  return (
    (status === undefined || status.test(String(refused.status))) &&
    (kind === undefined || kind === refused.kind) &&
    (code === undefined || names.some((name) => code.test(name))) &&
    (words === undefined || words.test(text(refused.error.message) ?? "")) &&
    (form === undefined || form.includes(refused.form)) &&
    (test === undefined || test(refused))
  );
}
