/** How long an account rests after a refusal. */
import { isCooling, type LimitVerdict } from "../providers/limit.ts";
import type { LimitRow } from "../storage/port.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** Rests in a row where the provider states no end, ms; the last one repeats. */
const GUESSES = [1, 2, 4, 8, 15].map((minutes) => minutes * MINUTE);
/** The same where money is missing. */
const BILLING_GUESSES = [1, 2, 4, 8, 16, 24].map((hours) => hours * HOUR);
const DENIED = [HOUR];

/** The end of what only the owner can end: the last second of the year 9999, epoch ms. */
export const NEVER = Date.UTC(9999, 11, 31, 23, 59, 59);

/** A guess that is repeated within this time after its end is a further strike, ms. */
const IN_A_ROW_MS = HOUR;

/** What is known of the same account and scope. */
export interface Known {
  readonly words: string | null;
  readonly known: LimitRow | null;
  /** Epoch ms. */
  readonly now: number;
}

/** The row that a refusal amounts to. The class has to be one that cools. */
export function rowOf(accountId: string, verdict: LimitVerdict, { words, known, now }: Known): LimitRow {
  const { class: name, scope, code, untilMs, isStated } = verdict;
  if (!isCooling(name)) throw new Error(`${name} does not cool`);
  // Later than what this process knows to be over, whatever became of the clock.
  const seenAt = Math.max(now, (known?.clearedAt ?? 0) + 1);
  const row = { accountId, scope, class: name, code, words, seenAt, clearedAt: 0 };
  if (name === "blocked") return { ...row, until: NEVER, isStated: true, strikes: 0 };
  if (untilMs !== null && untilMs > now)
    return { ...row, until: untilMs, isStated, strikes: isStated ? 0 : 1 };
  const earlier = known !== null && known.seenAt > known.clearedAt && !known.isStated ? known : null;
  // Requests that were under way when the account was refused add no strike, and do not put off the end.
  if (earlier !== null && earlier.until > now)
    return { ...row, until: earlier.until, isStated: false, strikes: earlier.strikes };
  const isInARow = earlier !== null && now - earlier.until < IN_A_ROW_MS;
  const strikes = isInARow ? earlier.strikes + 1 : 1;
  const guesses = name === "denied" ? DENIED : name === "billing" ? BILLING_GUESSES : GUESSES;
  const rest = guesses[Math.min(strikes, guesses.length) - 1] ?? MINUTE;
  return { ...row, until: now + rest, isStated: false, strikes };
}

/**
 * How long after a stated end no request tries yet, ms: 1 to 5 s, the same in every process, so that clocks which differ a
 * little do not ask early.
 */
export function slackOf({
  accountId,
  scope,
  isStated,
}: Pick<LimitRow, "accountId" | "scope" | "isStated">): number {
  if (!isStated) return 0;
  let hash = 0;
  for (const character of `${accountId} ${scope}`) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return SECOND + (hash % (4 * SECOND + 1));
}
