/**
 * What a refusal's headers tell agents about a retry. Agents sleep for the whole of `retry-after`, even if that is days, so
 * Kleis sends only waits of up to a minute. A longer one, and a refusal that a retry cannot change, becomes
 * `x-should-retry: false`, which the vendors' SDKs obey, with `x-kleis-resets-at` where the end is known.
 */
import type { Lasting, Refusal } from "../../providers/refusal.ts";
import { believable, resetIn, retryAfter } from "../../providers/resets.ts";
import type { ResponseContext } from "../context.ts";
import { classifyRefusal, providerNow, type RefusalResponse } from "./classify-refusal.ts";

/** The longest wait that is sent to agents, s. */
const MAX_WAIT = 60;

export interface RetryAdvice {
  readonly refusal: Refusal;
  /** Why the refusal lasts, if the provider says so. */
  readonly why: Lasting["why"] | null;
  /** When it ends, Unix seconds; null where that is unknown or irrelevant. */
  readonly until: number | null;
  /** The wait in seconds that the response states by any means; null where it states none. */
  readonly wait: number | null;
  /** True where a retry within a minute is pointless. */
  readonly lasts: boolean;
}

/** Derives the advice from the provider's own rules and from `retry-after`. */
export function retryAdviceFor(
  { runtime, classify }: Pick<ResponseContext, "runtime" | "classify">,
  response: RefusalResponse,
): RetryAdvice {
  const now = providerNow(response.headers, runtime.clock.now());
  const refusal = classifyRefusal(classify, response, now);
  const { lasting } = refusal;
  const stated = retryAfter(response.headers, now);
  const mayPass = lasting === null || lasting.why === "usage";
  const isEnd = stated !== null && (mayPass || stated > MAX_WAIT);
  const until = lasting?.until ?? (isEnd ? believable(resetIn(stated, now), now) : null);
  // Ends are rounded up to whole seconds: a minute from now must not be taken for more than one.
  const wait = lasting?.until == null ? stated : Math.max(1, Math.floor(lasting.until - now / 1000));
  const isShort = mayPass && wait !== null && wait <= MAX_WAIT;
  const lasts = !isShort && (lasting !== null || wait !== null);
  return { refusal, why: lasting?.why ?? null, until, wait, lasts };
}

/** Puts the advice into the headers that the client gets. */
export function applyRetryAdvice(headers: Headers, { why, until, wait, lasts }: RetryAdvice): void {
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

/** True for a number of seconds up to the longest wait, or for a date: one too far away has been found to last. */
function isUsable(value: string | null): boolean {
  if (value === null) return false;
  return DIGITS.test(value) ? Number(value) <= MAX_WAIT : /[a-z]/i.test(value) && Date.parse(value) > 0;
}

function isShortMs(value: string | null): boolean {
  return value !== null && DIGITS.test(value) && Number(value) <= MAX_WAIT * 1000;
}
