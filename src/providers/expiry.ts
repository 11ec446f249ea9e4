/** When a token ends, in whichever form files, tools and people write it. */

/** 2001-01-01 in epoch ms: a smaller number counts seconds. */
const FIRST_MS = 978_307_200_000;
/** The year 2286 in epoch ms: a larger number counts something else. */
const LAST_MS = 9_999_999_999_999;

const ISO = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i;
const DIGITS = /^\d{1,16}(?:\.\d+)?$/;

/**
 * Epoch ms of a time given as epoch ms or s (a number or its digits) or in ISO 8601. Undefined for anything else, zero
 * included: a time that cannot be read is not known, and never one that has passed.
 */
export function readExpiry(value: unknown): number | undefined {
  if (typeof value === "number") return fromNumber(value);
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  if (DIGITS.test(text)) return fromNumber(Number(text));
  return ISO.test(text) ? fromNumber(Date.parse(text), 1) : undefined;
}

function fromNumber(number: number, factor = number < FIRST_MS ? 1000 : 1): number | undefined {
  const ms = Math.round(number * factor);
  return ms > 0 && ms <= LAST_MS ? ms : undefined;
}
