/** One JSON response from a provider that only streams, for a client that does not. */
import type { ByteSource } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import { readErrorDetails } from "../../protocols/error-shape.ts";
import { encodeJson } from "../../protocols/json-edit.ts";
import { type AggregatedResponse, ResponsesAggregator } from "../../protocols/responses/aggregate.ts";
import { eventData, isErrorEvent, rewriteEvent } from "../../protocols/sse/event.ts";
import { EventSplitter, EventTooLargeError } from "../../protocols/sse/splitter.ts";
import type { FoldedResponse } from "../../protocols/translate/codec.ts";
import type { StreamCollector } from "../../protocols/translate/index.ts";
import type { ResponseContext } from "../context.ts";
import { endRequest } from "./end-request.ts";
import { foldedResponse } from "./folded.ts";
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
  const headers = withOwnHeaders(context, forwardedHeaders(upstream.headers, context.responseHeaders));
  if (context.translation !== null)
    return foldedResponse(context, await collect(context, body, context.translation.collect()), headers);
  const result = await aggregate(context, body);
  const { status } = result;
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
  const aggregator = new ResponsesAggregator();
  const take = (event: Uint8Array) => {
    const data = eventData(event);
    if (data !== null && !aggregator.ended) aggregator.add(data, isErrorEvent(event));
  };
  await readToEnd(context, body, take, () => aggregator.ended);
  return aggregator.result();
}

async function collect(
  context: ResponseContext,
  body: ByteSource,
  collector: StreamCollector,
): Promise<FoldedResponse> {
  await readToEnd(
    context,
    body,
    (event) => collector.take(event),
    () => collector.hasEnded,
  );
  return collector.end();
}

/** Reads events until the response is decided. A stream that breaks ends here as one that has no end. */
async function readToEnd(
  context: ResponseContext,
  body: ByteSource,
  take: (event: Uint8Array) => void,
  isOver: () => boolean,
): Promise<void> {
  const { call, sentTokens, stop } = context;
  const rewriters = [...rewritersOf(context), hideInEvents(sentTokens)];
  const takeRewritten = (event: Uint8Array) => {
    const out = rewriteEvent(rewriters, event);
    if (out !== null) take(out);
  };
  try {
    await readEvents(withIdleTimeout(context, body), takeRewritten, isOver);
  } catch (error) {
    if (call.request.signal.aborted || error instanceof KleisError) throw error;
    if (error instanceof EventTooLargeError)
      throw new KleisError("upstream_invalid_response", `The response cannot be read: ${error.message}.`);
  } finally {
    stop();
  }
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
