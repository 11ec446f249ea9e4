/**
 * Slows down guesses at the admin token: after a few failures each further attempt of the same source has to wait, twice as
 * long each time. Sources do not delay each other, with one exception: when very many try at once, only a bounded number of
 * those that never sent the right token is admitted at a time. Counted in storage, for all processes.
 */

import { sha256Hex } from "../bytes.ts";
import { KleisError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { AttemptRule } from "../storage/port.ts";
import { ipPrefixOf } from "./ip-prefix.ts";
import { timingSafeEqual } from "./timing-safe-equal.ts";

export type LoginOutcome = { status: "right" } | { status: "wrong" } | { status: "wait"; seconds: number };

/** `source`: the address that the attempt comes from, as far as the adapter knows it. */
export type LoginGuard = (token: string, source?: string) => Promise<LoginOutcome>;

const RULE = {
  longestWaitMs: 60_000,
  forgottenMs: 60 * 60_000,
  trustedMs: 30 * 24 * 60 * 60_000,
  // Bounds what is written and stored. A random token of 24 characters cannot be guessed in any number of attempts.
  unknownSources: 600,
  unknownSourcesMs: 60_000,
};

/** For people at the form, who may paste incorrectly. */
export const FORM_LIMITS: AttemptRule = { ...RULE, channel: "form", free: 3 };
/** For programs that send the token in a header, and may use an old one for a while. */
export const HEADER_LIMITS: AttemptRule = { ...RULE, channel: "header", free: 10 };

/** How often an attempt that lost to a concurrent one is retried, and the pause between retries, ms. */
const ROUNDS = 3;
const PAUSE_MS = 50;

export function createLoginGuard(
  { config, storage, clock }: Runtime,
  rule: AttemptRule = FORM_LIMITS,
): LoginGuard {
  const { loginAttempts } = storage;

  async function judge(token: string, source: string): Promise<LoginOutcome> {
    const isRight = await timingSafeEqual(token, config.ADMIN_TOKEN);
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0) await clock.sleep(PAUSE_MS);
      const now = clock.now();
      const { freeAt, isClear } = await loginAttempts.status(rule, source, now);
      if (freeAt > now) return { status: "wait", seconds: Math.ceil((freeAt - now) / 1000) };
      // The usual case writes nothing.
      if (isRight && isClear) return { status: "right" };
      // The attempt is counted before the response depends on the token: otherwise it would be a free guess.
      if (await loginAttempts.record(rule, source, isRight, now))
        return { status: isRight ? "right" : "wrong" };
    }
    return { status: "wait", seconds: 1 };
  }

  return async (token, address = "") => {
    // Sources are identified by a hash, so that no address is stored.
    const source = (await sha256Hex(ipPrefixOf(address))).slice(0, 16);
    return judge(token, source);
  };
}

/** The error for an attempt that came too soon. */
export function tooManyAttempts(seconds: number): KleisError {
  return new KleisError("too_many_tries", `Too many wrong admin tokens. Wait ${seconds} s, then try again.`, {
    headers: { "retry-after": String(seconds) },
  });
}
