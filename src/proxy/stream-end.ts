/** The end of a stream to a client: what it takes to bring it about, how it was, and what the client is told of it. */
import type { EndWatcher } from "../protocols/sse/end.ts";
import type { Clock } from "../runtime.ts";

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

/** Why a stream ends without the provider's own last event, before the protocol gives it a shape. */
export interface StreamError {
  code: "upstream_stream_incomplete" | "upstream_timeout" | "shutting_down";
  message: string;
}

/** What every way of relaying has to know. */
export interface StreamPlan {
  readonly watcher: EndWatcher;
  /** The provider may leave out the formal end of a whole answer. */
  readonly mayOmitEnd: boolean;
  /** The protocol's error event for a code and a message. */
  readonly errorEvent: (error: StreamError) => string;
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
  readonly onEnd: (outcome: StreamOutcome, bytes: number) => void;
}

const incomplete = (what: string): StreamError => ({
  code: "upstream_stream_incomplete",
  message: `${what}. Try again.`,
});

export const ENDED_EARLY = incomplete("The provider's stream ended before the answer was complete");
export const BROKE_OFF = incomplete("The connection to the provider broke before the answer was complete");
export const NO_STOP_REASON = incomplete("The provider ended its stream without a stop reason");

/** In words on which agents that go by words send the request again. */
export const SHUTTING_DOWN: StreamError = {
  code: "shutting_down",
  message: "Connection lost: Kleis is shutting down (service unavailable). Try again.",
};

export function tooLarge(reason: string): StreamError {
  return { code: "upstream_stream_incomplete", message: `Ended: ${reason}.` };
}

/** `idleMs`: how long the provider has said nothing. */
export function silent(idleMs: number): StreamError {
  const seconds = Math.round(idleMs / 1000);
  return {
    code: "upstream_timeout",
    message: `The provider sent nothing for ${seconds} seconds. Try again.`,
  };
}
