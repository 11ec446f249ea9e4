/**
 * Cuts a byte stream into server-sent events without changing a byte. An event ends with an empty line, in any mix of
 * `\n` and `\r\n`, wherever the chunks are cut.
 */
import { joinBytes } from "../../join-bytes.ts";

const LF = 0x0a;
const CR = 0x0d;

/**
 * The most bytes that one event may have; a stream with a larger one is ended with an error. Far above a generated image,
 * and several times as much still fits the memory of a Worker (128 MB).
 */
export const MAX_EVENT_BYTES = 16 * 1024 * 1024;

/** Thrown by `push` when one event passes the limit. */
export class EventTooLargeError extends Error {
  constructor(limit: number) {
    super(`one event of the provider's stream is larger than ${limit} bytes`);
    this.name = "EventTooLargeError";
  }
}

/** Where the last byte seen stands: inside a line, behind its `\n`, or behind `\n\r`. */
type Place = "line" | "lf" | "lf-cr";

export class EventSplitter {
  readonly #limit: number;
  #place: Place = "line";
  /** The begun event's bytes from earlier chunks. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(limit = MAX_EVENT_BYTES) {
    this.#limit = limit;
  }

  /** Calls `each` for every event that ends in this chunk; an event within the chunk is a view of it, not a copy. */
  push(chunk: Uint8Array, each: (event: Uint8Array) => void): void {
    let start = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#place === "line") {
        const lf = chunk.indexOf(LF, at);
        if (lf === -1) break;
        at = lf + 1;
        this.#place = "lf";
        continue;
      }
      const byte = chunk[at];
      if (byte === LF) {
        at++;
        this.#place = "line";
        this.#emit(chunk.subarray(start, at), each);
        start = at;
      } else if (byte === CR && this.#place === "lf") {
        at++;
        this.#place = "lf-cr";
      } else {
        this.#place = "line";
      }
    }
    if (start < chunk.length) this.#hold(start === 0 ? chunk : chunk.subarray(start));
  }

  /** What is left when the stream ends: an event without its empty line, or null. */
  rest(): Uint8Array | null {
    if (this.#heldBytes === 0) return null;
    const rest = joinBytes(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return rest;
  }

  #emit(end: Uint8Array, each: (event: Uint8Array) => void): void {
    if (this.#heldBytes + end.length > this.#limit) throw new EventTooLargeError(this.#limit);
    if (this.#heldBytes === 0) {
      each(end);
      return;
    }
    this.#held.push(end);
    const event = joinBytes(this.#held, this.#heldBytes + end.length);
    this.#held = [];
    this.#heldBytes = 0;
    each(event);
  }

  #hold(part: Uint8Array): void {
    this.#heldBytes += part.length;
    if (this.#heldBytes > this.#limit) throw new EventTooLargeError(this.#limit);
    this.#held.push(part);
  }
}
