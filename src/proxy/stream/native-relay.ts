/**
 * Streams a provider's events to the client where the runtime passes the bytes on by itself and this only looks at them
 * afterwards: the end is judged by the same watcher as in `relay.ts`, and what the provider left out is written behind
 * its last byte. What has been passed on can not be called back; docs/deploy/cloudflare.md
 * says under "Native streams" what that means.
 */
import { joinBytes } from "../../bytes.ts";
import type { EndState } from "../../protocols/sse/end.ts";
import { isWholeEvent, withName } from "../../protocols/sse/event.ts";
import { EventSplitter, EventTooLargeError } from "../../protocols/sse/splitter.ts";
import type { StreamFailure } from "../../protocols/stream-errors.ts";
import type { NativePass } from "../../runtime.ts";
import { ENDED_EARLY, type StreamOutcome, type StreamPlan, silent } from "./outcome.ts";

/** After the last event, how long (ms) the provider may take to end its stream before it is let go. */
const LET_GO_MS = 1_000;

const encoder = new TextEncoder();
const EMPTY_LINE = encoder.encode("\n\n");
const NOTHING = new Uint8Array(0);

export interface NativeRelayOptions extends StreamPlan {
  readonly pass: NativePass;
  /** True when the client has gone away. */
  readonly hasLeft: () => boolean;
}

/** How the provider's side came to its end. */
type Stop = "ended" | "broke" | "idle" | "let_go" | "too_large";

/** Settles when the stream has ended on both sides; never rejects. */
export async function relayNatively(options: NativeRelayOptions): Promise<void> {
  const { pass, watcher, clock } = options;
  const splitter = new EventSplitter();
  let state: EndState = "open";
  /** An error that was passed on without its name, once more with it. */
  let unnamed: Uint8Array<ArrayBuffer> | null = null;
  let bytes = 0;
  let endsAt = 0;
  const see = (event: Uint8Array) => {
    if (state !== "open" && state !== "failing") return;
    const next = watcher.see(event);
    if (next === "open") return;
    if (endsAt === 0) endsAt = clock.now() + LET_GO_MS;
    state = next;
    if (next === "unnamed") unnamed = joinBytes([EMPTY_LINE, withName(event, "error"), EMPTY_LINE]);
  };

  const watch = async (): Promise<Stop> => {
    for (;;) {
      const late = new AbortController();
      const limit = endsAt === 0 ? options.idleMs : endsAt - clock.now();
      const read = pass.seen.read();
      const result = await Promise.race([
        read,
        clock.sleep(Math.max(limit, 0), late.signal).then(() => null),
      ]).finally(() => late.abort("read"));
      if (result === null) {
        read.catch(() => {});
        return endsAt === 0 ? "idle" : "let_go";
      }
      bytes += result.value?.length ?? 0;
      if (result.value !== undefined) splitter.push(result.value, see);
      if (result.done) return "ended";
    }
  };

  const stop = await watch().catch(
    (error): Stop => (error instanceof EventTooLargeError ? "too_large" : "broke"),
  );
  if (stop !== "ended") options.stop();
  const rest = stop === "too_large" ? null : splitter.rest();
  const isWhole = rest !== null && isWholeEvent(rest);
  if (isWhole) see(rest);
  const isCut = stop === "too_large" || (rest !== null && !isWhole && state === "open");
  const end = state === "open" && stop === "ended" && options.mayOmitEnd ? watcher.missingEnd() : null;

  const missing = (at: EndState, error: StreamFailure) => {
    if (at === "open") return encoder.encode(options.failureEvents(error));
    return at === "failing" ? (watcher.missingFailure?.() ?? NOTHING) : NOTHING;
  };

  const heard = outcomeOf(state, stop);
  let outcome = end === null ? heard : "complete";
  const inTime = new AbortController();
  const stalled = clock.sleep(options.stallMs, inTime.signal).then(() => "stalled" as const);
  const finish = async () => {
    if (isCut) await pass.break();
    else {
      const error = stop === "idle" ? silent(options.idleMs) : ENDED_EARLY;
      const said = end ?? unnamed ?? missing(state, error);
      // What is left of an event that was cut must not run into what is said behind it.
      const runsOn = rest !== null && (isWhole || said.length > 0);
      await pass.end(runsOn ? joinBytes([EMPTY_LINE, said]) : said);
    }
  };
  try {
    if ((await Promise.race([finish(), stalled])) === "stalled") outcome = "client_stalled";
  } catch {
    outcome = "client_left";
  }
  inTime.abort("over");
  if (stop === "ended") options.stop();
  if (options.hasLeft()) outcome = "client_left";
  // Agents leave as soon as they have the last event.
  options.onEnd(heard === "complete" ? heard : outcome, bytes);
}

function outcomeOf(state: EndState, stop: Stop): StreamOutcome {
  if (state === "end") return "complete";
  if (state === "failing" || state === "failed" || state === "unnamed") return "provider_error";
  return stop === "too_large" || stop === "idle" ? stop : "incomplete";
}
