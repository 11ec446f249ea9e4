/**
 * Slows down guesses at the admin token: after a few wrong ones each further attempt of the same source has to wait, twice as
 * long each time. Nobody waits for what others do elsewhere, but for one case: where very many sources try at once, those
 * from which the right token never came are let in a bounded number at a time. Counted in the store, for all processes.
 */

import { sha256Hex } from "../bytes.ts";
import { KleisError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { AttemptRule } from "../storage/port.ts";
import { ipPrefixOf } from "./ip-prefix.ts";
import { timingSafeEqual } from "./timing-safe-equal.ts";

export type LoginOutcome = { status: "right" } | { status: "wrong" } | { status: "wait"; seconds: number };

/** `source`: the address that the try comes from, as far as the adapter can tell. */
export type LoginGuard = (token: string, source?: string) => Promise<LoginOutcome>;

const RULE = {
  longestWaitMs: 60_000,
  forgottenMs: 60 * 60_000,
  trustedMs: 30 * 24 * 60 * 60_000,
  // Bounds what is written and kept. Against a random token of 24 characters no number of tries gains anything.
  unknownSources: 600,
  unknownSourcesMs: 60_000,
};

/** For people at the form, who may paste badly. */
export const FORM_LIMITS: AttemptRule = { ...RULE, channel: "form", free: 3 };
/** For programs with the token in a header, which may run with an old one for a while. */
export const HEADER_LIMITS: AttemptRule = { ...RULE, channel: "header", free: 10 };

/** How often an attempt that others came before at the same moment asks again, and how long it waits for that, ms. */
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
      // Nothing that depends on the token may be answered before it counts: it would be one more guess.
      if (await loginAttempts.record(rule, source, isRight, now))
        return { status: isRight ? "right" : "wrong" };
    }
    return { status: "wait", seconds: 1 };
  }

  return async (token, address = "") => {
    // Sources are told apart by a hash, so that no address is stored.
    const source = (await sha256Hex(ipPrefixOf(address))).slice(0, 16);
    return judge(token, source);
  };
}

/** The refusal of a try that came too soon. */
export function tooManyAttempts(seconds: number): KleisError {
  return new KleisError("too_many_tries", `Too many wrong admin tokens. Wait ${seconds} s, then try again.`, {
    headers: { "retry-after": String(seconds) },
  });
}
