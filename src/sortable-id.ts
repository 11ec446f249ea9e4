/** Ids that sort by the time they were made, so that lists page by them and old rows are found without another index. */
import { toBase64Url } from "./bytes.ts";
import type { Runtime } from "./runtime.ts";

/** Digits of a time in base 36; enough until the year 5188. */
const TIME_DIGITS = 9;

/** The prefix, nine characters of time, and twelve random ones (72 bits) that are safe in URLs. */
export function sortableId({ clock, random }: Pick<Runtime, "clock" | "random">, prefix: string): string {
  return idsBefore(prefix, clock.now()) + toBase64Url(random(9));
}

/** Sorts after every id with the prefix that was made before `time` (epoch ms), and before every later one. */
export function idsBefore(prefix: string, time: number): string {
  return prefix + Math.max(0, Math.floor(time)).toString(36).padStart(TIME_DIGITS, "0");
}
