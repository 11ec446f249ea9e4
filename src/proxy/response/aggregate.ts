/** One JSON response from a provider that only streams, for a client that does not. */
import type { ByteSource } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import { readErrorDetails } from "../../protocols/error-shape.ts";
import { encodeJson } from "../../protocols/json-edit.ts";
import { type AggregatedResponse, ResponsesAggregator } from "../../protocols/responses/aggregate.ts";
import { eventData, isErrorEvent, rewriteEvent } from "../../protocols/sse/event.ts";
import { EventSplitter, EventTooLargeError } from "../../protocols/sse/splitter.ts";
import type { ResponseContext } from "../context.ts";
import { endRequest } from "./end-request.ts";
import { forwardedHeaders, withOwnHeaders } from "./headers.ts";
import { hideInEvents } from "./hide-credential.ts";
import { applyRetryAdvice, retryAdviceFor } from "./retry-advice.ts";
import { withIdleTimeout } from "./sniff-body.ts";
import { rewritersOf } from "./stream.ts";

/** Reads the provider's stream to its last event, and responds with its result. */
export async function aggregatedResponse(
  context: ResponseContext,
  upstream: Response,
  body: ByteSource,
): Promise<Response> {
  const result = await aggregate(context, body);
  const { status } = result;
  const headers = withOwnHeaders(context, forwardedHeaders(upstream.headers));
  headers.set("content-type", "application/json");
  if (!result.ok) {
    const said = readErrorDetails(JSON.stringify(result.body));
    const advice = retryAdviceFor(context, { status, headers: upstream.headers, said, form: "json" });
    context.report.refused(advice.refusal, said, advice.lasts);
    applyRetryAdvice(headers, advice);
  }
  const bytes = result.ok ? new TextEncoder().encode(result.json) : encodeJson(result.body);
  const outcome = result.ok ? "complete" : "provider_error";
  endRequest(context, { status, outcome, bytes: bytes.length });
  return new Response(bytes, { status, headers });
}

async function aggregate(context: ResponseContext, body: ByteSource): Promise<AggregatedResponse> {
  const { call, sentTokens, stop } = context;
  const aggregator = new ResponsesAggregator();
  const rewriters = [...rewritersOf(context), hideInEvents(sentTokens)];
  const take = (event: Uint8Array) => {
    const out = rewriteEvent(rewriters, event);
    const data = out === null ? null : eventData(out);
    if (out !== null && data !== null && !aggregator.ended) aggregator.add(data, isErrorEvent(out));
  };
  try {
    await readEvents(withIdleTimeout(context, body), take, () => aggregator.ended);
  } catch (error) {
    if (call.request.signal.aborted || error instanceof KleisError) throw error;
    if (error instanceof EventTooLargeError)
      throw new KleisError("upstream_invalid_response", `The answer cannot be read: ${error.message}.`);
    // Of a stream that broke, the aggregator reports that it has no end.
  } finally {
    stop();
  }
  return aggregator.result();
}

async function readEvents(
  source: ByteSource,
  take: (event: Uint8Array) => void,
  isOver: () => boolean,
): Promise<void> {
  const splitter = new EventSplitter();
  for (;;) {
    const { done, value } = await source.read();
    if (value !== undefined) splitter.push(value, take);
    if (isOver()) return;
    if (!done) continue;
    const rest = splitter.rest();
    if (rest !== null) take(rest);
    return;
  }
}
