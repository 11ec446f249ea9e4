/** A response in one piece: an error under a good status, a JSON object that is changed, or the bytes as they came. */
import { type ByteSource, type Bytes, readBytes } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import { isObject, parseJson } from "../../json.ts";
import { applyEdits } from "../../protocols/json-edit.ts";
import { failedStatus } from "../../protocols/responses/failure.ts";
import type { ResponseContext } from "../context.ts";
import { brokenBodyError } from "../stream/outcome.ts";
import { toStream } from "../stream/to-stream.ts";
import { endRequest } from "./end-request.ts";
import { providerErrorResponse } from "./error.ts";
import { foldedResponse } from "./folded.ts";
import { restoreModelInJson } from "./restore-model.ts";
import { sniffError, withIdleTimeout } from "./sniff-body.ts";

/** The largest error with a good status that is read, bytes. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** The largest JSON response that is read to be changed, bytes. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;

/** What a response in one piece is made of. */
export interface WholeBody {
  readonly status: number;
  readonly headers: Headers;
  readonly source: ByteSource;
}

/** A body that begins as JSON: an error whatever its status says, the response, or neither where the client reads events. */
export async function wholeResponse(
  context: ResponseContext,
  upstream: Response,
  { status, headers, source: body }: WholeBody,
): Promise<Response> {
  const { isError, source } = context.clientStreams
    ? { isError: true, source: body }
    : await sniffError(context, body);
  if (isError) return errorUnderGoodStatus(context, upstream, source);
  headers.set("content-type", "application/json");
  return jsonResponse(context, { status, headers, source });
}

async function errorUnderGoodStatus(
  context: ResponseContext,
  { headers }: Response,
  source: ByteSource,
): Promise<Response> {
  const bytes = await readWhole(context, source, MAX_ERROR_BYTES);
  const status = bytes === null ? null : failedStatus(new TextDecoder().decode(bytes));
  if (status !== null) return providerErrorResponse(context, new Response(bytes, { status, headers }));
  throw invalid(
    context.clientStreams
      ? "The provider answered with one piece of JSON, though a stream was asked for"
      : "The provider's response begins as an error and holds none",
  );
}

/** The JSON response with its changes made; as the bytes that came where it needs none. */
export async function jsonResponse(context: ResponseContext, body: WholeBody): Promise<Response> {
  const { plan, restoredModel, translation } = context;
  if (plan.json === undefined && restoredModel === null && translation === null)
    return untouchedResponse(context, body);
  const { status, headers } = body;
  const source = await readWhole(context, body.source, MAX_JSON_BYTES);
  const value = source === null ? undefined : parseJson(new TextDecoder().decode(source));
  if (source === null || !isObject(value)) throw invalid("The provider's response is not a JSON object");
  const edited = applyEdits(source, plan.json?.(value) ?? []);
  if (translation !== null) {
    const whole = edited === source ? value : parseJson(new TextDecoder().decode(edited));
    return foldedResponse(context, translation.whole(isObject(whole) ? whole : {}), headers);
  }
  const bytes = restoredModel === null ? edited : restoreModelInJson(edited, value, restoredModel);
  endRequest(context, { status, outcome: "complete", bytes: bytes.length });
  return new Response(bytes, { status, headers });
}

/** The provider's response as the bytes that came. */
export function untouchedResponse(
  context: ResponseContext,
  { status, headers, source }: WholeBody,
): Response {
  const { runtime, abortConnection } = context;
  const body = toStream(withIdleTimeout(context, source), {
    onEnd: (outcome, bytes, cause) => endRequest(context, { status, outcome, bytes, cause }),
    abortConnection,
    stall: { clock: runtime.clock, ms: runtime.config.KLEIS_CLIENT_STALL_MS },
  });
  return new Response(body, { status, headers });
}

/** The body; null where it has more than `limit` bytes. Throws `KleisError` where it breaks off. */
async function readWhole(context: ResponseContext, source: ByteSource, limit: number): Promise<Bytes | null> {
  const read = readBytes(withIdleTimeout(context, source), limit);
  const { bytes, isCut } = await read.catch((error: unknown) => {
    throw brokenBodyError(error);
  });
  return isCut ? null : bytes;
}

function invalid(what: string): KleisError {
  return new KleisError("upstream_invalid_response", `${what}. Try again.`);
}
