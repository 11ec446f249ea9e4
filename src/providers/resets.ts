/** Times at which a limit ends, as providers write them. */

/** Longer ends than this are no limit's: monthly ones reset within 32 days. */
const MAX_SECONDS = 32 * 24 * 3600;

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

function ahead(seconds: number | null, nowMs: number): number | null {
  if (seconds === null || !Number.isFinite(seconds)) return null;
  const wait = seconds - nowMs / 1000;
  return wait > 0 && wait <= MAX_SECONDS ? Math.ceil(seconds) : null;
}

function numberOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : null;
}
