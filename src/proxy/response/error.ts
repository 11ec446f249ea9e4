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
import { encodeJson } from "../../protocols/json-edit.ts";
import { protocolOf } from "../../protocols/protocol.ts";
import type { Scene } from "../context.ts";
import { bodySource } from "../stream/body-source.ts";
import { UnpacksTooFarError } from "../stream/decompress.ts";
import { passedHeaders } from "./headers.ts";
import { hideInBody } from "./hide-credential.ts";
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

export async function readError(scene: Scene, response: Response): Promise<ReadError> {
  const { answer } = scene.ready;
  const protocol = protocolOf(scene.call.operation);
  const { status, statusText } = response;
  const { bytes, isCut } = await readBeginning(scene, response.body);
  const whole = new TextDecoder().decode(bytes);
  const source = isCut ? saidInBeginning(whole) : whole;
  const type = response.headers.get("content-type") ?? "";
  const meant = answer.error?.(status, type, source) ?? null;
  const shaped =
    meant?.body ??
    (!isCut && holdsError(protocol, parseJson(source))
      ? null
      : shapedError(protocol, status, statusText, source));

  const said = readSaidError(meant === null ? source : JSON.stringify(meant.body));
  const advice = adviceOf(scene, status, response.headers, readSaidError(source), formOf(source));
  scene.facts.onRefusal(advice.refusal);
  const headers = passedHeaders(response.headers);
  adviseOnRetry(headers, advice);
  if (shaped !== null) headers.set("content-type", "application/json");
  return {
    status: meant?.status ?? status,
    headers,
    body: shaped === null ? bytes : encodeJson(shaped),
    said: { ...said, message: said.message ?? statusWords(status, statusText, said.code) },
    advice,
  };
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
async function readBeginning({ runtime, facts, stop }: Scene, body: Response["body"]): Promise<Beginning> {
  const source = hideInBody(bodySource(body, runtime.clock), facts.sentTokens);
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
