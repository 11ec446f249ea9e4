/** Joins events that lie next to each other in one buffer, so that a chunk of many small events is sent as one piece. */
export class EventRuns {
  readonly #send: (run: Uint8Array) => void;
  #run: Uint8Array | null = null;

  constructor(send: (run: Uint8Array) => void) {
    this.#send = send;
  }

  add(event: Uint8Array): void {
    const run = this.#run;
    if (run !== null && isNext(run, event)) {
      this.#run = new Uint8Array(run.buffer, run.byteOffset, run.length + event.length);
    } else {
      this.flush();
      this.#run = event;
    }
  }

  /** Sends what has been added. */
  flush(): void {
    const run = this.#run;
    this.#run = null;
    if (run !== null) this.#send(run);
  }
}

/** True when `event` directly follows `run` in the same buffer. */
function isNext(run: Uint8Array, event: Uint8Array): boolean {
  return run.buffer === event.buffer && run.byteOffset + run.length === event.byteOffset;
}
