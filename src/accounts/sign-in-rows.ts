/**
 * The rows of a sign-in. One under its state says how it stands and stays until it expires, so that a second tab and a
 * poll learn the outcome. The other, its turn, holds the secret (verifier, device code); whoever takes the next step
 * takes it away, so that no two do, and puts it back when the sign-in goes on. Knows no provider.
 */
import * as z from "zod/mini";
import { isObject, type JsonObject } from "../json.ts";
import type { Runtime } from "../runtime.ts";
import type { OauthState } from "../storage/port.ts";

/** How a sign-in stands. */
const standingShape = z.object({
  method: z.enum(["device", "paste"]),
  /** True when the browser's return may be received on this machine. */
  listening: z.boolean(),
  /** The account's id, once it is connected. */
  account: z.optional(z.string()),
  /** Why it is over without an account. */
  ended: z.optional(z.object({ message: z.string() })),
});
export type Standing = z.output<typeof standingShape>;

/** What whoever has the turn goes on with. */
const turnShape = z.object({
  metadata: z.custom<JsonObject>(isObject),
  secret: z.custom<JsonObject>(isObject),
  /** ms between polls; null where there is nothing to poll. */
  intervalMs: z.nullable(z.number()),
  /** Epoch ms. */
  nextPollAt: z.number(),
});
export type Turn = Omit<z.output<typeof turnShape>, "nextPollAt">;

/** A turn that was taken away. Given back it is stored under a later version, so that no earlier one can stand for it. */
export interface TakenTurn extends Turn {
  readonly version: number;
}

/** What both rows have in common. */
export type SignInRow = Omit<OauthState, "secret" | "version">;

export interface SignInRows {
  insert(row: SignInRow, standing: Standing, turn: Turn): Promise<void>;
  /** Null when there is none (any more). */
  find(state: string): Promise<{ row: SignInRow; standing: Standing } | null>;
  /** Exactly one caller gets the turn, and none before it is time to poll. */
  take(state: string): Promise<{ turn: TakenTurn } | { waitMs: number }>;
  /** Lets the sign-in go on; answers how long to wait before the next step, ms. */
  giveBack(row: SignInRow, turn: TakenTurn): Promise<number>;
  /** Says how it ended; there is no further turn. */
  close(row: SignInRow, standing: Standing): Promise<void>;
}

/** When to ask again while another call takes the step, or the browser has not come back, ms. */
export const SOON_MS = 2_000;

/** Added to a provider's interval, so that clocks that run differently do not make a poll early, ms. */
const POLL_MARGIN_MS = 1_000;

export function createSignInRows({ storage, clock }: Runtime): SignInRows {
  const states = storage.oauthStates;
  const waitOf = ({ secret }: OauthState) => turnShape.parse(secret).nextPollAt - clock.now();

  return {
    async insert(row, standing, turn) {
      await states.removeExpired(row.createdAt);
      const nextPollAt = row.createdAt + (turn.intervalMs ?? 0);
      await states.insert({ ...row, state: turnKey(row.state), secret: { ...turn, nextPollAt }, version: 0 });
      await states.insert({ ...row, secret: { ...standing }, version: 0 });
    },

    async find(state) {
      // A turn has no standing, and its name is not a state.
      const found = isTurnKey(state) ? null : await states.get(state);
      if (found === null || found.expiresAt <= clock.now()) return null;
      const { secret, version: _, ...row } = found;
      return { row, standing: standingShape.parse(secret) };
    },

    async take(state) {
      const seen = await states.get(turnKey(state));
      if (seen === null) return { waitMs: SOON_MS };
      const early = waitOf(seen);
      if (early > 0) return { waitMs: early };
      const taken = await states.consume(turnKey(state));
      if (taken === null) return { waitMs: SOON_MS };
      // Another call may have polled between the look and the taking.
      const wait = waitOf(taken);
      const { version } = taken;
      if (wait <= 0) return { turn: { ...turnShape.parse(taken.secret), version } };
      await states.insert({ ...taken, version: version + 1 });
      return { waitMs: wait };
    },

    async giveBack(row, turn) {
      const { metadata, secret, intervalMs } = turn;
      const waitMs = intervalMs === null ? 0 : intervalMs + POLL_MARGIN_MS;
      const nextPollAt = clock.now() + waitMs;
      await states.insert({
        ...row,
        state: turnKey(row.state),
        secret: { metadata, secret, intervalMs, nextPollAt },
        version: turn.version + 1,
      });
      return waitMs;
    },

    async close(row, standing) {
      await states.update(row.state, { ...standing });
    },
  };
}

const TURN = ".turn";

function turnKey(state: string): string {
  return state + TURN;
}

function isTurnKey(state: string): boolean {
  return state.endsWith(TURN);
}
