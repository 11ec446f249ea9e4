/** Keeps work that has no answer yet from outliving the runtime. */

import { untilAborted } from "../deadline.ts";
import { KleisError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { SHUTTING_DOWN } from "./stream/outcome.ts";

/** What becomes of the work, or `shutting_down` as soon as the runtime is about to end. */
export async function untilEnding<Result>(
  { ending }: Pick<Runtime, "ending">,
  work: Promise<Result>,
): Promise<Result> {
  if (ending === undefined) return work;
  try {
    return await untilAborted(work, ending);
  } catch (error) {
    if (!ending.aborted || error !== ending.reason) throw error;
    throw new KleisError(SHUTTING_DOWN.code, SHUTTING_DOWN.message);
  }
}
