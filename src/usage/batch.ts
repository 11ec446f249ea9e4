/**
 * Writes what a process counts, in batches behind the requests. A batch that was sent once keeps its id and its contents
 * until the store has acknowledged it, so that it is written once, however often it is sent. What a process has not written
 * when it ends without notice is lost; nothing is ever written twice.
 */
import type { Runtime } from "../runtime.ts";
import { sortableId } from "../sortable-id.ts";
import type { DecisionRow, UsageBatch } from "../storage/port.ts";

export interface BatchWriter {
  /** A request begins. The result is called when it has ended; after the last one, what was counted is written. */
  begin(): () => void;
  add(decision: DecisionRow): void;
  /** Writes everything (at shutdown, before a page reads). Never rejects. */
  flush(): Promise<void>;
}

/** How long rows wait at most while requests run, ms. */
export const FLUSH_MS = 10_000;
/** How many rows wait at most, and are in one batch. */
export const BATCH_ROWS = 200;
/** How many rows are kept while the store does not take them; the oldest go first. */
export const BACKLOG_ROWS = 5_000;
/** Pauses after failures in a row, ms; the last one repeats. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000];
/** A batch that was not acknowledged for so long is given up, ms: the store forgets ids after a day. */
const GIVEN_UP_MS = 12 * 60 * 60_000;
/** A write that has not come back for so long is taken for lost, ms: a runtime may end it without notice. */
const LOST_MS = 30_000;

export function createBatchWriter(runtime: Runtime): BatchWriter {
  return new StoredBatches(runtime);
}

class StoredBatches implements BatchWriter {
  readonly #runtime: Runtime;
  /** Counted and not in a batch yet, oldest first. */
  #open: DecisionRow[] = [];
  /** Sent, or about to be; null where none is. Nothing else is sent before it is acknowledged. */
  #frozen: UsageBatch | null = null;
  #writing: Promise<void> | null = null;
  /** Since when a write is under way, epoch ms. */
  #writingSince: number | null = null;
  #running = 0;
  #failures = 0;
  /** No attempt before this time, except for `flush`; epoch ms. */
  #pausedUntil = 0;
  #isTimed = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  begin(): () => void {
    this.#running++;
    let isRunning = true;
    return () => {
      if (!isRunning) return;
      isRunning = false;
      this.#running--;
      if (this.#running === 0) this.#writeBehind();
    };
  }

  add(decision: DecisionRow): void {
    this.#open.push(decision);
    if (this.#open.length > BACKLOG_ROWS) this.#open.shift();
    if (this.#open.length >= BATCH_ROWS || this.#running === 0) this.#writeBehind();
    else this.#setTimer(FLUSH_MS);
  }

  async flush(): Promise<void> {
    // Where requests must not wait for each other's promises, the write under way goes on by itself.
    if (this.#runtime.sharesPromises) await this.#writing;
    this.#pausedUntil = 0;
    await this.#write();
  }

  #writeBehind(): void {
    if (this.#runtime.clock.now() < this.#pausedUntil) return;
    this.#runtime.waitUntil(this.#write());
  }

  /** One write at a time: what is added meanwhile goes with the next batch. */
  #write(): Promise<void> {
    const now = this.#runtime.clock.now();
    const isWriting = this.#writingSince !== null && Math.abs(now - this.#writingSince) < LOST_MS;
    if (isWriting || (this.#frozen === null && this.#open.length === 0)) return Promise.resolve();
    this.#writingSince = now;
    const writing = this.#drain(now).finally(() => {
      // Another may have begun since this one was taken for lost.
      if (this.#writingSince !== now) return;
      this.#writingSince = null;
      this.#writing = null;
    });
    this.#writing = writing;
    return writing;
  }

  async #drain(begun: number): Promise<void> {
    const { storage, clock, logger } = this.#runtime;
    while (this.#writingSince === begun) {
      this.#giveUp();
      const batch = this.#frozen ?? this.#freeze();
      if (batch === null) return;
      try {
        await storage.usage.write(batch);
        if (this.#frozen === batch) this.#frozen = null;
        this.#failures = 0;
        this.#pausedUntil = 0;
      } catch (error) {
        const pause = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)] ?? 0;
        this.#failures++;
        this.#pausedUntil = clock.now() + pause;
        const name = error instanceof Error ? error.name : "unknown";
        logger.warn("usage_not_written", { rows: batch.decisions.length + this.#open.length, error: name });
        this.#setTimer(pause);
        return;
      }
    }
  }

  /** It cannot be determined whether an old batch was written: better lost than written twice. */
  #giveUp(): void {
    const { clock, logger } = this.#runtime;
    if (this.#frozen === null || clock.now() - this.#frozen.at < GIVEN_UP_MS) return;
    logger.error("usage_lost", { rows: this.#frozen.decisions.length });
    this.#frozen = null;
  }

  #freeze(): UsageBatch | null {
    const decisions = this.#open.splice(0, BATCH_ROWS);
    if (decisions.length === 0) return null;
    this.#frozen = { id: sortableId(this.#runtime, "bat_"), at: this.#runtime.clock.now(), decisions };
    return this.#frozen;
  }

  /** Where the process goes on without requests; elsewhere the next request takes along what waits. */
  #setTimer(ms: number): void {
    const { clock, outlivesRequests = false } = this.#runtime;
    if (!outlivesRequests || this.#isTimed) return;
    this.#isTimed = true;
    void clock.sleep(ms).then(() => {
      this.#isTimed = false;
      this.#writeBehind();
    });
  }
}
