/**
 * Limits on what a JSON body may be made of, so that one request can not take the memory or the stack of all others.
 * A large body is judged by its bytes before it is parsed; a small one, which can not hold much, by its value.
 */
import { KleisError } from "../errors.ts";
import { isDeeper, type Json, MAX_DEPTH } from "../json.ts";

/** Names of object members in one body, over all its objects. */
export const MAX_NAMES = 250_000;
/** Values in one body: members, elements, and whatever holds them. */
export const MAX_VALUES = 1_000_000;

/** Above this many bytes a body is judged before it is parsed; below, it can not hold too many names or values. */
export const LARGE_BYTES = 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Throws `invalid_request` for a body that holds too much to be parsed. Reads every byte once. */
export function checkBytes(bytes: Uint8Array): void {
  if (bytes.length <= LARGE_BYTES) return;
  let depth = 0;
  let names = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfText(bytes, at + 1);
        break;
      case 0x7b: // {
      case 0x5b: // [
        values++;
        if (++depth > MAX_DEPTH) throw tooDeep();
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x3a: // :
        if (++names > MAX_NAMES) throw tooMuch(`${MAX_NAMES} member names`);
        break;
      case 0x2c: // ,
        if (++values > MAX_VALUES) throw tooMuch(`${MAX_VALUES} values`);
        break;
    }
  }
}

/** Throws `invalid_request` for a value that is nested too deeply. */
export function checkDepth(value: Json): void {
  if (isDeeper(value)) throw tooDeep();
}

/** The index of the closing quote of a text that begins at `from`. */
function endOfText(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return bytes.length;
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
