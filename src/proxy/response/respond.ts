/**
 * From the provider's response to the client's: errors and untouched bodies as the bytes that came, streams event by event,
 * one JSON response aggregated from a stream where the client does not stream.
 */
import type { ByteSource } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import type { ResponseContext } from "../context.ts";
import { aggregatedResponse } from "./aggregate.ts";
import { classifyErrorText } from "./classify-refusal.ts";
import { providerErrorResponse } from "./error.ts";
import { asEventStream, forwardedHeaders, withOwnHeaders } from "./headers.ts";
import { jsonResponse, untouchedResponse, wholeResponse } from "./json.ts";
import { sniffBody } from "./sniff-body.ts";
import { eventStream, lateEventStream, relayedStream } from "./stream.ts";

/** Statuses without a body, which an inference response cannot have. */
const BODYLESS: ReadonlySet<number> = new Set([204, 205]);

/** The client's response to one that came in time. Throws `KleisError` for one that is of no use. */
export async function respond(context: ResponseContext, response: Response): Promise<Response> {
  const { status } = response;
  if (status >= 400) return providerErrorResponse(context, response);
  const type = response.headers.get("content-type") ?? "";
  await requireApiBody(context, response, type);
  const headers = withOwnHeaders(context, forwardedHeaders(response.headers, context.responseHeaders));
  // A body labelled as a stream starts at once, before its first byte; what it really holds shows at its end (relay.ts).
  if (context.clientStreams && context.upstreamStreams && type.includes("text/event-stream")) {
    return new Response(eventStream(context, response.body), { status, headers: asEventStream(headers) });
  }
  return respondByContent(context, response, headers);
}

/** A client that has waited long enough gets a 200; what the provider responds reaches it in its stream. */
export function respondLate(context: ResponseContext, response: Promise<Response>): Response {
  const headers = asEventStream(withOwnHeaders(context, new Headers()));
  return new Response(lateEventStream(context, response), { status: 200, headers });
}

async function requireApiBody(
  { report, classify, runtime }: ResponseContext,
  response: Response,
  type: string,
): Promise<void> {
  if (BODYLESS.has(response.status)) throw useless("The provider sent an empty response. Try again.");
  if (!type.includes("text/html")) return;
  await response.body?.cancel();
  report.refused(classifyErrorText(classify, response, "<html>", runtime.clock.now()));
  throw useless(
    "The provider answered with a web page instead of an API response. Try again; if it stays so, check the configured address.",
  );
}

/** Any label but a stream's may be wrong: the first byte tells. */
async function respondByContent(
  context: ResponseContext,
  response: Response,
  headers: Headers,
): Promise<Response> {
  const { upstreamStreams, clientStreams, plan } = context;
  const { status } = response;
  const type = response.headers.get("content-type") ?? "";
  const isLabelledJson = !upstreamStreams && type.includes("application/json");
  // Space before a JSON response keeps a waiting client's connection alive, and is not held back.
  const { kind, source } = await sniffBody(context, response.body, isLabelledJson ? 1 : undefined);
  if (kind === "json") return wholeResponse(context, response, { status, headers, source });
  if (kind === "blank" && isLabelledJson) return jsonResponse(context, { status, headers, source });
  if (!upstreamStreams) throw await notJson(source);
  if (plan.aggregate) return aggregatedResponse(context, response, source);
  if (!clientStreams) return untouchedResponse(context, { status, headers, source });
  return new Response(relayedStream(context, source), { status, headers: asEventStream(headers) });
}

async function notJson(source: ByteSource): Promise<KleisError> {
  await source.cancel();
  return useless("The provider responded with something other than JSON. Try again.");
}

function useless(message: string): KleisError {
  return new KleisError("upstream_invalid_response", message);
}
