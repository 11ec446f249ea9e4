/**
 * Limits on what a JSON body may be made of: stops one request from taking the memory, the stack or the event loop from all
 * others. Checked on the bytes while they come, before anything is parsed.
 */
import { KleisError } from "../../errors.ts";
import { MAX_DEPTH } from "../../json.ts";

/** Member names in one body, over all its objects. Parsing so many different ones takes about 0.1 s. */
export const MAX_NAMES = 100_000;
/** Values in one body: members, elements, and the containers that hold them. */
export const MAX_VALUES = 500_000;

/**
 * What parsed JSON takes in V8's heap beside its strings, bytes (measured with Node 24 on 64 bits, rounded up): an empty
 * object or array, a member with a name that no other object has, and any other value with its slot in its container.
 */
const CONTAINER_BYTES = 64;
const NAME_BYTES = 144;
const VALUE_BYTES = 24;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** How many bytes of a string are scanned here before the runtime's own search is worth its call. */
const NEAR = 32;

/**
 * Scans a body once, in pieces of any size, and counts what it is made of. Does not check that it is valid JSON.
 */
export class JsonScanner {
  #names = 0;
  #values = 0;
  #containers = 0;
  #depth = 0;
  #inString = false;
  /** The byte before was a backslash that escapes the next one. */
  #escapes = false;

  get names(): number {
    return this.#names;
  }

  get values(): number {
    return this.#values;
  }

  /** What the parsed value will take beside its strings, bytes, roughly. */
  get parsedBytes(): number {
    return this.#containers * CONTAINER_BYTES + this.#names * NAME_BYTES + this.#values * VALUE_BYTES;
  }

  /** Throws `invalid_request` as soon as the body holds too much to be parsed. */
  push(bytes: Uint8Array): void {
    let at = this.#inString ? this.#endOfString(bytes, 0) : 0;
    for (; at < bytes.length; at++) {
      switch (bytes[at]) {
        case QUOTE:
          this.#inString = true;
          at = this.#endOfString(bytes, at + 1) - 1;
          break;
        case 0x7b: // {
        case 0x5b: // [
          this.#containers++;
          this.#value();
          if (++this.#depth > MAX_DEPTH) throw tooDeep();
          break;
        case 0x7d: // }
        case 0x5d: // ]
          this.#depth--;
          break;
        case 0x3a: // :
          if (++this.#names > MAX_NAMES) throw tooMuch(`${MAX_NAMES} member names`);
          break;
        case 0x2c: // ,
          this.#value();
          break;
      }
    }
  }

  #value(): void {
    if (++this.#values > MAX_VALUES) throw tooMuch(`${MAX_VALUES} values`);
  }

  /** The index after the string that goes on at `from`; the end of the bytes where it does not end in them. */
  #endOfString(bytes: Uint8Array, from: number): number {
    let at = from;
    if (this.#escapes && at < bytes.length) {
      this.#escapes = false;
      at++;
    }
    while (at < bytes.length) {
      const near = Math.min(at + NEAR, bytes.length);
      for (; at < near; at++) {
        const byte = bytes[at];
        if (byte === QUOTE) {
          this.#inString = false;
          return at + 1;
        }
        if (byte === BACKSLASH) at++;
      }
      if (at >= bytes.length) break;
      const quote = bytes.indexOf(QUOTE, at);
      const end = quote === -1 ? bytes.length : quote;
      const isEscaped = backslashesBefore(bytes, at, end) % 2 === 1;
      at = end + (quote === -1 && !isEscaped ? 0 : 1);
      if (quote !== -1 && !isEscaped) {
        this.#inString = false;
        return at;
      }
    }
    // A backslash at the very end escapes the first byte of the next piece.
    this.#escapes = at > bytes.length;
    return bytes.length;
  }
}

/** The number of backslashes directly before `end`, back to `from`. */
function backslashesBefore(bytes: Uint8Array, from: number, end: number): number {
  let at = end;
  while (at > from && bytes[at - 1] === BACKSLASH) at--;
  return end - at;
}

function tooDeep(): KleisError {
  return new KleisError(
    "invalid_request",
    `The request body is nested more than ${MAX_DEPTH} levels deep. Send a flatter one.`,
  );
}

function tooMuch(what: string): KleisError {
  return new KleisError(
    "invalid_request",
    `The request body has more than ${what}. Split it, or leave out what the model does not need.`,
  );
}
