/**
 * The rows of a sign-in. One under its state says how it stands and stays until it expires, so that a second tab and a
 * poll learn the outcome. The other, its turn, holds the secret (verifier, device code) and whatever the provider has
 * given for it; whoever takes the next step has it for a while, so that no two do, and gives it back when the sign-in
 * goes on. Who was ended in the middle keeps it no longer than that. Knows no provider.
 */
import * as z from "zod/mini";
import { isObject, type JsonObject } from "../../json.ts";
import type { ImportedAccount } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import { type OauthState, StorageError } from "../../storage/port.ts";
import { retryStorage } from "../refresh/retry-storage.ts";

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

const text = z.nullable(z.string());

/** An account whose tokens the provider has given, as long as it is not stored. */
const grantedShape = z.object({
  provider: z.string(),
  kind: z.enum(["oauth", "api_key"]),
  externalId: z.optional(z.string()),
  label: z.optional(z.string()),
  metadata: z.custom<JsonObject>(isObject),
  expiresAt: z.nullable(z.number()),
  accessToken: text,
  refreshToken: text,
  idToken: text,
  apiKey: text,
});

/** What whoever has the turn goes on with. */
const turnShape = z.object({
  metadata: z.custom<JsonObject>(isObject),
  secret: z.custom<JsonObject>(isObject),
  /** ms between polls; null where there is nothing to poll. */
  intervalMs: z.nullable(z.number()),
  /** Present once there is nothing left to ask the provider for. */
  granted: z.optional(grantedShape),
  /** Epoch ms. */
  nextPollAt: z.number(),
  /** Until when somebody has it, epoch ms. */
  takenUntil: z.optional(z.number()),
});
export type Turn = Pick<z.output<typeof turnShape>, "metadata" | "secret" | "intervalMs" | "granted">;

/** A turn that somebody has. Every write of it is another version, so that no earlier one can stand for it. */
export interface TakenTurn extends Turn {
  readonly version: number;
}

/** What both rows have in common. */
export type SignInRow = Omit<OauthState, "secret" | "version">;

export interface SignInRows {
  insert(row: SignInRow, standing: Standing, turn: Turn): Promise<void>;
  /** Null when there is none (any more). */
  find(state: string): Promise<{ row: SignInRow; standing: Standing } | null>;
  /** Exactly one caller gets the turn, for `TURN_MS`, and none before it is time to poll. */
  take(state: string): Promise<{ turn: TakenTurn } | { waitMs: number }>;
  /** Puts down what the provider has given, so that it outlives whoever has the turn. Never rejects, as the next two. */
  keep(row: SignInRow, turn: TakenTurn, granted: ImportedAccount): Promise<TakenTurn>;
  /** Lets the sign-in go on; answers how long to wait before the next step, ms. */
  giveBack(row: SignInRow, turn: TakenTurn): Promise<number>;
  /** Says how it ended, unless it is connected already; there is no further turn. */
  close(row: SignInRow, standing: Standing): Promise<void>;
}

/** How long a turn is had, ms. A step asks the provider for nothing beyond `STEP_MS`; what is left is for the store. */
export const TURN_MS = 60_000;
export const STEP_MS = 45_000;

/** When to ask again while another call takes the step, or the browser has not come back, ms. */
export const SOON_MS = 2_000;

/** Added to a provider's interval, so that clocks that run differently do not make a poll early, ms. */
const POLL_MARGIN_MS = 1_000;

export function createSignInRows({ storage, clock, logger }: Runtime): SignInRows {
  const states = storage.oauthStates;

  /** How long nobody else may take it, ms; not positive when it is free. */
  function waitOf({ nextPollAt, takenUntil = 0 }: z.output<typeof turnShape>): number {
    const now = clock.now();
    const taken = takenUntil - now;
    // One that claims to be had for longer was taken before the clock was put back.
    return Math.max(nextPollAt - now, taken > TURN_MS ? 0 : Math.min(taken, SOON_MS));
  }

  /** A note that may be repeated and that nobody is refused for: what it says shows itself within `TURN_MS`. */
  async function note<T>(row: SignInRow, otherwise: T, say: () => Promise<T>): Promise<T> {
    try {
      return await retryStorage(clock, say);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      logger.error("sign_in_not_noted", { provider: row.provider, reason: error.message });
      return otherwise;
    }
  }

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
      const turn = turnShape.parse(seen.secret);
      const waitMs = waitOf(turn);
      if (waitMs > 0) return { waitMs };
      const until = { nextPollAt: turn.nextPollAt, takenUntil: clock.now() + TURN_MS };
      // Another call may have taken it between the look and the taking.
      if (!(await states.update(turnKey(state), toJson(turn, until), seen.version)))
        return { waitMs: SOON_MS };
      return { turn: { ...turn, version: seen.version + 1 } };
    },

    async keep(row, { version, ...turn }, granted) {
      const secret = toJson({ ...turn, granted }, { nextPollAt: 0, takenUntil: clock.now() + TURN_MS });
      const isKept = await note(row, false, () => states.update(turnKey(row.state), secret, version));
      return { ...turn, granted, version: isKept ? version + 1 : version };
    },

    giveBack(row, { version, ...turn }) {
      const waitMs = turn.intervalMs === null || turn.granted ? 0 : turn.intervalMs + POLL_MARGIN_MS;
      const secret = toJson(turn, { nextPollAt: clock.now() + waitMs });
      return note(row, TURN_MS, async () => {
        await states.update(turnKey(row.state), secret, version);
        return waitMs;
      });
    },

    async close(row, standing) {
      const { account } = standing;
      await note(row, undefined, async () => {
        const found = account === undefined ? await states.get(row.state) : null;
        const isConnected = found !== null && standingShape.parse(found.secret).account !== undefined;
        if (!isConnected) await states.update(row.state, { ...standing }, found?.version);
        await states.consume(turnKey(row.state));
      });
    },
  };
}

/** As it is stored. Members that are absent stay so, and nothing of an earlier `until` does. */
function toJson(
  { metadata, secret, intervalMs, granted }: Turn,
  until: { nextPollAt: number; takenUntil?: number },
): JsonObject {
  return {
    metadata,
    secret,
    intervalMs,
    ...(granted === undefined ? {} : { granted: { ...granted } }),
    ...until,
  };
}

const TURN = ".turn";

function turnKey(state: string): string {
  return state + TURN;
}

function isTurnKey(state: string): boolean {
  return state.endsWith(TURN);
}
