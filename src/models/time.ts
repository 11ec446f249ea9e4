/** Ages by a clock that may have been set back: what is dated in the future has no age, and is never taken for young. */

/** True for the `ms` after `since`; times in epoch ms. */
export function isWithin(now: number, since: number, ms: number): boolean {
  return since <= now && now - since < ms;
}
