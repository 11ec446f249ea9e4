/** The end of a stream to a client: what it takes to bring it about, how it was, and what the client is told of it. */
import type { EndWatcher } from "../../protocols/sse/end.ts";
import { broken, type StreamFailure } from "../../protocols/stream-errors.ts";
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

/** What every way of relaying has to know. */
export interface StreamPlan {
  readonly watcher: EndWatcher;
  /** The provider may leave out the formal end of a whole answer. */
  readonly mayOmitEnd: boolean;
  /** The events by which the protocol's clients learn that their stream broke, up to its end. */
  readonly failureEvents: (failure: StreamFailure) => string;
  /** What a body that is labelled as a stream and holds no event says, where it is an error. */
  readonly failureIn?: (body: Uint8Array<ArrayBuffer>) => Promise<StreamFailure | null>;
  readonly clock: Clock;
  /** Ends a stream in which the provider says nothing for this long, ms. */
  readonly idleMs: number;
  /** Breaks off with a client that takes nothing for this long, ms. */
  readonly stallMs: number;
  /** Breaks off the client's connection; without it the client's stream fails instead. */
  readonly breakOff?: (() => void) | undefined;
  /** Aborts when the runtime is about to end, which ends the stream with an error event. */
  readonly ending?: AbortSignal | undefined;
  /** Lets the provider's connection go; called once, however the stream ends. */
  readonly stop: () => void;
  /** `cause`: the code of the error that broke the provider's stream, where there is one. */
  readonly onEnd: (outcome: StreamOutcome, bytes: number, cause?: string) => void;
}

export const ENDED_EARLY = broken("ended_early");
export const BROKE_OFF = broken("broke_off");
export const NO_STOP_REASON = broken("no_stop_reason");

export const SHUTTING_DOWN = broken("shutting_down");

export function tooLarge(reason: string) {
  return broken("too_large", reason);
}

/** `idleMs`: how long the provider has said nothing. */
export function silent(idleMs: number) {
  return broken("silent", Math.round(idleMs / 1000));
}
