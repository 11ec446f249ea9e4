/** How two rows about the same account and scope become one, in memory and in the store alike. */
import type { LimitRow } from "./port.ts";

/**
 * The row that both amount to. The order of merges does not matter, and merging a row twice changes nothing:
 *
 * - A row that was seen when or before either was cleared says nothing any more.
 * - An end that the provider stated wins over a guess that was made before it.
 * - Of two stated ends, and of two guesses, the later one wins.
 */
export function mergeLimits(one: LimitRow, other: LimitRow): LimitRow {
  const clearedAt = Math.max(one.clearedAt, other.clearedAt);
  return { ...(wins(one, other, clearedAt) ? one : other), clearedAt };
}

/** True where the row still holds: it was not cleared since it was seen. */
export function isHeld({ seenAt, clearedAt }: Pick<LimitRow, "seenAt" | "clearedAt">): boolean {
  return seenAt > clearedAt;
}

function wins(one: LimitRow, other: LimitRow, clearedAt: number): boolean {
  const isOneHeld = one.seenAt > clearedAt;
  if (isOneHeld !== other.seenAt > clearedAt) return isOneHeld;
  if (one.isStated !== other.isStated) {
    const [stated, guessed] = one.isStated ? [one, other] : [other, one];
    return (stated.until > guessed.seenAt ? stated : guessed) === one;
  }
  if (one.until !== other.until) return one.until > other.until;
  if (one.seenAt !== other.seenAt) return one.seenAt > other.seenAt;
  return `${one.class} ${one.code}` <= `${other.class} ${other.code}`;
}
