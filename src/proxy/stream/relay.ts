/**
 * Streams a provider's events to the client: untouched events as the bytes that came, keep-alives only between events
 * and only in silence, and exactly one end. Pull-driven, so a slow client slows the provider; nothing is read to the end
 * first. Knows no protocol beyond the watcher and the error event it is given.
 */
import type { ByteSource } from "../../bytes.ts";
import { withTimeout } from "../../deadline.ts";
import { errorCodeOf } from "../../error-code.ts";
import { type EventRewriter, isWholeEvent, rewriteEvent, withName } from "../../protocols/sse/event.ts";
import { EventSplitter, EventTooLargeError } from "../../protocols/sse/splitter.ts";
import type { StreamFailure } from "../../protocols/stream-errors.ts";
import type { StreamTranslator } from "../../protocols/translate/index.ts";
import { ClientStream } from "./client-stream.ts";
import { DecompressionLimitError, EXPANDS_TOO_FAR } from "./decompress.ts";
import {
  BROKE_OFF,
  ENDED_EARLY,
  idleTimeoutError,
  NO_STOP_REASON,
  SHUTTING_DOWN,
  type StreamOutcome,
  type StreamPlan,
  tooLarge,
} from "./outcome.ts";
import { PassedOutput, type RelayOutput, TranslatedOutput } from "./relay-output.ts";
import { type RelayEnd, type RelayState, stepOf } from "./relay-step.ts";
import { watchClient } from "./watch-client.ts";

/** Silence towards the client, ms, after which a comment is sent; agents give up after 300 s (clients.md §1). */
export const KEEP_ALIVE_MS = 15_000;

/** After an announced error, how long (ms) the provider may take for its last event; nothing else of it is forwarded. */
const LAST_EVENT_MS = 1_000;

/** After a complete response, how long (ms) the provider may take to end its stream, so that its connection can be kept. */
const DRAIN_MS = 100;

/** The shortest pause between two checks for silence, ms. */
const MIN_CHECK_MS = 10;

const OVER = "the stream is over";

/** Rejection of a late `upstream`: the provider's refusal, with which the client's stream ends. */
export class LateRefusal extends Error {
  readonly failure: StreamFailure;
  constructor(failure: StreamFailure, cause?: unknown) {
    super("the provider refused after the stream to the client had begun", { cause });
    this.name = "LateRefusal";
    this.failure = failure;
  }
}

export interface RelayOptions extends StreamPlan {
  /** A promise while the provider has not responded yet: the client gets keep-alives meanwhile. */
  readonly upstream: ByteSource | Promise<ByteSource>;
  /** The client has received nothing for longer than `KEEP_ALIVE_MS` already: it gets a comment at once. */
  readonly overdue?: boolean;
  /** In order; each sees what the one before it made. */
  readonly rewriters: readonly EventRewriter[];
  /** Makes the client's events of the rewritten ones, where the client speaks another protocol than the provider. */
  readonly translator?: StreamTranslator | undefined;
}

/** The client's side of the stream. Cancelling it stops the provider's. */
export function relayEvents(options: RelayOptions): ReadableStream<Uint8Array> {
  const relay = new EventRelay(options);
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => relay.start(controller),
      pull: () => relay.pull(),
      cancel: () => relay.cancel(),
    },
    { highWaterMark: 0 },
  );
}

class EventRelay {
  readonly #options: RelayOptions;
  readonly #splitter = new EventSplitter();
  readonly #output: RelayOutput;
  /** Aborts when the stream is over. */
  readonly #over = new AbortController();
  #client!: ClientStream;
  #source: ByteSource | undefined;
  #state: RelayState = "streaming";
  /** The client waits for bytes, and the provider is being read. */
  #isReading = false;
  /** Until when the last event after an announced error is awaited, epoch ms. */
  #lastEventUntil = 0;
  /** Epoch ms. */
  #lastReadAt: number;
  /** The code of the error that broke the provider's stream. */
  #cause: string | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#lastReadAt = options.clock.now();
    const send = (bytes: Uint8Array) => this.#client.send(bytes);
    const { translator, failureEvents } = options;
    this.#output =
      translator === undefined
        ? new PassedOutput(send, failureEvents)
        : new TranslatedOutput(send, translator);
    // A client may be gone before it reads: then nothing else would handle the rejection.
    if (options.upstream instanceof Promise) options.upstream.catch(() => {});
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { clock, stallMs, shutdown } = this.#options;
    this.#client = new ClientStream(controller, clock);
    void this.#watchSilence();
    const taken = () => (this.#isReading && this.#client.queued <= 0 ? null : this.#client.taken);
    const onStall = () => this.#finish("client_stalled");
    void watchClient({ clock, stallMs, taken, onStall }, this.#over.signal);
    shutdown?.addEventListener("abort", this.#onShutdown);
    if (shutdown?.aborted) this.#onShutdown();
  }

  async pull(): Promise<void> {
    const client = this.#client;
    if (this.#options.overdue === true && client.bytes === 0) return this.#output.keepAlive();
    const before = client.bytes;
    this.#isReading = true;
    this.#lastReadAt = this.#options.clock.now();
    try {
      while (!this.#isOver && client.bytes === before) await this.#read();
    } catch (error) {
      this.#onReadError(error);
    } finally {
      this.#isReading = false;
    }
  }

  cancel(): void {
    this.#finish("client_left");
  }

  get #isOver(): boolean {
    return this.#state === "over";
  }

  async #read(): Promise<void> {
    const { clock, upstream } = this.#options;
    this.#source ??= await upstream;
    if (this.#isOver) return;
    const next = this.#source.read();
    const result =
      this.#state === "failing"
        ? await withTimeout(clock, this.#lastEventUntil - clock.now(), next, () => null)
        : await next;
    if (this.#isOver) return;
    if (result === null) return this.#endAnnouncedError();
    this.#lastReadAt = clock.now();
    if (result.value !== undefined) this.#forward(result.value);
    if (!result.done || this.#isOver) return;
    await this.#forwardRest();
    if (!this.#isOver) this.#endWithoutLastEvent();
  }

  /** Forwards the events that end in this chunk, in as few pieces as they allow. */
  #forward(chunk: Uint8Array): void {
    let end = null as RelayEnd | null;
    try {
      this.#splitter.push(chunk, (event) => {
        end ??= this.#take(event);
      });
    } catch (error) {
      // Events before the fault still reach the client; what is wrong after the end does not matter.
      if (end === null) {
        this.#output.flush();
        throw error;
      }
    }
    this.#output.flush();
    if (end !== null) this.#end(end);
  }

  /** Takes one event; says how the stream ends with it, or null. */
  #take(event: Uint8Array): RelayEnd | null {
    const { watcher, rewriters, clock, onLastEvent } = this.#options;
    const seen = watcher.see(event);
    if (seen !== "open") onLastEvent?.(event, seen);
    const state = this.#state === "failing" ? "failing" : "streaming";
    const { forwards, next, end } = stepOf(state, seen);
    if (next === "failing" && state !== "failing") {
      this.#state = "failing";
      this.#lastEventUntil = clock.now() + LAST_EVENT_MS;
    }
    if (forwards) {
      const out = rewriteEvent(rewriters, seen === "unnamed" ? withName(event, "error") : event);
      if (out !== null) this.#output.add(out);
    }
    return this.#output.ended ?? end;
  }

  #end(end: RelayEnd): void {
    if (end === "no_stop_reason") this.#fail("incomplete", NO_STOP_REASON);
    else if (end === "announced_error") this.#endAnnouncedError();
    else {
      this.#output.close();
      this.#finish(this.#output.ended ?? end);
    }
  }

  /** Forwards what is left when the provider's stream ends: a last event that lacks its empty line, if it is whole. */
  async #forwardRest(): Promise<void> {
    const rest = this.#splitter.rest();
    if (rest === null) return;
    if (isWholeEvent(rest)) return this.#forward(withEmptyLine(rest));
    const failure = await this.#options.failureIn?.(new Uint8Array(rest));
    if (failure) this.#fail("provider_error", failure);
  }

  #endWithoutLastEvent(): void {
    const { mayOmitTerminator, watcher } = this.#options;
    const terminator = mayOmitTerminator && this.#state === "streaming" ? watcher.missingTerminator() : null;
    if (terminator === null) {
      this.#fail("incomplete", ENDED_EARLY);
    } else {
      this.#output.complete(terminator);
      this.#finish(this.#output.ended ?? "complete");
    }
  }

  /** Ends the stream after an announced error whose last event does not come. */
  #endAnnouncedError(): void {
    if (this.#isOver) return;
    const { watcher, rewriters } = this.#options;
    const last = watcher.missingFailure?.();
    const out = last === undefined ? null : rewriteEvent(rewriters, last);
    if (out !== null) {
      this.#output.add(out);
      this.#output.flush();
    }
    this.#finish("provider_error");
  }

  /** Ends a stream that broke with an error event, unless the provider announced its own error. */
  #fail(outcome: StreamOutcome, failure: StreamFailure): void {
    if (this.#isOver) return;
    if (this.#state === "failing") {
      this.#endAnnouncedError();
    } else {
      this.#output.fail(failure, true);
      this.#finish(outcome);
    }
  }

  #onReadError(error: unknown): void {
    this.#cause = errorCodeOf(error);
    if (error instanceof LateRefusal && !this.#isOver) {
      this.#output.fail(error.failure, false);
      this.#finish("provider_error");
    } else if (error instanceof EventTooLargeError) this.#fail("too_large", tooLarge(error.message));
    else if (error instanceof DecompressionLimitError) this.#fail("too_large", tooLarge(EXPANDS_TOO_FAR));
    else this.#fail("incomplete", BROKE_OFF);
  }

  readonly #onShutdown = () => this.#fail("shutting_down", SHUTTING_DOWN);

  #finish(outcome: StreamOutcome): void {
    if (this.#isOver) return;
    const { shutdown, stop, onEnd } = this.#options;
    this.#state = "over";
    this.#over.abort(OVER);
    shutdown?.removeEventListener("abort", this.#onShutdown);
    if (outcome === "client_stalled") this.#abortClient();
    else if (outcome !== "client_left") this.#client.close();
    if (outcome === "complete" && this.#source !== undefined) void this.#drain(this.#source);
    else stop();
    onEnd(outcome, this.#client.bytes, this.#cause);
  }

  #abortClient(): void {
    const { abortConnection } = this.#options;
    if (abortConnection === undefined) this.#client.fail(new Error("the client does not read its stream"));
    else abortConnection();
  }

  /** Gives the provider a moment to end its side, so that the connection can be kept. */
  async #drain(source: ByteSource): Promise<void> {
    const ended = (async () => {
      while (!(await source.read()).done);
    })();
    const ignore = () => {};
    await withTimeout(this.#options.clock, DRAIN_MS, ended.catch(ignore), ignore);
    this.#options.stop();
  }

  /** Sends keep-alives to a waiting client, and ends the stream once the provider has been silent for too long. */
  async #watchSilence(): Promise<void> {
    const { clock, idleMs } = this.#options;
    while (!this.#isOver) {
      const now = clock.now();
      const untilKeepAlive = KEEP_ALIVE_MS - (this.#isReading ? now - this.#client.lastSentAt : 0);
      const untilIdle = idleMs - (this.#isReading ? now - this.#lastReadAt : 0);
      await clock.sleep(Math.max(Math.min(untilKeepAlive, untilIdle), MIN_CHECK_MS), this.#over.signal);
      if (this.#isOver || !this.#isReading) continue;
      if (clock.now() - this.#lastReadAt >= idleMs) this.#fail("idle", idleTimeoutError(idleMs));
      else if (clock.now() - this.#client.lastSentAt >= KEEP_ALIVE_MS) this.#output.keepAlive();
    }
  }
}

function withEmptyLine(event: Uint8Array): Uint8Array {
  const ended = new Uint8Array(event.length + 2);
  ended.set(event);
  ended.fill(0x0a, event.length);
  return ended;
}
