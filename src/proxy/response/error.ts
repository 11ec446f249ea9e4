/** A provider's error response as the client gets it, with its advice on retries. */
import { type ByteSource, readBytes } from "../../bytes.ts";
import { withTimeout } from "../../deadline.ts";
import { type JsonObject, parseJson } from "../../json.ts";
import {
  type ErrorDetails,
  formOf,
  holdsError,
  readCutError,
  readErrorDetails,
  shapedError,
  statusMessage,
} from "../../protocols/error-shape.ts";
import { applyEdits, encodeJson } from "../../protocols/json-edit.ts";
import { protocolOf } from "../../protocols/protocol.ts";
import { errorFor } from "../../protocols/translate/failures.ts";
import type { ErrorResponse } from "../../providers/provider.ts";
import type { ResponseContext } from "../context.ts";
import { bodySource } from "../stream/body-source.ts";
import { DecompressionLimitError } from "../stream/decompress.ts";
import { withAdvice } from "./classify-refusal.ts";
import { endRequest } from "./end-request.ts";
import { forwardedHeaders, withOwnHeaders } from "./headers.ts";
import { hideInBody } from "./hide-credential.ts";
import { applyRetryAdvice, type RetryAdvice, retryAdviceFor } from "./retry-advice.ts";

/** The largest error body that is read, bytes; of a larger one only the beginning is. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** How long (ms) an error body may take to come; after that only the status is used. */
const BODY_WAIT_MS = 10_000;

export interface ReadError {
  readonly status: number;
  readonly headers: Headers;
  /** The bytes that came where they hold the route's error object; otherwise the same in that shape. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly said: ErrorDetails & { readonly message: string };
  readonly advice: RetryAdvice;
}

/** The client's response to a provider's error. */
export async function providerErrorResponse(context: ResponseContext, response: Response): Promise<Response> {
  return errorResponse(context, await readError(context, response));
}

/** The same for an error that was read. */
export function errorResponse(context: ResponseContext, { status, headers, body }: ReadError): Response {
  endRequest(context, { status, outcome: "provider_error", bytes: body.length });
  return new Response(body, { status, headers: withOwnHeaders(context, headers) });
}

export async function readError(context: ResponseContext, response: Response): Promise<ReadError> {
  const { status, statusText } = response;
  const { bytes, isCut } = await readBeginning(context, response.body);
  const whole = new TextDecoder().decode(bytes);
  const source = isCut ? readCutError(whole) : whole;
  const type = response.headers.get("content-type") ?? "";
  const replaced = context.plan.error?.(status, type, source) ?? null;
  const shaped = shapedBody(context, response, { source, isCut, replaced });
  const original = readErrorDetails(source);
  const { headers: received } = response;
  const advice = retryAdviceFor(context, { status, headers: received, said: original, form: formOf(source) });
  context.report.refused(advice.refusal, original, advice.lasts);
  const headers = forwardedHeaders(received, context.responseHeaders);
  applyRetryAdvice(headers, advice);
  if (shaped !== null) headers.set("content-type", "application/json");
  const isReworded = replaced !== null || context.translation !== null;
  const said = isReworded ? readErrorDetails(JSON.stringify(shaped)) : original;
  const ownMessage = said.message ?? statusMessage(status, statusText, said.code);
  const message = withAdvice(ownMessage, advice.refusal);
  const body = shaped === null ? bytes : encodeJson(shaped);
  return {
    status: replaced?.status ?? status,
    headers,
    body: message === ownMessage ? body : withMessage(body, message),
    said: { ...said, message },
    advice,
  };
}

interface ErrorSource {
  readonly source: string;
  readonly isCut: boolean;
  /** What the provider's plan puts in its place, in the protocol that the provider speaks. */
  readonly replaced: ErrorResponse | null;
}

/** The error in the shape of the client's protocol; null where the bytes that came have it. */
function shapedBody(
  { call, translation }: ResponseContext,
  { status, statusText }: Response,
  { source, isCut, replaced }: ErrorSource,
): JsonObject | null {
  const protocol = protocolOf(call.operation);
  if (translation !== null) {
    const words = replaced === null ? source : JSON.stringify(replaced.body);
    return errorFor(protocol, replaced?.status ?? status, statusText, words);
  }
  if (replaced !== null) return replaced.body;
  const isShaped = !isCut && holdsError(protocol, parseJson(source));
  return isShaped ? null : shapedError(protocol, status, statusText, source);
}

/** An error body in the route's shape with another message; everything else keeps its bytes. */
function withMessage(body: Uint8Array<ArrayBuffer>, message: string): Uint8Array<ArrayBuffer> {
  return applyEdits(body, [{ op: "set", path: ["error", "message"], value: message }]);
}

interface Beginning {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** There is more than was read. */
  readonly isCut: boolean;
}

/** The body, or the beginning of a larger one; empty where it breaks off or does not come, since there is still the status. */
async function readBeginning(
  { runtime, sentTokens, stop }: ResponseContext,
  body: Response["body"],
): Promise<Beginning> {
  const source = hideInBody(bodySource(body, runtime.clock), sentTokens);
  let unpacksTooFar = false;
  const bounded: ByteSource = {
    read: () =>
      source.read().catch((error: unknown) => {
        if (!(error instanceof DecompressionLimitError)) throw error;
        unpacksTooFar = true;
        return { done: true };
      }),
    cancel: () => source.cancel(),
  };
  const reading = readBytes(bounded, MAX_ERROR_BYTES).catch(() => null);
  const read = await withTimeout(runtime.clock, BODY_WAIT_MS, reading, () => null);
  const isCut = unpacksTooFar || read?.isCut === true;
  if (isCut || read === null) stop();
  return { bytes: read?.bytes ?? new Uint8Array(0), isCut };
}
