/** The end of a stream, as a protocol's watcher reports it event by event. */

/**
 * - `open`: the stream goes on.
 * - `end`: this event legally ends it.
 * - `failing`: the provider announced an error; its last event may still follow at once. Reported a second time: this event
 *   would be another end, and the announced one is the last.
 * - `failed`: this event is the protocol's error event, and the last.
 * - `unnamed`: the same, but it lacks the name `error` by which the protocol's clients recognise one: they would ignore it.
 * - `unfinished`: the stream claims its end but the response has no stop reason; agents would retry it for ever.
 */
export type EndState = "open" | "end" | "failing" | "failed" | "unnamed" | "unfinished";

/** Watches the events of one stream, in order. */
export interface EndWatcher {
  see(event: Uint8Array): EndState;
  /**
   * Called when the provider ends its stream without the last event: the bytes that complete it where the response itself is
   * complete and only the terminator is missing, otherwise null.
   */
  missingTerminator(): Uint8Array<ArrayBuffer> | null;
  /** The bytes that end the stream after an announced error (`failing`) whose last event the provider leaves out. */
  missingFailure?(): Uint8Array<ArrayBuffer>;
  /** The id of the response that has begun, in a protocol that names one. */
  readonly responseId?: string | undefined;
}
