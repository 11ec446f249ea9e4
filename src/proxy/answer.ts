/**
 * From the provider's answer to the client's: errors and untouched bodies as the bytes that came, streams event by event,
 * one JSON answer gathered from a stream where the client does not stream.
 */
import { KleisError } from "../errors.ts";
import { isObject, parseJson } from "../json.ts";
import { encodeJson } from "../protocols/json-edit.ts";
import type { Runtime } from "../runtime.ts";
import { readError } from "./answer-error.ts";
import { answerGathered } from "./answer-gathered.ts";
import { asEventStream, passedHeaders } from "./answer-headers.ts";
import { lateStream, streamOf } from "./answer-stream.ts";
import type { ProxyCall, ReadyRequest } from "./handle.ts";
import { restoreModelInJson } from "./restore-model.ts";
import { type AnswerFacts, changesOf, ownHeaders, type Scene } from "./scene.ts";
import { readBody, readText, toStream } from "./source.ts";

/**
 * How long, in ms, a stream's client waits for the provider's status before it is given a 200 and keep-alives. An error
 * that comes sooner keeps its status, which is what clients act upon; one that comes later becomes the protocol's error
 * event. 45 s lies above the slowest refusals and below the 60 to 100 s at which reverse proxies give up on headers.
 */
export const COMMIT_AFTER_MS = 45_000;

/** The largest JSON answer that is read to be changed, bytes. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** Statuses that have no body, which no answer can do without. */
const EMPTY: ReadonlySet<number> = new Set([204, 205]);

/** Why the provider's side is ended; one for all, since making one costs more than sending a small event. */
const LET_GO = new DOMException("the provider's answer is not needed any more", "AbortError");

type Send = (signal: AbortSignal) => Promise<Response>;

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
  // Without the request's body, which nobody needs while the answer streams.
  const plan = { answer: ready.answer, streams: ready.streams };
  const scene: Scene = { runtime, call, ready: plan, facts, stop };

  const sending = sendIt(upstream.signal);
  if (!facts.clientStreams || !ready.streams) return answerTo(scene, await sending);
  const first = await untilCommit(runtime, sending);
  if (first !== null) return answerTo(scene, first);
  const headers = asEventStream(ownHeaders(scene, new Headers()));
  return new Response(lateStream(scene, sending), { status: 200, headers });
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
  if (ready.answer.gather) return answerGathered(scene, response);
  if (!facts.clientStreams) return passed(scene, response, "complete");
  const headers = asEventStream(ownHeaders(scene, passedHeaders(response.headers)));
  return new Response(streamOf(scene, response.body), { status: response.status, headers });
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

/** The provider's answer as the bytes that came. `whole` is what the log calls it when all of it has passed. */
function passed(scene: Scene, response: Response, whole: "complete" | "provider_error"): Response {
  const { call, facts } = scene;
  const { status } = response;
  const body = toStream(readBody(response.body), (outcome, bytes) =>
    call.log.end({
      status,
      outcome: outcome === "complete" ? whole : outcome,
      bytes,
      changes: changesOf(facts),
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
  call.log.end({
    status: response.status,
    outcome: "complete",
    bytes: out.length,
    changes: changesOf(facts),
  });
  return new Response(out, { status: response.status, headers });
}
