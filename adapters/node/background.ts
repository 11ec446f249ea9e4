/** Work that goes on after a response, and the end of it at shutdown. */
import { clock } from "../edge/platform.ts";

export class Background {
  readonly #running = new Set<Promise<unknown>>();

  /** Takes work; its failure is its own matter. */
  add(work: Promise<unknown>): void {
    const settled = work.catch(() => {}).finally(() => this.#running.delete(settled));
    this.#running.add(settled);
  }

  /** Resolves when nothing is left, or after `ms`. Work may begin further work: tokens whose first write failed are still written. */
  async done(ms: number): Promise<void> {
    const timer = new AbortController();
    const limit = clock.sleep(ms, timer.signal).then(() => timer.abort());
    while (this.#running.size > 0 && !timer.signal.aborted) {
      await Promise.race([Promise.all(this.#running), limit]);
    }
    timer.abort();
  }
}
