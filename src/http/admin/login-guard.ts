/**
 * Slows down whoever tries admin tokens: after a few wrong ones each further try has to wait, twice as long each time.
 * Kept in the store, so that several processes count together.
 */
import * as z from "zod";
import { parseJson } from "../../json.ts";
import type { Runtime } from "../../runtime.ts";
import { sameSecret } from "./auth.ts";

export type LoginOutcome = { status: "right" } | { status: "wrong" } | { status: "wait"; seconds: number };

/** Wrong tries that cost nothing: a token that was pasted badly. */
export const FREE_TRIES = 3;
/** The longest wait, ms: an owner can not be kept out for longer than this after the last wrong try. */
export const LONGEST_WAIT_MS = 60_000;
/** After this long without a wrong try they are forgotten, ms. */
const FORGOTTEN_MS = 60 * 60_000;

const SETTING = "admin.login_tries";
const triesSchema = z.object({ wrong: z.number(), at: z.number() });

export function createLoginGuard({
  config,
  storage,
  clock,
  sharesPromises = false,
}: Runtime): (token: string) => Promise<LoginOutcome> {
  let queue: Promise<unknown> = Promise.resolve();

  async function judge(token: string): Promise<LoginOutcome> {
    const now = clock.now();
    const stored = triesSchema.safeParse(parseJson((await storage.settings.get(SETTING)) ?? ""));
    const { wrong, at } =
      stored.success && now - stored.data.at < FORGOTTEN_MS ? stored.data : { wrong: 0, at: 0 };
    const left = at + waitAfter(wrong) - now;
    if (left > 0) return { status: "wait", seconds: Math.ceil(left / 1000) };
    const isRight = await sameSecret(token, config.ADMIN_TOKEN);
    if (!isRight) await storage.settings.set(SETTING, JSON.stringify({ wrong: wrong + 1, at: now }), now);
    else if (wrong > 0) await storage.settings.set(SETTING, JSON.stringify({ wrong: 0, at: 0 }), now);
    return { status: isRight ? "right" : "wrong" };
  }

  // One after the other: many tries at once would else all see the same count. Where one request may not wait for
  // another, so many more tries as run at once are let through.
  return (token) => {
    if (!sharesPromises) return judge(token);
    const outcome = queue.then(() => judge(token));
    queue = outcome.catch(() => {});
    return outcome;
  };
}

/** ms to wait after so many wrong tries. */
function waitAfter(wrong: number): number {
  return wrong < FREE_TRIES ? 0 : Math.min(LONGEST_WAIT_MS, 1000 * 2 ** (wrong - FREE_TRIES));
}
