/**
 * Cuts a byte stream into server-sent events without changing a byte. An event ends with an empty line, in any mix of
 * `\n`, `\r\n` and `\r` (HTML Standard, "Parsing an event stream"), wherever the chunks are cut.
 */
import { joinBytes } from "../../bytes.ts";

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

/**
 * Where the last byte is: inside a line, after a line's end, after a `\r` that ends a line, or after one that ends an empty
 * line. A `\n` that follows a `\r` belongs to it.
 */
type Place = "line" | "start" | "line-cr" | "empty-cr";

export class EventSplitter {
  readonly #limit: number;
  #place: Place = "line";
  /** The line before ended with `\r` alone: then so does the empty one, and its event need not wait for the next byte. */
  #endedWithCr = false;
  /** The current event's bytes from earlier chunks. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(limit = MAX_EVENT_BYTES) {
    this.#limit = limit;
  }

  /** Calls `each` for every event that ends in this chunk; an event within the chunk is a view of it, not a copy. */
  push(chunk: Uint8Array, each: (event: Uint8Array) => void): void {
    // Nearly all streams have no `\r`: then the runtime's own search for line ends is enough.
    const isPlain = (this.#place === "line" || this.#place === "start") && chunk.indexOf(CR) === -1;
    const start = isPlain ? this.#pushPlain(chunk, each) : this.#pushAny(chunk, each);
    if (start < chunk.length) this.#hold(start === 0 ? chunk : chunk.subarray(start));
  }

  /** Returns the start of the event that does not end in this chunk. */
  #pushPlain(chunk: Uint8Array, each: (event: Uint8Array) => void): number {
    let start = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#place === "line") {
        const lf = chunk.indexOf(LF, at);
        if (lf === -1) break;
        at = lf + 1;
        this.#place = "start";
        this.#endedWithCr = false;
      } else if (chunk[at] === LF) {
        at++;
        this.#place = "line";
        this.#emit(chunk.subarray(start, at), each);
        start = at;
      } else {
        this.#place = "line";
      }
    }
    return start;
  }

  /** The same for chunks with a `\r`, byte by byte. */
  #pushAny(chunk: Uint8Array, each: (event: Uint8Array) => void): number {
    let start = 0;
    const endEvent = (end: number) => {
      this.#place = "line";
      this.#emit(chunk.subarray(start, end), each);
      start = end;
    };
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      // The empty line ended with the byte before.
      if (byte !== LF && this.#place === "empty-cr") endEvent(at);
      if (byte !== LF && this.#place === "line-cr") {
        this.#place = "start";
        this.#endedWithCr = true;
      }
      const isEmpty = this.#place === "start";
      if (byte === LF) {
        if (isEmpty || this.#place === "empty-cr") endEvent(at + 1);
        else this.#place = "start";
        this.#endedWithCr = false;
      } else if (byte !== CR) {
        this.#place = "line";
      } else if (isEmpty && this.#endedWithCr) {
        endEvent(at + 1);
      } else {
        this.#place = isEmpty ? "empty-cr" : "line-cr";
      }
    }
    return start;
  }

  /** What is left when the stream ends: an event without its empty line, or null. */
  rest(): Uint8Array | null {
    this.#place = "line";
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
