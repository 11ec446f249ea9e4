/** A provider's error answer, read: as the client gets it, and what it says of asking again. */
import { type ByteSource, readBytes } from "../../bytes.ts";
import { withTimeout } from "../../deadline.ts";
import { parseJson } from "../../json.ts";
import {
  formOf,
  holdsError,
  readSaidError,
  type SaidError,
  saidInBeginning,
  shapedError,
  statusWords,
} from "../../protocols/error-shape.ts";
import { applyEdits, encodeJson } from "../../protocols/json-edit.ts";
import { protocolOf } from "../../protocols/protocol.ts";
import type { ResponseContext } from "../context.ts";
import { bodySource } from "../stream/body-source.ts";
import { UnpacksTooFarError } from "../stream/decompress.ts";
import { endRequest } from "./end-request.ts";
import { passedHeaders, withOwnHeaders } from "./headers.ts";
import { hideInBody } from "./hide-credential.ts";
import { told } from "./name-refusal.ts";
import { adviceOf, adviseOnRetry, type RetryAdvice } from "./retry-advice.ts";

/** The largest error body that is read, bytes; of a larger one the beginning is. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** How long (ms) an error body may take to come; then the status counts alone. */
const BODY_WAIT_MS = 10_000;

export interface ReadError {
  readonly status: number;
  readonly headers: Headers;
  /** The bytes that came where they hold the route's error object; else the same put into that shape. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly said: SaidError & { readonly message: string };
  readonly advice: RetryAdvice;
}

/** The client's response to a provider's error. */
export async function providerErrorResponse(context: ResponseContext, response: Response): Promise<Response> {
  const { status, headers, body } = await readError(context, response);
  endRequest(context, { status, outcome: "provider_error", bytes: body.length });
  return new Response(body, { status, headers: withOwnHeaders(context, headers) });
}

export async function readError(context: ResponseContext, response: Response): Promise<ReadError> {
  const protocol = protocolOf(context.call.operation);
  const { status, statusText } = response;
  const { bytes, isCut } = await readBeginning(context, response.body);
  const whole = new TextDecoder().decode(bytes);
  const source = isCut ? saidInBeginning(whole) : whole;
  const type = response.headers.get("content-type") ?? "";
  const meant = context.plan.error?.(status, type, source) ?? null;
  const shaped =
    meant?.body ??
    (!isCut && holdsError(protocol, parseJson(source))
      ? null
      : shapedError(protocol, status, statusText, source));

  const ownWords = readSaidError(source);
  const heard = { status, headers: response.headers, said: ownWords, form: formOf(source) };
  const advice = adviceOf(context, heard);
  context.report.refused(advice.refusal, ownWords, advice.lasts);
  const headers = passedHeaders(response.headers);
  adviseOnRetry(headers, advice);
  if (shaped !== null) headers.set("content-type", "application/json");
  const said = meant === null ? ownWords : readSaidError(JSON.stringify(meant.body));
  const words = said.message ?? statusWords(status, statusText, said.code);
  const message = told(words, advice.refusal);
  const body = shaped === null ? bytes : encodeJson(shaped);
  return {
    status: meant?.status ?? status,
    headers,
    body: message === words ? body : withMessage(body, message),
    said: { ...said, message },
    advice,
  };
}

/** An error body in the route's shape with other words; everything else keeps its bytes. */
function withMessage(body: Uint8Array<ArrayBuffer>, message: string): Uint8Array<ArrayBuffer> {
  return applyEdits(body, [{ op: "set", path: ["error", "message"], value: message }]);
}

interface Beginning {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** There is more than was read. */
  readonly isCut: boolean;
}

/**
 * The body, or as much of a larger one as is read; empty where it breaks off or does not come: the status is there all the
 * same.
 */
async function readBeginning(
  { runtime, sentTokens, stop }: ResponseContext,
  body: Response["body"],
): Promise<Beginning> {
  const source = hideInBody(bodySource(body, runtime.clock), sentTokens);
  let unpacksTooFar = false;
  const bounded: ByteSource = {
    read: () =>
      source.read().catch((error: unknown) => {
        if (!(error instanceof UnpacksTooFarError)) throw error;
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
