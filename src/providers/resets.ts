/** Times at which a limit ends, as providers write them. */

export const DAY_S = 24 * 3600;

/** The longest wait that a client hears of: monthly limits reset within 32 days. */
const MAX_SECONDS = 32 * DAY_S;

/** Ends beyond this are no seconds at all: milliseconds are read as tens of thousands of years. */
const MAX_READ_SECONDS = 3650 * DAY_S;

/** Unix seconds, as number or digits, that lie ahead; null for all else: past times, milliseconds, words. */
export function resetAt(value: unknown, nowMs: number): number | null {
  return ahead(numberOf(value), nowMs);
}

/** The same for seconds from now. */
export function resetIn(value: unknown, nowMs: number): number | null {
  const seconds = numberOf(value);
  return seconds === null ? null : ahead(nowMs / 1000 + seconds, nowMs);
}

/** The same for a date in words (RFC 3339). */
export function resetOn(value: unknown, nowMs: number): number | null {
  return typeof value === "string" ? ahead(Date.parse(value) / 1000, nowMs) : null;
}

/** The last of several: limits hold together. */
export function latest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** The end if a limit may last so long, otherwise null. */
export function believable(end: number | null, nowMs: number): number | null {
  return end !== null && end - nowMs / 1000 <= MAX_SECONDS ? end : null;
}

/** The first of the next month, 00:00 UTC, Unix seconds. */
export function nextMonth(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) / 1000;
}

const DIGITS = /^\s*\d+(?:\.\d+)?\s*$/;

/** Seconds that `retry-after` and `retry-after-ms` ask to wait, the longer of both; null where neither says anything sensible. */
export function retryAfter(headers: Headers, nowMs: number): number | null {
  const seconds = headers.get("retry-after");
  const ms = headers.get("retry-after-ms");
  const waits = [
    seconds === null ? 0 : DIGITS.test(seconds) ? Number(seconds) : (Date.parse(seconds) - nowMs) / 1000,
    ms !== null && DIGITS.test(ms) ? Number(ms) / 1000 : 0,
  ].filter((wait) => wait > 0);
  return waits.length === 0 ? null : Math.max(...waits);
}

function ahead(seconds: number | null, nowMs: number): number | null {
  if (seconds === null || !Number.isFinite(seconds)) return null;
  const wait = seconds - nowMs / 1000;
  return wait > 0 && wait <= MAX_READ_SECONDS ? Math.ceil(seconds) : null;
}

function numberOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : null;
}
