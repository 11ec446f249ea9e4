/** A stream to a client that streams: relayed event by event, or passed by the runtime itself where nothing is changed. */

import type { ByteSource } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import { isObject, parseJson } from "../../json.ts";
import { WATCH } from "../../protocols/end.ts";
import { protocolOf } from "../../protocols/protocol.ts";
import { failedStatus } from "../../protocols/responses/failure.ts";
import type { EndState } from "../../protocols/sse/end.ts";
import { type EventRewriter, eventData, includesText, needleOf } from "../../protocols/sse/event.ts";
import { brokenStream, failureEvents, type StreamFailure } from "../../protocols/stream-errors.ts";
import type { ResponseContext } from "../context.ts";
import { bodySource, peek } from "../stream/body-source.ts";
import { ownFailure, providerFailure } from "../stream/late-error.ts";
import { relayNatively } from "../stream/native-relay.ts";
import type { StreamPlan } from "../stream/outcome.ts";
import { LateRefusal, relayEvents } from "../stream/relay.ts";
import { endRequest } from "./end-request.ts";
import { readError } from "./error.ts";
import { hideInEvents } from "./hide-credential.ts";
import { restoreModel } from "./restore-model.ts";
import { refusalIn } from "./stream-refusal.ts";

/** How the last event of a `responses` stream says that it failed. */
const FAILED = needleOf('"response.failed"');

/** The provider's stream as the client gets it. */
export function eventStream(context: ResponseContext, body: Response["body"]): ReadableStream<Uint8Array> {
  return nativeStream(context, body) ?? relayedStream(context, bodySource(body, context.runtime.clock));
}

/** The same for a body that is being read. */
export function relayedStream(context: ResponseContext, source: ByteSource): ReadableStream<Uint8Array> {
  return relay(context, source, false);
}

/** The same for a provider that has not responded yet while its client has waited long enough. */
export function lateEventStream(
  context: ResponseContext,
  response: Promise<Response>,
): ReadableStream<Uint8Array> {
  return relay(context, lateSource(context, response), true);
}

function relay(context: ResponseContext, upstream: ByteSource | Promise<ByteSource>, overdue: boolean) {
  const translator = context.translation?.stream();
  return relayEvents({
    ...planOf(context),
    translator,
    upstream,
    overdue,
    rewriters: [...rewritersOf(context), hideInEvents(context.sentTokens)],
  });
}

/** The stream as the runtime passes it by itself; null where it cannot or must not. */
function nativeStream(context: ResponseContext, body: Response["body"]): ReadableStream<Uint8Array> | null {
  const { runtime, call, plan } = context;
  const isEnabled = runtime.config.KLEIS_NATIVE_STREAMS === "on";
  const isUntouched = plan.sendsKeepAlive === true && rewritersOf(context).length === 0;
  if (context.translation !== null || runtime.passthrough === undefined || body === null) return null;
  if (!isEnabled || !isUntouched) return null;
  const passthrough = runtime.passthrough(peek(body, runtime.clock));
  const hasLeft = () => call.request.signal.aborted;
  runtime.waitUntil(relayNatively({ ...planOf(context), passthrough, hasLeft }));
  return passthrough.readable;
}

function planOf(context: ResponseContext): StreamPlan {
  const { runtime, call, plan, stop, abortConnection } = context;
  const watcher = WATCH[context.translation?.to ?? protocolOf(call.operation)]();
  return {
    watcher,
    mayOmitTerminator: plan.mayOmitTerminator === true,
    failureEvents: (failure, begun) => eventsOf(context, failure, begun, watcher.responseId),
    failureIn: (body) => failureIn(context, body),
    clock: runtime.clock,
    idleMs: runtime.config.KLEIS_IDLE_TIMEOUT_MS,
    stallMs: runtime.config.KLEIS_CLIENT_STALL_MS,
    abortConnection,
    shutdown: runtime.shutdown,
    stop,
    onLastEvent: (event, state) => reportFailure(context, event, state),
    onEnd: (outcome, bytes, cause) => endRequest(context, { status: 200, outcome, bytes, cause }),
  };
}

/** Reports an error event, or a last event of a response that failed. */
function reportFailure(context: ResponseContext, event: Uint8Array, state: EndState): void {
  if (state === "unfinished" || (state === "end" && !includesText(event, FAILED))) return;
  const value = parseJson(eventData(event) ?? "");
  if (!isObject(value)) return;
  refusalIn(context, value);
}

/** The provider's error in a body that should have been a stream; null where it is not one. */
async function failureIn(
  context: ResponseContext,
  body: Uint8Array<ArrayBuffer>,
): Promise<StreamFailure | null> {
  const status = failedStatus(new TextDecoder().decode(body));
  return status === null ? null : providerFailure(await readError(context, new Response(body, { status })));
}

/** In order, new for each stream. */
export function rewritersOf({ call, plan, restoredModel }: ResponseContext): EventRewriter[] {
  const own = plan.stream?.();
  const rewriters = own === undefined ? [] : [own];
  if (restoredModel !== null) rewriters.push(restoreModel(protocolOf(call.operation), restoredModel));
  return rewriters;
}

/** A failure in the client's protocol. `begun`: the client has received events of the provider's. */
function eventsOf(
  { call, requestedModel: model }: ResponseContext,
  failure: StreamFailure,
  begun: boolean,
  responseId?: string,
): string {
  const { requestId, operation } = call;
  return failureEvents(protocolOf(operation), failure, { requestId, model, responseId, begun });
}

/** The provider's body once it responds; an error reaches the client as the end of its stream. */
async function lateSource(context: ResponseContext, pending: Promise<Response>): Promise<ByteSource> {
  try {
    const response = await pending;
    if (response.status < 400) return bodySource(response.body, context.runtime.clock);
    throw new LateRefusal(providerFailure(await readError(context, response)));
  } catch (error) {
    if (error instanceof LateRefusal) throw error;
    throw new LateRefusal(error instanceof KleisError ? ownFailure(error) : brokenStream("broke_off"), error);
  }
}
