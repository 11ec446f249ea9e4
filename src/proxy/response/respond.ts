/**
 * From the provider's answer to the client's: errors and untouched bodies as the bytes that came, streams event by event,
 * one JSON answer gathered from a stream where the client does not stream.
 */

import { type ByteSource, type Bytes, readBytes } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import { isObject, parseJson } from "../../json.ts";
import { applyEdits } from "../../protocols/json-edit.ts";
import { failedStatus } from "../../protocols/responses/failure.ts";
import type { Runtime } from "../../runtime.ts";
import { type AnswerFacts, abortConnectionOf, endRequest, ownHeaders, type Scene } from "../context.ts";
import type { ProxyCall, ReadyRequest } from "../pipeline.ts";
import { brokenBodyError } from "../stream/outcome.ts";
import { toStream } from "../stream/to-stream.ts";
import { answerGathered } from "./aggregate.ts";
import { readError } from "./error.ts";
import { asEventStream, passedHeaders } from "./headers.ts";
import { nameText } from "./name-refusal.ts";
import { beginsAsError, limited, lookAt } from "./peek-body.ts";
import { restoreModelInJson } from "./restore-model.ts";
import { lateStream, streamFrom, streamOf } from "./stream.ts";

/**
 * How long, in ms, a stream's client waits for the provider's status before it is given a 200 and keep-alives. An error
 * that comes sooner keeps its status, which is what clients act upon; one that comes later becomes the protocol's error
 * event. 45 s lies above the slowest refusals and below the 60 to 100 s at which reverse proxies give up on headers.
 */
export const COMMIT_AFTER_MS = 45_000;

/** The largest error with a good status that is read, bytes. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** The largest JSON answer that is read to be changed, bytes. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;

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
  const plan = { answer: ready.answer, streams: ready.streams, classify: ready.classify };
  const scene: Scene = { runtime, call, ready: plan, facts, stop };

  const { shutdown } = runtime;
  if (shutdown?.aborted) stop();
  shutdown?.addEventListener("abort", stop);
  try {
    return await begin(scene, sendIt(upstream.signal));
  } finally {
    // From here on the stream itself says that the runtime ends.
    shutdown?.removeEventListener("abort", stop);
  }
}

/** Settles as soon as the answer's status and headers are known, or can wait no longer. */
async function begin(scene: Scene, sending: Promise<Response>): Promise<Response> {
  if (!scene.facts.clientStreams || !scene.ready.streams) return answerTo(scene, await sending);
  const first = await untilCommit(scene.runtime, sending);
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

/** An answer that is passed on in one piece. */
interface Whole {
  readonly status: number;
  readonly headers: Headers;
  readonly source: ByteSource;
}

async function answerTo(scene: Scene, response: Response): Promise<Response> {
  const { ready, facts } = scene;
  const { status, body } = response;
  if (status >= 400) return answerError(scene, response);
  if (EMPTY.has(status)) {
    throw new KleisError(
      "upstream_invalid_response",
      "The provider answered with nothing at all. Try again.",
    );
  }
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("text/html")) {
    await body?.cancel();
    facts.report.refused(nameText(ready.classify, response, "<html>", scene.runtime.clock.now()));
    throw new KleisError(
      "upstream_invalid_response",
      "The provider answered with a web page instead of an API answer. Try again; if it stays so, check the configured address.",
    );
  }
  const headers = ownHeaders(scene, passedHeaders(response.headers));
  // A labelled stream begins at once, before its first byte; what it is then is told where it ends (relay.ts).
  if (facts.clientStreams && ready.streams && type.includes("text/event-stream")) {
    return new Response(streamOf(scene, body), { status, headers: asEventStream(headers) });
  }
  // Any other label may be wrong: the first byte tells.
  const isLabelledJson = !ready.streams && type.includes("application/json");
  // Space before an answer in one piece keeps a waiting client's connection alive, and is not held back.
  const { isJson, isUnknown, source } = await lookAt(scene, body, isLabelledJson ? 1 : undefined);
  if (isJson) return answerWhole(scene, response, headers, source);
  if (isUnknown && isLabelledJson) return answerJson(scene, { status, headers, source });
  if (!ready.streams) {
    await source.cancel();
    throw notJson("The provider answered with something else than JSON");
  }
  if (ready.answer.gather) return answerGathered(scene, response, source);
  if (!facts.clientStreams) return passed(scene, { status, headers, source });
  return new Response(streamFrom(scene, source), { status, headers: asEventStream(headers) });
}

/** Why a whole answer is of no use, as the refusal. */
function notJson(what: string): KleisError {
  return new KleisError("upstream_invalid_response", `${what}. Try again.`);
}

/** An answer in one piece of JSON: an error whatever its status says, the answer, or none to a client that reads events. */
async function answerWhole(
  scene: Scene,
  response: Response,
  headers: Headers,
  body: ByteSource,
): Promise<Response> {
  const { status } = response;
  const { clientStreams } = scene.facts;
  const { isError, source } = clientStreams
    ? { isError: true, source: body }
    : await beginsAsError(scene, body);
  if (isError) {
    const bytes = await readWhole(scene, source, MAX_ERROR_BYTES);
    const failed = bytes === null ? null : failedStatus(new TextDecoder().decode(bytes));
    if (failed !== null) {
      return answerError(scene, new Response(bytes, { status: failed, headers: response.headers }));
    }
    if (clientStreams)
      throw notJson("The provider answered with one piece of JSON, though a stream was asked for");
    throw notJson("The provider's answer begins as an error and holds none");
  }
  headers.set("content-type", "application/json");
  return answerJson(scene, { status, headers, source });
}

async function answerError(scene: Scene, response: Response): Promise<Response> {
  const { status, headers, body } = await readError(scene, response);
  endRequest(scene, { status, outcome: "provider_error", bytes: body.length });
  return new Response(body, { status, headers: ownHeaders(scene, headers) });
}

/** The body; null where it has more than `limit` bytes. Throws `KleisError` where it breaks off. */
async function readWhole(scene: Scene, source: ByteSource, limit: number): Promise<Bytes | null> {
  const { bytes, isCut } = await readBytes(limited(scene, source), limit).catch((error: unknown) => {
    throw brokenBodyError(error);
  });
  return isCut ? null : bytes;
}

/** The provider's answer as the bytes that came. */
function passed(scene: Scene, { status, headers, source }: Whole): Response {
  const { runtime } = scene;
  const body = toStream(limited(scene, source), {
    onEnd: (outcome, bytes, cause) => endRequest(scene, { status, outcome, bytes, cause }),
    abortConnection: abortConnectionOf(scene),
    stall: { clock: runtime.clock, ms: runtime.config.KLEIS_CLIENT_STALL_MS },
  });
  return new Response(body, { status, headers });
}

async function answerJson(scene: Scene, answered: Whole): Promise<Response> {
  const { ready, facts } = scene;
  if (ready.answer.json === undefined && facts.requestedModel === null) {
    return passed(scene, answered);
  }
  const { status, headers } = answered;
  const source = await readWhole(scene, answered.source, MAX_JSON_BYTES);
  const value = source === null ? undefined : parseJson(new TextDecoder().decode(source));
  if (source === null || !isObject(value)) {
    throw new KleisError(
      "upstream_invalid_response",
      "The provider's answer is not a JSON object. Try again.",
    );
  }
  const bytes = applyEdits(source, ready.answer.json?.(value) ?? []);
  const out = facts.requestedModel === null ? bytes : restoreModelInJson(bytes, value, facts.requestedModel);
  endRequest(scene, { status, outcome: "complete", bytes: out.length });
  return new Response(out, { status, headers });
}
