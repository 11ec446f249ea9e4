/**
 * The two rows of a sign-in. The status row, under the sign-in's state, stays until it expires, so that a second tab or a
 * poll learns the outcome. The step row holds the secret (verifier, device code) and any tokens that the provider has
 * granted. The caller that performs the next step locks the step row for a limited time, so that no two perform it, and
 * releases it when the sign-in continues. A caller that is ended midway loses the lock by its expiry. Knows no provider.
 */
import * as z from "zod/mini";
import { isObject, type JsonObject } from "../../json.ts";
import type { ImportedAccount } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import { type OauthState, type OauthStateStore, StorageError } from "../../storage/port.ts";
import { retryStorage } from "../refresh/retry-storage.ts";

/** The status of a sign-in. */
const statusSchema = z.object({
  method: z.enum(["device", "paste"]),
  /** True when the browser's return may be received on this machine. */
  listening: z.boolean(),
  /** The account's id, once it is connected. */
  account: z.optional(z.string()),
  /** Why it ended without an account. */
  ended: z.optional(z.object({ message: z.string() })),
});
export type SignInStatus = z.output<typeof statusSchema>;

const text = z.nullable(z.string());

/** An account whose tokens the provider has granted, until it is stored. */
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

/** The state that the next step continues from. */
const stepSchema = z.object({
  metadata: z.custom<JsonObject>(isObject),
  secret: z.custom<JsonObject>(isObject),
  /** ms between polls; null where there is nothing to poll. */
  intervalMs: z.nullable(z.number()),
  /** Present once the provider has granted the tokens. */
  granted: z.optional(grantedShape),
  /** Epoch ms. */
  nextPollAt: z.number(),
  /** When the lock expires, epoch ms. */
  takenUntil: z.optional(z.number()),
});
export type StepState = Pick<z.output<typeof stepSchema>, "metadata" | "secret" | "intervalMs" | "granted">;

/** A locked step. Every write has a new version, so that an earlier lock cannot write over a later one. */
export interface LockedStep extends StepState {
  readonly version: number;
}

/** What both rows have in common. */
export type SignInRow = Omit<OauthState, "secret" | "version">;

export interface SignInStore {
  insert(row: SignInRow, status: SignInStatus, step: StepState): Promise<void>;
  /** Null when there is none, or none any longer. */
  find(state: string): Promise<{ row: SignInRow; status: SignInStatus } | null>;
  /** Locks the step for `LOCK_MS`. Exactly one caller gets it, and none before it is time to poll. */
  lock(state: string): Promise<{ step: LockedStep } | { waitMs: number }>;
  /** Stores the granted tokens, so that they survive the caller. Like the next two, never rejects with `StorageError`. */
  keep(row: SignInRow, step: LockedStep, granted: ImportedAccount): Promise<LockedStep>;
  /** Releases the lock; resolves with the time to wait before the next step, ms. */
  release(row: SignInRow, step: LockedStep): Promise<number>;
  /** Stores the final status, unless the sign-in is connected already; there is no further step. */
  close(row: SignInRow, status: SignInStatus): Promise<void>;
}

/** Duration of the lock, ms. The provider calls of a step end within `STEP_MS`; the rest is for storage. */
export const LOCK_MS = 60_000;
export const STEP_MS = 45_000;

/** When to ask again while another call performs the step or the browser has not returned, ms. */
export const SOON_MS = 2_000;

/** Added to a provider's interval, so that clock differences do not make a poll early, ms. */
const POLL_MARGIN_MS = 1_000;

export function createSignInStore(runtime: Runtime): SignInStore {
  return new StoredSignIns(runtime);
}

class StoredSignIns implements SignInStore {
  readonly #runtime: Runtime;
  readonly #states: OauthStateStore;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#states = runtime.storage.oauthStates;
  }

  async insert(row: SignInRow, status: SignInStatus, step: StepState): Promise<void> {
    await this.#states.removeExpired(row.createdAt);
    const nextPollAt = row.createdAt + (step.intervalMs ?? 0);
    const secret = { ...step, nextPollAt };
    await this.#states.insert({ ...row, state: stepKey(row.state), secret, version: 0 });
    await this.#states.insert({ ...row, secret: { ...status }, version: 0 });
  }

  async find(state: string): Promise<{ row: SignInRow; status: SignInStatus } | null> {
    // The key of a step row is not a state.
    const found = isStepKey(state) ? null : await this.#states.get(state);
    if (found === null || found.expiresAt <= this.#runtime.clock.now()) return null;
    const { secret, version: _, ...row } = found;
    return { row, status: statusSchema.parse(secret) };
  }

  async lock(state: string): Promise<{ step: LockedStep } | { waitMs: number }> {
    const seen = await this.#states.get(stepKey(state));
    if (seen === null) return { waitMs: SOON_MS };
    const step = stepSchema.parse(seen.secret);
    const now = this.#runtime.clock.now();
    const waitMs = waitOf(step, now);
    if (waitMs > 0) return { waitMs };
    const until = { nextPollAt: step.nextPollAt, takenUntil: now + LOCK_MS };
    const isLocked = await this.#states.update(stepKey(state), toJson(step, until), seen.version);
    // Another call may have locked it after the read.
    return isLocked ? { step: { ...step, version: seen.version + 1 } } : { waitMs: SOON_MS };
  }

  async keep(
    row: SignInRow,
    { version, ...step }: LockedStep,
    granted: ImportedAccount,
  ): Promise<LockedStep> {
    const until = { nextPollAt: 0, takenUntil: this.#runtime.clock.now() + LOCK_MS };
    const secret = toJson({ ...step, granted }, until);
    const isKept = await this.#note(row, false, () =>
      this.#states.update(stepKey(row.state), secret, version),
    );
    return { ...step, granted, version: isKept ? version + 1 : version };
  }

  release(row: SignInRow, { version, ...step }: LockedStep): Promise<number> {
    const waitMs = step.intervalMs === null || step.granted ? 0 : step.intervalMs + POLL_MARGIN_MS;
    const secret = toJson(step, { nextPollAt: this.#runtime.clock.now() + waitMs });
    return this.#note(row, LOCK_MS, async () => {
      await this.#states.update(stepKey(row.state), secret, version);
      return waitMs;
    });
  }

  async close(row: SignInRow, status: SignInStatus): Promise<void> {
    const { account } = status;
    await this.#note(row, undefined, async () => {
      const found = account === undefined ? await this.#states.get(row.state) : null;
      const isConnected = found !== null && statusSchema.parse(found.secret).account !== undefined;
      if (!isConnected) await this.#states.update(row.state, { ...status }, found?.version);
      await this.#states.consume(stepKey(row.state));
    });
  }

  /** An idempotent write whose failure is only logged: its effect shows within `LOCK_MS` without it. */
  async #note<T>({ provider }: SignInRow, otherwise: T, write: () => Promise<T>): Promise<T> {
    const { clock, logger } = this.#runtime;
    try {
      return await retryStorage(clock, write);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      logger.error("sign_in_not_noted", { provider, reason: error.message });
      return otherwise;
    }
  }
}

/** How long the step cannot be locked, ms; zero or negative when it is free. */
function waitOf({ nextPollAt, takenUntil = 0 }: z.output<typeof stepSchema>, now: number): number {
  const taken = takenUntil - now;
  // A lock that claims to last longer was taken before the clock was set back.
  return Math.max(nextPollAt - now, taken > LOCK_MS ? 0 : Math.min(taken, SOON_MS));
}

/** The stored form. */
function toJson(
  { metadata, secret, intervalMs, granted }: StepState,
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

/** Part of stored keys. */
const STEP_SUFFIX = ".turn";

function stepKey(state: string): string {
  return state + STEP_SUFFIX;
}

function isStepKey(state: string): boolean {
  return state.endsWith(STEP_SUFFIX);
}
