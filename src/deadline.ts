/** Time limits on work: what it settles as, or what happens when its time is up. */
import type { Clock } from "./runtime.ts";

type Sleep = Pick<Clock, "sleep">;

/** Aborting without a reason makes a `DOMException`, which costs more than most of the work that is timed here. */
const SETTLED = "the work has settled";

const TIMED_OUT: unique symbol = Symbol("timed out");

/** Settles as the work does, or as `onTimeout` does once `ms` have passed. The work itself goes on. */
export async function withTimeout<Result, Late>(
  clock: Sleep,
  ms: number,
  work: Promise<Result>,
  onTimeout: () => Late | Promise<Late>,
): Promise<Result | Late> {
  const timer = new AbortController();
  const timeout = clock.sleep(ms, timer.signal).then((): typeof TIMED_OUT => TIMED_OUT);
  try {
    const first = await Promise.race([work, timeout]);
    return first === TIMED_OUT ? onTimeout() : first;
  } finally {
    timer.abort(SETTLED);
  }
}

export interface Deadline {
  readonly clock: Sleep;
  readonly ms: number;
  /** Makes the reason of an abort when the time is up. */
  readonly reason: () => unknown;
  /** Ends the work as well; what it returned stays bound to it. */
  readonly signal?: AbortSignal;
}

/** Runs work with a signal that aborts when its time is up, and rejects with that signal's reason as soon as it does. */
export async function withDeadline<Result>(
  { clock, ms, reason, signal: outer }: Deadline,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const timer = new AbortController();
  if (outer !== undefined) abortWith(outer, limit);
  void clock.sleep(ms, timer.signal).then(() => {
    if (!timer.signal.aborted) limit.abort(reason());
  });
  try {
    return await untilAborted(work(limit.signal), limit.signal);
  } finally {
    timer.abort(SETTLED);
  }
}

/** In a scope of its own, so that the listener keeps nothing of the work alive: the signal may outlive it by far. */
function abortWith(outer: AbortSignal, inner: AbortController): void {
  const abort = () => inner.abort(outer.reason);
  if (outer.aborted) abort();
  outer.addEventListener("abort", abort);
}

/** Settles as the work does, or rejects with the signal's reason as soon as it aborts, whatever a runtime makes of the signal. */
export async function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
