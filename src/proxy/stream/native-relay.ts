/**
 * Native relay: the runtime passes a provider's stream to the client by itself, and Kleis reads a copy afterwards. The same
 * watcher as in `relay.ts` judges how it ended, and what the provider left out is written after its last byte. Bytes that
 * have passed cannot be taken back; docs/deploy/cloudflare.md says under "Native streams" what that means.
 */
import { joinBytes } from "../../bytes.ts";
import { withTimeout } from "../../deadline.ts";
import type { EndState } from "../../protocols/sse/end.ts";
import { isWholeEvent, withName } from "../../protocols/sse/event.ts";
import { EventSplitter, EventTooLargeError } from "../../protocols/sse/splitter.ts";
import type { StreamFailure } from "../../protocols/stream-errors.ts";
import type { Passthrough } from "../../runtime.ts";
import { ENDED_EARLY, idleTimeoutError, type StreamOutcome, type StreamPlan } from "./outcome.ts";

/** After the last event, how long (ms) the provider may take to end its stream. */
const DRAIN_MS = 1_000;

const encoder = new TextEncoder();
const EMPTY_LINE = encoder.encode("\n\n");
const NOTHING = new Uint8Array(0);

export interface NativeRelayOptions extends StreamPlan {
  readonly passthrough: Passthrough;
  /** True when the client has gone away. */
  readonly hasLeft: () => boolean;
}

/** How the provider's side came to its end; `drained`: it did not, after its last event. */
type UpstreamEnd = "ended" | "broke" | "idle" | "drained" | "too_large";

/** Settles when the stream has ended on both sides; never rejects. */
export function relayNatively(options: NativeRelayOptions): Promise<void> {
  return new NativeRelay(options).run();
}

class NativeRelay {
  readonly #options: NativeRelayOptions;
  readonly #splitter = new EventSplitter();
  #state: EndState = "open";
  /** An error that passed without its name, once more with it. */
  #named: Uint8Array<ArrayBuffer> | null = null;
  #bytes = 0;
  /** Until when the provider may end its stream after its last event, epoch ms; 0 before that. */
  #drainUntil = 0;

  constructor(options: NativeRelayOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { stop, onEnd, hasLeft } = this.#options;
    const end = await this.#watch().catch(
      (error): UpstreamEnd => (error instanceof EventTooLargeError ? "too_large" : "broke"),
    );
    if (end !== "ended") stop();
    const { tail, isCompleted } = this.#tailOf(end);
    const seen = outcomeOf(this.#state, end);
    const written = await this.#write(tail);
    if (end === "ended") stop();
    // Agents leave as soon as they have the last event.
    if (seen === "complete") return onEnd(seen, this.#bytes);
    const outcome = hasLeft() ? "client_left" : (written ?? (isCompleted ? "complete" : seen));
    onEnd(outcome, this.#bytes);
  }

  /** Reads the copy until the provider's side has ended. */
  async #watch(): Promise<UpstreamEnd> {
    const { passthrough, clock, idleMs } = this.#options;
    for (;;) {
      const limit = this.#drainUntil === 0 ? idleMs : this.#drainUntil - clock.now();
      const next = await withTimeout(clock, Math.max(limit, 0), passthrough.copy.read(), () => null);
      if (next === null) return this.#drainUntil === 0 ? "idle" : "drained";
      this.#bytes += next.value?.length ?? 0;
      if (next.value !== undefined) this.#splitter.push(next.value, this.#see);
      if (next.done) return "ended";
    }
  }

  readonly #see = (event: Uint8Array): void => {
    if (this.#state !== "open" && this.#state !== "failing") return;
    const { watcher, clock, onLastEvent } = this.#options;
    const next = watcher.see(event);
    if (next === "open") return;
    onLastEvent?.(event, next);
    if (this.#drainUntil === 0) this.#drainUntil = clock.now() + DRAIN_MS;
    this.#state = next;
    if (next === "unnamed") this.#named = joinBytes([EMPTY_LINE, withName(event, "error"), EMPTY_LINE]);
  };

  /**
   * What is written after the provider's last byte; null where that byte is inside an event, which nothing can follow.
   * `isCompleted`: the tail is only the formal end of a whole response.
   */
  #tailOf(end: UpstreamEnd): { tail: Uint8Array<ArrayBuffer> | null; isCompleted: boolean } {
    const { mayOmitTerminator, watcher } = this.#options;
    const rest = end === "too_large" ? null : this.#splitter.rest();
    const isWhole = rest !== null && isWholeEvent(rest);
    if (isWhole) this.#see(rest);
    const isOpen = this.#state === "open";
    const terminator = isOpen && end === "ended" && mayOmitTerminator ? watcher.missingTerminator() : null;
    const isCompleted = terminator !== null;
    if (end === "too_large" || (rest !== null && !isWhole && isOpen)) return { tail: null, isCompleted };
    const tail = terminator ?? this.#named ?? this.#missingError(end);
    // What is left of a cut event must not run into what follows it.
    const runsOn = rest !== null && (isWhole || tail.length > 0);
    return { tail: runsOn ? joinBytes([EMPTY_LINE, tail]) : tail, isCompleted };
  }

  #missingError(end: UpstreamEnd): Uint8Array<ArrayBuffer> {
    const { failureEvents, idleMs, watcher } = this.#options;
    if (this.#state === "failing") return watcher.missingFailure?.() ?? NOTHING;
    if (this.#state !== "open") return NOTHING;
    const failure: StreamFailure = end === "idle" ? idleTimeoutError(idleMs) : ENDED_EARLY;
    return encoder.encode(failureEvents(failure, true));
  }

  /** Ends the client's side; null where the client took all of it. */
  async #write(tail: Uint8Array<ArrayBuffer> | null): Promise<"client_stalled" | "client_left" | null> {
    const { passthrough, clock, stallMs } = this.#options;
    const written = tail === null ? passthrough.abort() : passthrough.end(tail);
    try {
      return await withTimeout(
        clock,
        stallMs,
        written.then(() => null),
        () => "client_stalled" as const,
      );
    } catch {
      return "client_left";
    }
  }
}

function outcomeOf(state: EndState, end: UpstreamEnd): StreamOutcome {
  if (state === "end") return "complete";
  if (state === "failing" || state === "failed" || state === "unnamed") return "provider_error";
  return end === "too_large" || end === "idle" ? end : "incomplete";
}
