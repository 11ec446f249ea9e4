/**
 * Lets one write of a stored value go on at a time in a process. Of two whose order the store decides, the older could be
 * the last. What becomes due during a write is left to the caller that is writing, since requests must not await each
 * other on Workers.
 */
import type { Clock } from "../runtime.ts";
import { isWithin } from "./time.ts";

/** A write that has not ended after this long, ms, is presumed dead: its request may have been terminated. */
const WRITE_MS = 15_000;

export class SoleWriter {
  readonly #clock: Pick<Clock, "now">;
  #isDue = false;
  #since = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Performs `write`, which must not reject, until nothing is due; at once where another caller performs it already. */
  async run(write: () => Promise<void>): Promise<void> {
    this.#isDue = true;
    if (isWithin(this.#clock.now(), this.#since, WRITE_MS)) return;
    while (this.#isDue) {
      this.#isDue = false;
      this.#since = this.#clock.now();
      await write();
    }
    this.#since = Number.NEGATIVE_INFINITY;
  }
}
