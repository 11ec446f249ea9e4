/** Virtual time: a queue of what is going to happen. Between two events every promise that can go on does so. */
interface Happening {
  at: number;
  order: number;
  run: () => void;
}

export class Timeline {
  now: number;
  #order = 0;
  /** A binary heap, earliest first; order breaks ties, so that a replay is the same. */
  readonly #heap: Happening[] = [];

  constructor(now: number) {
    this.now = now;
  }

  /** Lets something happen `ms` from now. */
  after(ms: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ at: this.now + Math.max(ms, 0), order: this.#order++, run });
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (isEarlier(heap[parent]!, heap[child]!)) break;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      child = parent;
    }
  }

  /** Runs until nothing is left to happen before `until`. */
  async runUntil(until: number): Promise<void> {
    await settle();
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      this.#dropFirst();
      this.now = Math.max(this.now, next.at);
      next.run();
      await settle();
    }
    this.now = Math.max(this.now, until);
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let parent = 0; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && isEarlier(heap[child]!, heap[least]!)) least = child;
      }
      if (least === parent) return;
      [heap[parent], heap[least]] = [heap[least]!, heap[parent]!];
      parent = least;
    }
  }
}

function isEarlier(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** An immediate runs when no promise is left that could go on. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
