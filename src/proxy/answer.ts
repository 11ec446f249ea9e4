/**
 * From the provider's answer to the client's: errors and untouched bodies as the bytes that came, streams event by event,
 * one JSON answer gathered from a stream where the client does not stream.
 */

import { KleisError } from "../errors.ts";
import { isObject, parseJson } from "../json.ts";
import { WATCH } from "../protocols/end.ts";
import { type ErrorFacts, errorEvent, upstreamErrorEvent } from "../protocols/errors.ts";
import { encodeJson } from "../protocols/json-edit.ts";
import { protocolOf } from "../protocols/protocol.ts";
import { createResponsesGatherer } from "../protocols/responses/gather.ts";
import { type EventRewriter, eventData } from "../protocols/sse/event.ts";
import { EventSplitter, EventTooLargeError } from "../protocols/sse/splitter.ts";
import type { Runtime } from "../runtime.ts";
import { asEventStream, passedHeaders } from "./answer-headers.ts";
import type { ProxyCall, ReadyRequest } from "./handle.ts";
import { LateRefusal, relayEvents } from "./relay.ts";
import { relayNatively } from "./relay-natively.ts";
import { restoreModel, restoreModelInJson } from "./restore-model.ts";
import { type ByteSource, begin, readBody, readText, toStream } from "./source.ts";
import type { StreamError, StreamOutcome } from "./stream-end.ts";

/**
 * How long, in ms, a stream's client waits for the provider's status before it is given a 200 and keep-alives. An error
 * that comes sooner keeps its status, which is what clients act upon; one that comes later becomes the protocol's error
 * event. 45 s lies above the slowest refusals and below the 60 to 100 s at which reverse proxies give up on headers.
 */
export const COMMIT_AFTER_MS = 45_000;

/** The largest error body that is read to be reshaped, bytes. */
const MAX_ERROR_BYTES = 1024 * 1024;
/** The largest JSON answer that is read to be changed, bytes. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** Statuses that have no body, which no answer can do without. */
const EMPTY: ReadonlySet<number> = new Set([204, 205]);

/** Why the provider's side is ended; one for all, since making one costs more than sending a small event. */
const LET_GO = new DOMException("the provider's answer is not needed any more", "AbortError");

export interface AnswerFacts {
  readonly provider: string;
  readonly account: string;
  readonly changes: readonly string[];
  /** The id to put back into the answer; null when the client's own went upstream. */
  readonly requestedModel: string | null;
  readonly clientStreams: boolean;
}

type Send = (signal: AbortSignal) => Promise<Response>;

/** What the parts below share about one request. */
interface Scene {
  readonly runtime: Runtime;
  readonly call: ProxyCall;
  readonly ready: ReadyRequest;
  readonly facts: AnswerFacts;
  /** Ends the provider's side. */
  readonly stop: () => void;
}

export async function answer(
  runtime: Runtime,
  call: ProxyCall,
  ready: ReadyRequest,
  sendIt: Send,
  facts: AnswerFacts,
): Promise<Response> {
  const upstream = new AbortController();
  const stop = () => upstream.abort(LET_GO);
  const client = call.request.signal;
  if (client.aborted) stop();
  client.addEventListener("abort", stop);
  const scene: Scene = { runtime, call, ready, facts, stop };

  const sending = sendIt(upstream.signal);
  if (!facts.clientStreams || !ready.streams) return answerTo(scene, await sending);
  const first = await untilCommit(runtime, sending);
  if (first !== null) return answerTo(scene, first);
  const headers = asEventStream(ownHeaders(scene, new Headers()));
  return new Response(relay(scene, lateSource(scene, sending), true), { status: 200, headers });
}

/** The answer if it begins before the client must be told something; null when it does not. */
async function untilCommit(runtime: Runtime, sending: Promise<Response>): Promise<Response | null> {
  const decided = new AbortController();
  try {
    return await Promise.race([
      sending,
      runtime.clock.sleep(COMMIT_AFTER_MS, decided.signal).then(() => null),
    ]);
  } finally {
    decided.abort("decided");
  }
}

async function answerTo(scene: Scene, response: Response): Promise<Response> {
  const { ready, facts } = scene;
  if (response.status >= 400) return answerError(scene, response);
  if (EMPTY.has(response.status)) {
    throw new KleisError(
      "upstream_invalid_response",
      "The provider answered with nothing at all. Try again.",
    );
  }
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("text/html")) {
    await response.body?.cancel();
    throw new KleisError(
      "upstream_invalid_response",
      "The provider answered with a web page instead of an API answer. Try again; if it stays so, check the configured address.",
    );
  }
  if (!ready.streams || type.includes("application/json")) return answerJson(scene, response);
  if (ready.answer.gather) return gather(scene, response);
  if (!facts.clientStreams) return passed(scene, response, "complete");
  const headers = asEventStream(ownHeaders(scene, passedHeaders(response.headers)));
  const native = passedNatively(scene, response.body);
  const body = native ?? relay(scene, readBody(response.body));
  return new Response(body, { status: response.status, headers });
}

function relay(
  scene: Scene,
  upstream: ByteSource | Promise<ByteSource>,
  overdue = false,
): ReadableStream<Uint8Array> {
  return relayEvents({ ...relayOptions(scene), upstream, overdue, rewriters: rewritersOf(scene) });
}

/** The stream as the runtime passes it on by itself; null where it can not, or where the events are not left alone. */
function passedNatively(scene: Scene, body: Response["body"]): ReadableStream<Uint8Array> | null {
  const { runtime, call, ready } = scene;
  const isLeftAlone = ready.answer.breaksSilence === true && rewritersOf(scene).length === 0;
  if (runtime.passNatively === undefined || body === null || !isLeftAlone) return null;
  const pass = runtime.passNatively(begin(body));
  const hasLeft = () => call.request.signal.aborted;
  runtime.waitUntil(relayNatively({ ...relayOptions(scene), pass, hasLeft }));
  return pass.readable;
}

/** What both ways of relaying need. */
function relayOptions({ runtime, call, ready, facts, stop }: Scene) {
  const protocol = protocolOf(call.operation);
  return {
    watcher: WATCH[protocol](),
    mayOmitEnd: ready.answer.mayOmitEnd === true,
    errorEvent: ({ code, message }: StreamError) =>
      errorEvent(protocol, { code, message, status: 502 }, call.requestId),
    clock: runtime.clock,
    idleMs: runtime.config.KLEIS_IDLE_TIMEOUT_MS,
    stop,
    onEnd: (outcome: StreamOutcome, bytes: number) =>
      call.log.end({ status: 200, outcome, bytes, changes: facts.changes.join(",") || "none" }),
  };
}

function rewritersOf({ call, ready, facts }: Scene): EventRewriter[] {
  const own = ready.answer.stream?.();
  const rewriters = own === undefined ? [] : [own];
  if (facts.requestedModel !== null)
    rewriters.push(restoreModel(protocolOf(call.operation), facts.requestedModel));
  return rewriters;
}

/** The provider's body once it answers; what it says instead reaches the client as the protocol's error event. */
async function lateSource(scene: Scene, sending: Promise<Response>): Promise<ByteSource> {
  const protocol = protocolOf(scene.call.operation);
  let response: Response;
  try {
    response = await sending;
  } catch (error) {
    throw new LateRefusal(errorEvent(protocol, factsOf(error), scene.call.requestId));
  }
  if (response.status < 400) return readBody(response.body);
  const { status, value } = await readError(scene, response);
  throw new LateRefusal(upstreamErrorEvent(protocol, status, value, scene.call.requestId));
}

function factsOf(error: unknown): ErrorFacts {
  if (error instanceof KleisError) return error;
  return {
    code: "upstream_unreachable",
    message: "The connection to the provider broke. Try again.",
    status: 502,
  };
}

async function answerError(scene: Scene, response: Response): Promise<Response> {
  const { call, ready } = scene;
  if (ready.answer.error === undefined) return passed(scene, response, "provider_error");
  const headers = ownHeaders(scene, passedHeaders(response.headers));
  const { status, value, source } = await readError(scene, response);
  call.log.end({ status, outcome: "provider_error" });
  if (source !== null) return new Response(source, { status, headers });
  headers.set("content-type", "application/json");
  return new Response(encodeJson(value), { status, headers });
}

/** An error answer, read: in the caller's protocol as `value`; `source` is its text when it passes as it came. */
async function readError({ ready }: Scene, response: Response) {
  const type = response.headers.get("content-type") ?? "";
  const source = (await readText(readBody(response.body), MAX_ERROR_BYTES)) ?? "";
  const reshaped = ready.answer.error?.(response.status, type, source) ?? null;
  if (reshaped !== null)
    return { status: reshaped.status ?? response.status, value: reshaped.body, source: null };
  return { status: response.status, value: parseJson(source) ?? source, source };
}

/** The provider's answer as the bytes that came. `whole` is what the log calls it when all of it has passed. */
function passed(scene: Scene, response: Response, whole: "complete" | "provider_error"): Response {
  const { call, facts } = scene;
  const { status } = response;
  const body = toStream(readBody(response.body), (outcome, bytes) =>
    call.log.end({
      status,
      outcome: outcome === "complete" ? whole : outcome,
      bytes,
      changes: facts.changes.join(",") || "none",
    }),
  );
  return new Response(body, { status, headers: ownHeaders(scene, passedHeaders(response.headers)) });
}

async function answerJson(scene: Scene, response: Response): Promise<Response> {
  const { call, ready, facts } = scene;
  if (ready.answer.json === undefined && facts.requestedModel === null) {
    return passed(scene, response, "complete");
  }
  const headers = ownHeaders(scene, passedHeaders(response.headers));
  const source = await readText(readBody(response.body), MAX_JSON_BYTES);
  const value = source === null ? undefined : parseJson(source);
  if (source === null || !isObject(value)) {
    throw new KleisError(
      "upstream_invalid_response",
      "The provider's answer is not a JSON object. Try again.",
    );
  }
  const changed = ready.answer.json?.(value) === true;
  const bytes = changed ? encodeJson(value) : new TextEncoder().encode(source);
  const out = facts.requestedModel === null ? bytes : restoreModelInJson(bytes, value, facts.requestedModel);
  const changes = facts.changes.join(",") || "none";
  call.log.end({ status: response.status, outcome: "complete", bytes: out.length, changes });
  return new Response(out, { status: response.status, headers });
}

/** Reads the provider's stream for a client that does not stream, and answers with its result as JSON. */
async function gather(scene: Scene, response: Response): Promise<Response> {
  const { call, facts, stop } = scene;
  const gatherer = createResponsesGatherer();
  const source = readBody(response.body);
  const splitter = new EventSplitter();
  const rewriters = rewritersOf(scene);
  const take = (event: Uint8Array) => {
    let out: Uint8Array | null = event;
    for (const rewriter of rewriters) out = out === null ? null : rewriter.rewrite(out);
    const data = out === null ? null : eventData(out);
    if (data !== null && !gatherer.ended) gatherer.event(data);
  };
  try {
    for (;;) {
      const { done, value } = await nextOf(scene, source);
      if (value !== undefined) splitter.push(value, take);
      if (gatherer.ended) break;
      if (!done) continue;
      const rest = splitter.rest();
      if (rest !== null) take(rest);
      break;
    }
  } catch (error) {
    stop();
    if (call.request.signal.aborted || error instanceof KleisError) throw error;
    if (error instanceof EventTooLargeError)
      throw new KleisError("upstream_invalid_response", `The answer can not be read: ${error.message}.`);
    // A broken stream is what the gatherer reports when it has no end.
  }
  stop();
  const result = gatherer.result();
  const headers = ownHeaders(scene, passedHeaders(response.headers));
  headers.set("content-type", "application/json");
  const bytes = encodeJson(result.body);
  call.log.end({
    status: result.status,
    outcome: result.ok ? "complete" : "provider_error",
    bytes: bytes.length,
    changes: facts.changes.join(",") || "none",
  });
  return new Response(bytes, { status: result.status, headers });
}

/** The provider's next bytes. Throws `upstream_timeout` when it says nothing for the idle limit. */
async function nextOf({ runtime }: Scene, source: ByteSource) {
  const idleMs = runtime.config.KLEIS_IDLE_TIMEOUT_MS;
  const came = new AbortController();
  const idle = runtime.clock.sleep(idleMs, came.signal).then(() => null);
  const next = await Promise.race([source.read(), idle]).finally(() => came.abort("came"));
  if (next !== null) return next;
  throw new KleisError(
    "upstream_timeout",
    `The provider sent nothing for ${Math.round(idleMs / 1000)} seconds. Try again.`,
  );
}

function ownHeaders({ call, facts }: Scene, headers: Headers): Headers {
  if (!headers.has("x-request-id")) headers.set("x-request-id", call.requestId);
  headers.set("x-kleis-provider", facts.provider);
  headers.set("x-kleis-account", facts.account);
  headers.set("x-kleis-changes", facts.changes.join(",") || "none");
  return headers;
}
