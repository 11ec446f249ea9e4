/** A provider's error answer, read: as the client gets it, and what it says of asking again. */
import { joinBytes } from "../../bytes.ts";
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
import { readBody } from "../stream/byte-source.ts";
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
  const source = hideInBody(readBody(body, runtime.clock), facts.sentTokens);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const read = async (): Promise<"whole" | "cut"> => {
    let length = 0;
    for (;;) {
      const { done, value } = await source.read();
      if (value !== undefined) {
        length += value.length;
        parts.push(value);
        if (length > MAX_ERROR_BYTES) return "cut";
      }
      if (done) return "whole";
    }
  };
  const broke = (error: unknown) => (error instanceof UnpacksTooFarError ? "cut" : "nothing");
  const came = new AbortController();
  const late = runtime.clock.sleep(BODY_WAIT_MS, came.signal).then(() => "nothing" as const);
  const end = await Promise.race([read().catch(broke), late]).finally(() => came.abort("came"));
  if (end !== "whole") stop();
  const bytes = end === "nothing" ? new Uint8Array(0) : joinBytes(parts).subarray(0, MAX_ERROR_BYTES);
  return { bytes, isCut: end === "cut" };
}
