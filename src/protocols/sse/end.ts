/** What the end of a stream is: how a protocol's watcher reports it, event by event. */

/**
 * - `open`: the stream goes on.
 * - `end`: this event legally ends it.
 * - `failing`: the provider announced an error; its last event may still follow at once. Said a second time: this event
 *   would be another end, and the announced one is the last.
 * - `failed`: this event is the protocol's error event, and the last.
 * - `unnamed`: the same, but it lacks the name `error` by which the protocol's clients know one: they would pass it over.
 * - `unfinished`: the stream claims its end but the answer has no stop reason; agents would repeat for ever on it.
 */
export type EndState = "open" | "end" | "failing" | "failed" | "unnamed" | "unfinished";

/** Watches the events of one stream, in order. */
export interface EndWatcher {
  see(event: Uint8Array): EndState;
  /**
   * Asked when the provider ends its stream without the last event: the bytes that complete it when the answer itself is
   * whole and only the formal end is missing, else null.
   */
  missingTerminator(): Uint8Array<ArrayBuffer> | null;
  /** The bytes that end the stream after an announced error (`failing`) whose last event the provider leaves out. */
  missingFailure?(): Uint8Array<ArrayBuffer>;
  /** The id of the response that has begun, in a protocol that names one. */
  readonly responseId?: string | undefined;
}
