/** Which of some names a mistyped one most likely means, for the words of a refusal. */
import { plainName } from "./name.ts";

/**
 * The longest name that this one begins with, else the one with the fewest letters to change; undefined where even that
 * would be another word.
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const wanted = plainName(name);
  const begun = names.filter((each) => wanted.startsWith(plainName(each)));
  if (begun.length > 0)
    return begun.reduce((longest, each) => (each.length > longest.length ? each : longest));
  let nearest: string | undefined;
  let fewest = Math.floor(wanted.length / 2);
  for (const each of names) {
    const changes = distance(wanted, plainName(each), fewest);
    if (changes >= fewest) continue;
    nearest = each;
    fewest = changes;
  }
  return nearest;
}

/** Letters to add, drop or replace (Levenshtein); `most` where it is not less. */
function distance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) >= most) return most;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    if (Math.min(...next) >= most) return most;
    row = next;
  }
  return row[b.length] ?? most;
}
