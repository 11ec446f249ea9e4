/** A clock that stands still until a test sets it, while sleepers wait in real time. */
import type { Clock } from "../../src/runtime.ts";
import { sleep } from "./config.ts";

export class HandClock implements Clock {
  /** Epoch ms. */
  ms: number;

  constructor(ms = 1_790_000_000_000) {
    this.ms = ms;
  }

  now(): number {
    return this.ms;
  }

  readonly sleep = sleep;
}
