/**
 * Streams a provider's events to the client: untouched events as the bytes that came, keep-alives only between events
 * and only in silence, and exactly one end. Pull-driven, so a slow client slows the provider; nothing is read to the end
 * first. Knows no protocol beyond the watcher and the error event it is given.
 */
import { errorCodeOf } from "../../error-code.ts";
import { type EventRewriter, isWholeEvent, withName } from "../../protocols/sse/event.ts";
import { EventSplitter, EventTooLargeError } from "../../protocols/sse/splitter.ts";
import type { StreamFailure } from "../../protocols/stream-errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { UNPACKS_TOO_FAR, UnpacksTooFarError } from "./decompress.ts";
import {
  BROKE_OFF,
  ENDED_EARLY,
  NO_STOP_REASON,
  SHUTTING_DOWN,
  type StreamOutcome,
  type StreamPlan,
  silent,
  tooLarge,
} from "./outcome.ts";
import { watchClient } from "./watch-client.ts";

/** Silence towards the client, in ms, after which a comment is sent; agents give up after 300 s (clients.md §1). */
export const KEEP_ALIVE_MS = 15_000;
/** After an announced error, how long (ms) the provider may take for its last event; nothing else of it is forwarded. */
const LAST_EVENT_GRACE_MS = 1_000;

/** After a complete answer, how long (ms) the provider may take to end its stream before it is let go. */
const LET_GO_MS = 100;

/** The largest piece handed out at once, bytes: how a client gets on with a large event is seen by its pieces. */
const MAX_PIECE = 64 * 1024;

const KEEP_ALIVE = new TextEncoder().encode(": kleis\n\n");
const encoder = new TextEncoder();

/** Rejection of a late `upstream`: the events, in the protocol's shape, that tell the client what the provider said. */
export class LateRefusal extends Error {
  readonly events: string;
  constructor(events: string, cause?: unknown) {
    super("the provider refused after the stream to the client had begun", { cause });
    this.name = "LateRefusal";
    this.events = events;
  }
}

export interface RelayOptions extends StreamPlan {
  /** A promise while the provider has not answered yet: the client gets keep-alives meanwhile. */
  readonly upstream: ByteSource | Promise<ByteSource>;
  /** The client has heard nothing for longer than `KEEP_ALIVE_MS` already: it gets a comment at once. */
  readonly overdue?: boolean;
  /** In order; each sees what the one before it made. */
  readonly rewriters: readonly EventRewriter[];
}

/** The client's side of the stream. Cancelling it stops the provider's. */
export function relayEvents(options: RelayOptions): ReadableStream<Uint8Array> {
  const { rewriters, watcher, clock } = options;
  const splitter = new EventSplitter();
  const stopTicking = new AbortController();
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let source: ByteSource | undefined;
  let waiting = false;
  let over = false;
  let failing = false;
  /** Until when the last event behind an announced error is waited for, epoch ms. */
  let failsAt = 0;
  let bytes = 0;
  let pieces = 0;
  let cause: string | undefined;
  let lastIn = clock.now();
  let lastOut = lastIn;
  // A client may be gone before it reads: then nobody else would take note that the provider refused.
  if (options.upstream instanceof Promise) options.upstream.catch(() => {});

  const send = (part: Uint8Array) => {
    bytes += part.length;
    lastOut = clock.now();
    for (let at = 0; at < part.length; at += MAX_PIECE) {
      pieces++;
      controller.enqueue(part.subarray(at, at + MAX_PIECE));
    }
  };

  const finish = (outcome: StreamOutcome) => {
    if (over) return;
    over = true;
    stopTicking.abort("over");
    options.ending?.removeEventListener("abort", shutDown);
    if (outcome === "client_stalled") breakOff();
    else if (outcome !== "client_left") controller.close();
    if (outcome === "complete" && source !== undefined) void letGo(source);
    else options.stop();
    options.onEnd(outcome, bytes, cause);
  };

  const breakOff = () => {
    if (options.breakOff === undefined) controller.error(new Error("the client takes nothing"));
    else options.breakOff();
  };

  /** How many pieces the client has taken. */
  const taken = () => {
    const queued = -(controller.desiredSize ?? 0);
    return waiting && queued <= 0 ? null : pieces - queued;
  };

  /** After a good end: a moment for the provider to end its side too, so that the connection can be kept. */
  const letGo = async (from: ByteSource) => {
    const moment = new AbortController();
    const ended = (async () => {
      while (!(await from.read()).done);
    })();
    await Promise.race([ended.catch(() => {}), clock.sleep(LET_GO_MS, moment.signal)]);
    moment.abort("over");
    options.stop();
  };

  /** The provider's stream broke: the client is told, in its protocol, unless it was told already. */
  const fail = (outcome: StreamOutcome, failure: StreamFailure) => {
    if (over) return;
    if (failing) return endFailing();
    send(encoder.encode(options.failureEvents(failure)));
    finish(outcome);
  };

  /** The provider announced an error, and its own last event does not come. */
  const endFailing = () => {
    if (over) return;
    const end = watcher.missingFailure?.();
    const out = end === undefined ? null : rewrite(rewriters, end);
    if (out !== null) send(out);
    finish("provider_error");
  };

  const shutDown = () => fail("shutting_down", SHUTTING_DOWN);

  /** The provider ended its stream, without a last event. */
  const stopped = () => {
    const end = options.mayOmitEnd && !failing ? watcher.missingEnd() : null;
    if (end === null) return fail("incomplete", ENDED_EARLY);
    send(end);
    finish("complete");
  };

  /** The events that end in `chunk`, merged into as few pieces as they allow. */
  const forward = (chunk: Uint8Array) => {
    let run: Uint8Array | null = null;
    const flush = () => {
      if (run !== null) send(run);
      run = null;
    };
    let outcome: StreamOutcome | "failing" | null = null;
    const each = (event: Uint8Array) => {
      if (outcome !== null) return;
      const state = watcher.see(event);
      if (state === "unfinished") {
        outcome = "incomplete";
        return;
      }
      if (failing && (state === "open" || state === "failing")) {
        // Behind an announced error only the provider's last event may follow, and a second error ends the wait for it.
        if (state === "failing") outcome = "failing";
        return;
      }
      if (state === "failing") {
        failing = true;
        failsAt = clock.now() + LAST_EVENT_GRACE_MS;
      } else if (state !== "open") outcome = state === "end" && !failing ? "complete" : "provider_error";
      const out = rewrite(rewriters, state === "unnamed" ? withName(event, "error") : event);
      if (out === null) return;
      if (run !== null && follows(run, out)) {
        run = new Uint8Array(run.buffer, run.byteOffset, run.length + out.length);
      } else {
        flush();
        run = out;
      }
    };
    try {
      splitter.push(chunk, each);
    } catch (error) {
      // What came before reaches the client all the same; what is wrong behind the end is nobody's business.
      if (outcome === null) {
        flush();
        throw error;
      }
    }
    flush();
    if (outcome === "incomplete") {
      fail("incomplete", NO_STOP_REASON);
    } else if (outcome === "failing") {
      endFailing();
    } else if (outcome !== null) {
      finish(outcome);
    }
  };

  /** What is left at the end of the stream: a last event whose empty line is missing, if it is a whole one. */
  const forwardRest = async () => {
    const rest = splitter.rest();
    if (rest === null) return;
    if (isWholeEvent(rest)) return forward(joinEnd(rest));
    const failure = await options.failureIn?.(new Uint8Array(rest));
    if (failure) fail("provider_error", failure);
  };

  const read = async (): Promise<void> => {
    source ??= await options.upstream;
    if (over) return;
    const next = source.read();
    const result = failing
      ? await Promise.race([next, clock.sleep(failsAt - clock.now(), stopTicking.signal).then(() => null)])
      : await next;
    if (over) return;
    if (result === null) return endFailing();
    lastIn = clock.now();
    if (result.value !== undefined) forward(result.value);
    if (!result.done || over) return;
    await forwardRest();
    if (!over) stopped();
  };

  const tick = async () => {
    while (!over) {
      const now = clock.now();
      const untilKeepAlive = KEEP_ALIVE_MS - (waiting ? now - lastOut : 0);
      const untilIdle = options.idleMs - (waiting ? now - lastIn : 0);
      await clock.sleep(Math.max(Math.min(untilKeepAlive, untilIdle), 10), stopTicking.signal);
      if (over || !waiting) continue;
      if (clock.now() - lastIn >= options.idleMs) {
        fail("idle", silent(options.idleMs));
      } else if (clock.now() - lastOut >= KEEP_ALIVE_MS) {
        send(KEEP_ALIVE);
      }
    }
  };

  return new ReadableStream<Uint8Array>(
    {
      start(own) {
        controller = own;
        void tick();
        const onStall = () => finish("client_stalled");
        void watchClient({ clock, stallMs: options.stallMs, taken, onStall }, stopTicking.signal);
        options.ending?.addEventListener("abort", shutDown);
        if (options.ending?.aborted) shutDown();
      },
      async pull() {
        if (options.overdue === true && bytes === 0) return send(KEEP_ALIVE);
        const before = bytes;
        waiting = true;
        lastIn = clock.now();
        try {
          while (!over && bytes === before) await read();
        } catch (error) {
          cause = errorCodeOf(error);
          if (error instanceof LateRefusal && !over) {
            send(encoder.encode(error.events));
            finish("provider_error");
          } else if (error instanceof EventTooLargeError) fail("too_large", tooLarge(error.message));
          else if (error instanceof UnpacksTooFarError) fail("too_large", tooLarge(UNPACKS_TOO_FAR));
          else fail("incomplete", BROKE_OFF);
        } finally {
          waiting = false;
        }
      },
      cancel() {
        finish("client_left");
      },
    },
    { highWaterMark: 0 },
  );
}

function rewrite(rewriters: readonly EventRewriter[], event: Uint8Array): Uint8Array | null {
  let out: Uint8Array | null = event;
  for (const rewriter of rewriters) {
    if (out === null) return null;
    out = rewriter.rewrite(out);
  }
  return out;
}

/** True when `next` lies right behind `run` in the same buffer. */
function follows(run: Uint8Array, next: Uint8Array): boolean {
  return run.buffer === next.buffer && run.byteOffset + run.length === next.byteOffset;
}

/** The event with the empty line that ends it. */
function joinEnd(event: Uint8Array): Uint8Array {
  const ended = new Uint8Array(event.length + 2);
  ended.set(event);
  ended.fill(0x0a, event.length);
  return ended;
}
