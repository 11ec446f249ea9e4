/**
 * What a refusal's headers tell agents about asking again. Agents sleep for the whole of `retry-after`, be it days, so
 * only a wait of up to a minute stands there. A longer one, and whatever a repetition can not change, is said by
 * `x-should-retry: false`, which the vendors' SDKs obey, and by `x-kleis-resets-at` where the end is known.
 */
import type { Lasting, Refusal } from "../../providers/refusal.ts";
import { resetIn } from "../../providers/resets.ts";
import type { ResponseContext } from "../context.ts";
import { type Heard, nameRefusal, nowBy } from "./name-refusal.ts";

/** The longest wait that agents are told to sleep, s. */
const MAX_WAIT = 60;

export interface RetryAdvice {
  readonly refusal: Refusal;
  /** Why the refusal lasts, as far as the provider says so. */
  readonly why: Lasting["why"] | null;
  /** When it ends, Unix seconds; null where that is not known or does not matter. */
  readonly until: number | null;
  /** The wait in seconds that the answer tells of, by whatever means; null where it tells of none. */
  readonly wait: number | null;
  /** True where asking again within a minute is pointless. */
  readonly lasts: boolean;
}

/** Reads a refusal: by the provider's own rules, and by `retry-after`. */
export function adviceOf(
  { runtime, classify }: Pick<ResponseContext, "runtime" | "classify">,
  heard: Heard,
): RetryAdvice {
  const now = nowBy(heard.headers, runtime.clock.now());
  const refusal = nameRefusal(classify, heard, now);
  const { lasting } = refusal;
  const stated = statedWait(heard.headers, now);
  const mayPass = lasting === null || lasting.why === "usage";
  const isEnd = stated !== null && (mayPass || stated > MAX_WAIT);
  const until = lasting?.until ?? (isEnd ? resetIn(stated, now) : null);
  const wait = lasting?.until == null ? stated : lasting.until - now / 1000;
  const isShort = mayPass && wait !== null && wait <= MAX_WAIT;
  const lasts = !isShort && (lasting !== null || wait !== null);
  return { refusal, why: lasting?.why ?? null, until, wait, lasts };
}

/** Brings what is said of asking again into the headers that the client gets. */
export function adviseOnRetry(headers: Headers, { why, until, wait, lasts }: RetryAdvice): void {
  if (lasts) {
    headers.delete("retry-after");
    headers.delete("retry-after-ms");
    headers.set("x-should-retry", "false");
  } else {
    if (!isUsable(headers.get("retry-after"))) headers.delete("retry-after");
    if (!isShortMs(headers.get("retry-after-ms"))) headers.delete("retry-after-ms");
    if (why === "usage" && wait !== null && !headers.has("retry-after"))
      headers.set("retry-after", String(Math.ceil(wait)));
  }
  if (until !== null && (lasts || why !== null)) headers.set("x-kleis-resets-at", String(until));
}

const DIGITS = /^\s*\d+(?:\.\d+)?\s*$/;

/** Seconds until the provider may be asked again; null where it does not say so, or nothing that makes sense. */
function statedWait(headers: Headers, now: number): number | null {
  const seconds = headers.get("retry-after");
  const ms = headers.get("retry-after-ms");
  const waits = [
    seconds === null ? 0 : DIGITS.test(seconds) ? Number(seconds) : (Date.parse(seconds) - now) / 1000,
    ms !== null && DIGITS.test(ms) ? Number(ms) / 1000 : 0,
  ].filter((wait) => wait > 0);
  return waits.length === 0 ? null : Math.max(...waits);
}

/** A number of seconds up to the longest wait, or a date: one that is too far away was found to last. */
function isUsable(value: string | null): boolean {
  if (value === null) return false;
  return DIGITS.test(value) ? Number(value) <= MAX_WAIT : /[a-z]/i.test(value) && Date.parse(value) > 0;
}

function isShortMs(value: string | null): boolean {
  return value !== null && DIGITS.test(value) && Number(value) <= MAX_WAIT * 1000;
}
