/** Limits how many places of one body are changed: each edit takes time, and many small ones take a lot. */
import { KleisError } from "../errors.ts";

/** Far above a conversation of 10,000 items whose ids are removed. */
export const MAX_EDITS = 30_000;

/** The error for a body that would need more. */
export function tooManyEdits(): KleisError {
  return new KleisError(
    "invalid_request",
    `The model's provider needs more than ${MAX_EDITS} places of this request changed. Send fewer items, tools or tool names.`,
  );
}
