/** The provider's side of one request: who may abort it, and how long a client waits for it before its stream begins. */
import { withTimeout } from "../deadline.ts";
import type { Runtime } from "../runtime.ts";
import type { Attempt } from "./attempt.ts";
import type { ProxyCall } from "./context.ts";

/**
 * How long, in ms, a stream's client waits for the provider's status before it is given a 200 and keep-alives. An error
 * that comes sooner keeps its status, which is what clients act upon; one that comes later becomes the protocol's error
 * event. 45 s lies above the slowest refusals and below the 60 to 100 s at which reverse proxies give up on headers.
 */
export const COMMIT_AFTER_MS = 45_000;

/** One for all: making a `DOMException` costs more than sending a small event. */
const NOT_NEEDED = new DOMException("the provider's response is not needed any more", "AbortError");

export interface Upstream {
  /** Rejects with `KleisError` when the provider does not respond. */
  readonly response: Promise<Response>;
  /** Stops the provider's side. */
  readonly stop: () => void;
  /** The provider's response; null where a stream's client has to be given its 200 before there is one. */
  beforeCommit(): Promise<Response | null>;
  /** From here on a shutdown no longer stops the provider's side: the client's stream ends with an error of its own. */
  handOver(): void;
}

/** Sends the attempt. Its client's leaving and the runtime's shutdown abort it. */
export function startUpstream(
  attempt: Pick<Attempt, "runtime" | "mayCommit" | "send">,
  { request: { signal: client } }: Pick<ProxyCall, "request">,
): Upstream {
  const { runtime, mayCommit } = attempt;
  const abort = new AbortController();
  const stop = () => abort.abort(NOT_NEEDED);
  stopWith(client, stop);
  stopWith(runtime.shutdown, stop);
  const response = attempt.send(abort.signal);
  return {
    response,
    stop,
    beforeCommit: () => (mayCommit ? untilCommit(runtime, response) : response),
    handOver: () => runtime.shutdown?.removeEventListener("abort", stop),
  };
}

function stopWith(signal: AbortSignal | undefined, stop: () => void): void {
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
}

function untilCommit({ clock }: Runtime, response: Promise<Response>): Promise<Response | null> {
  return withTimeout(clock, COMMIT_AFTER_MS, response, () => null);
}
