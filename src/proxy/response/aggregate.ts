/** One JSON answer from a provider that only streams, for a client that does not. */

import type { ByteSource } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import { readSaidError } from "../../protocols/error-shape.ts";
import { encodeJson } from "../../protocols/json-edit.ts";
import { createResponsesGatherer } from "../../protocols/responses/gather.ts";
import { eventData, isErrorEvent } from "../../protocols/sse/event.ts";
import { EventSplitter, EventTooLargeError } from "../../protocols/sse/splitter.ts";
import { endRequest, ownHeaders, type Scene } from "../context.ts";
import { passedHeaders } from "./headers.ts";
import { hideInEvents } from "./hide-credential.ts";
import { limited } from "./peek-body.ts";
import { adviceOf, adviseOnRetry } from "./retry-advice.ts";
import { rewritersOf } from "./stream.ts";

/** Reads the provider's stream for a client that does not stream, and answers with its result as JSON. */
export async function answerGathered(scene: Scene, response: Response, body: ByteSource): Promise<Response> {
  const { call, facts, stop } = scene;
  const gatherer = createResponsesGatherer();
  const source = limited(scene, body);
  const splitter = new EventSplitter();
  const rewriters = [...rewritersOf(scene), hideInEvents(facts.sentTokens)];
  const take = (event: Uint8Array) => {
    let out: Uint8Array | null = event;
    for (const rewriter of rewriters) out = out === null ? null : rewriter.rewrite(out);
    const data = out === null ? null : eventData(out);
    if (out !== null && data !== null && !gatherer.ended) gatherer.event(data, isErrorEvent(out));
  };
  try {
    for (;;) {
      const { done, value } = await source.read();
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
  if (!result.ok) {
    const said = readSaidError(JSON.stringify(result.body));
    const advice = adviceOf(scene, { status: result.status, headers: response.headers, said, form: "json" });
    facts.report.refused(advice.refusal, said);
    adviseOnRetry(headers, advice);
  }
  const bytes = result.ok ? new TextEncoder().encode(result.json) : encodeJson(result.body);
  const outcome = result.ok ? "complete" : "provider_error";
  endRequest(scene, { status: result.status, outcome, bytes: bytes.length });
  return new Response(bytes, { status: result.status, headers });
}
