/** Keeps requests without a response yet from outliving the runtime. */

import { untilAborted } from "../deadline.ts";
import { KleisError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { SHUTTING_DOWN } from "./stream/outcome.ts";

/** Settles as the work does, or rejects with `shutting_down` as soon as the runtime is about to end. */
export async function untilShutdown<Result>(
  { shutdown }: Pick<Runtime, "shutdown">,
  work: Promise<Result>,
): Promise<Result> {
  if (shutdown === undefined) return work;
  try {
    return await untilAborted(work, shutdown);
  } catch (error) {
    if (!shutdown.aborted || error !== shutdown.reason) throw error;
    throw new KleisError(SHUTTING_DOWN.code, SHUTTING_DOWN.message);
  }
}
