/** Ids of tool calls in a form that every provider takes. */
import { hexDigest } from "../carriers/digest.ts";

const PORTABLE = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * The id itself where it is 1 to 64 of `[A-Za-z0-9_-]`, else one derived from it: the same for the call and its result, in
 * every turn.
 */
export function portableId(id: string): string {
  return PORTABLE.test(id) ? id : derivedId(id);
}

/** `call_` and 24 hex digits that depend on the text alone. */
export function derivedId(source: string): string {
  return `call_${hexDigest(source, 24)}`;
}
