/** A stream's way to a client that streams: event by event, or by the runtime itself where nothing is changed. */

import type { ByteSource } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import { isObject, parseJson } from "../../json.ts";
import { WATCH } from "../../protocols/end.ts";
import { readSaidError } from "../../protocols/error-shape.ts";
import { protocolOf } from "../../protocols/protocol.ts";
import { failedAnswer, failedStatus } from "../../protocols/responses/failure.ts";
import type { EndState } from "../../protocols/sse/end.ts";
import { type EventRewriter, eventData, includesText, needleOf } from "../../protocols/sse/event.ts";
import { broken, failureEvents, type StreamFailure } from "../../protocols/stream-errors.ts";
import { abortConnectionOf, endRequest, type Scene } from "../context.ts";
import { bodySource, peek } from "../stream/body-source.ts";
import { ownFailure, providerFailure } from "../stream/late-error.ts";
import { relayNatively } from "../stream/native-relay.ts";
import type { StreamPlan } from "../stream/outcome.ts";
import { LateRefusal, relayEvents } from "../stream/relay.ts";
import { readError } from "./error.ts";
import { hideInEvents } from "./hide-credential.ts";
import { nameRefusal } from "./name-refusal.ts";
import { restoreModel } from "./restore-model.ts";

/** How the last event of a `responses` stream says that it failed. */
const FAILED = needleOf('"response.failed"');

/** The provider's stream as the client gets it. */
export function streamOf(scene: Scene, body: Response["body"]): ReadableStream<Uint8Array> {
  return passedNatively(scene, body) ?? streamFrom(scene, bodySource(body, scene.runtime.clock));
}

/** The same for a body that is being read. */
export function streamFrom(scene: Scene, source: ByteSource): ReadableStream<Uint8Array> {
  return relay(scene, source, false);
}

/** The same for a provider that has not answered yet while the client has waited long enough. */
export function lateStream(scene: Scene, sending: Promise<Response>): ReadableStream<Uint8Array> {
  return relay(scene, lateSource(scene, sending), true);
}

function relay(scene: Scene, upstream: ByteSource | Promise<ByteSource>, overdue: boolean) {
  return relayEvents({
    ...planOf(scene),
    upstream,
    overdue,
    rewriters: [...rewritersOf(scene), hideInEvents(scene.facts.sentTokens)],
  });
}

/** The stream as the runtime passes it on by itself; null where it can not or shall not. */
function passedNatively(scene: Scene, body: Response["body"]): ReadableStream<Uint8Array> | null {
  const { runtime, call, ready } = scene;
  const isWished = runtime.config.KLEIS_NATIVE_STREAMS === "on";
  const isLeftAlone = ready.answer.breaksSilence === true && rewritersOf(scene).length === 0;
  if (runtime.passthrough === undefined || body === null || !isWished || !isLeftAlone) return null;
  const passthrough = runtime.passthrough(peek(body, runtime.clock));
  const hasLeft = () => call.request.signal.aborted;
  runtime.waitUntil(relayNatively({ ...planOf(scene), passthrough, hasLeft }));
  return passthrough.readable;
}

function planOf(scene: Scene): StreamPlan {
  const { runtime, call, ready, stop } = scene;
  const watcher = WATCH[protocolOf(call.operation)]();
  return {
    watcher,
    mayOmitEnd: ready.answer.mayOmitEnd === true,
    failureEvents: (failure) => eventsOf(scene, failure, true, watcher.responseId),
    failureIn: (body) => failureIn(scene, body),
    clock: runtime.clock,
    idleMs: runtime.config.KLEIS_IDLE_TIMEOUT_MS,
    stallMs: runtime.config.KLEIS_CLIENT_STALL_MS,
    abortConnection: abortConnectionOf(scene),
    shutdown: runtime.shutdown,
    stop,
    onLastEvent: (event, state) => reportFailure(scene, event, state),
    onEnd: (outcome, bytes, cause) => endRequest(scene, { status: 200, outcome, bytes, cause }),
  };
}

/** Tells of an event that is an error, or a last one that says that the answer failed. */
function reportFailure({ runtime, ready, facts }: Scene, event: Uint8Array, state: EndState): void {
  if (state === "unfinished" || (state === "end" && !includesText(event, FAILED))) return;
  const value = parseJson(eventData(event) ?? "");
  if (!isObject(value)) return;
  const { status, body } = failedAnswer(value);
  const said = readSaidError(JSON.stringify(body));
  const heard = { status, headers: new Headers(), said, form: "json" as const };
  facts.report.refused(nameRefusal(ready.classify, heard, runtime.clock.now()), said);
}

/** The provider's error in a body that should have been a stream; null where it is none. */
async function failureIn(scene: Scene, body: Uint8Array<ArrayBuffer>): Promise<StreamFailure | null> {
  const status = failedStatus(new TextDecoder().decode(body));
  return status === null ? null : providerFailure(await readError(scene, new Response(body, { status })));
}

/** In order, new for each stream. */
export function rewritersOf({ call, ready, facts }: Scene): EventRewriter[] {
  const own = ready.answer.stream?.();
  const rewriters = own === undefined ? [] : [own];
  if (facts.requestedModel !== null)
    rewriters.push(restoreModel(protocolOf(call.operation), facts.requestedModel));
  return rewriters;
}

/** A failure as the client's protocol says it. `begun`: the client has had events of the provider's. */
function eventsOf(
  { call, facts }: Scene,
  failure: StreamFailure,
  begun: boolean,
  responseId?: string,
): string {
  const { requestId } = call;
  const protocol = protocolOf(call.operation);
  return failureEvents(protocol, failure, { requestId, model: facts.model, responseId, begun });
}

/** The provider's body once it answers; what it says instead reaches the client as the end of its stream. */
async function lateSource(scene: Scene, sending: Promise<Response>): Promise<ByteSource> {
  const refused = (failure: StreamFailure, cause?: unknown) =>
    new LateRefusal(eventsOf(scene, failure, false), cause);
  try {
    const response = await sending;
    if (response.status < 400) return bodySource(response.body, scene.runtime.clock);
    throw refused(providerFailure(await readError(scene, response)));
  } catch (error) {
    if (error instanceof LateRefusal) throw error;
    throw refused(error instanceof KleisError ? ownFailure(error) : broken("broke_off"), error);
  }
}
