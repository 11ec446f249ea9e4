/** How a stream to a client ends: what bringing it about takes, the outcome, and the errors that the client is sent. */
import { KleisError } from "../../errors.ts";
import type { EndState, EndWatcher } from "../../protocols/sse/end.ts";
import { brokenStream, type StreamFailure } from "../../protocols/stream-errors.ts";
import type { Clock } from "../../runtime.ts";

/** For the log: never thrown, always one of these. */
export type StreamOutcome =
  | "complete"
  | "provider_error"
  | "incomplete"
  | "idle"
  | "too_large"
  | "shutting_down"
  | "client_left"
  | "client_stalled";

/** What both relays have to know. */
export interface StreamPlan {
  readonly watcher: EndWatcher;
  /** The provider may leave out the formal end of a complete response. */
  readonly mayOmitTerminator: boolean;
  /**
   * The events that tell the protocol's clients that their stream broke, up to its end. `begun`: they have received events
   * of the provider's.
   */
  readonly failureEvents: (failure: StreamFailure, begun: boolean) => string;
  /** The error in a body that is labelled as a stream and holds no event; null where it is not one. */
  readonly failureIn?: (body: Uint8Array<ArrayBuffer>) => Promise<StreamFailure | null>;
  readonly clock: Clock;
  /** Ends a stream in which the provider sends nothing for this long, ms. */
  readonly idleMs: number;
  /** Disconnects a client that takes nothing for this long, ms. */
  readonly stallMs: number;
  /** Aborts the client's connection; without it the client's stream fails instead. */
  readonly abortConnection?: (() => void) | undefined;
  /** Aborts when the runtime is about to end, which ends the stream with an error event. */
  readonly shutdown?: AbortSignal | undefined;
  /** Stops the provider's side; called once, however the stream ends. */
  readonly stop: () => void;
  /** Called with each event that ends the stream or announces an error. */
  readonly onLastEvent?: (event: Uint8Array, state: EndState) => void;
  /** `cause`: the code of the error that broke the provider's stream, where there is one. */
  readonly onEnd: (outcome: StreamOutcome, bytes: number, cause?: string) => void;
}

export const ENDED_EARLY = brokenStream("ended_early");
export const BROKE_OFF = brokenStream("broke_off");
export const NO_STOP_REASON = brokenStream("no_stop_reason");

export const SHUTTING_DOWN = brokenStream("shutting_down");

/** A failed read of the provider's body as the error for a client that has no response yet. */
export function brokenBodyError(cause: unknown): KleisError {
  return cause instanceof KleisError ? cause : new KleisError(BROKE_OFF.code, BROKE_OFF.message, { cause });
}

export function tooLarge(reason: string) {
  return brokenStream("too_large", reason);
}

/** `idleMs`: how long the provider has sent nothing. */
export function idleTimeoutError(idleMs: number) {
  return brokenStream("idle", Math.round(idleMs / 1000));
}
