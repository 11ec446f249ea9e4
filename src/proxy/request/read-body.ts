/** Reads a request body once, within limits on its size, its pace, its compression and what it is made of, and parses it. */
import { bodyTooSlow, KleisError } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Runtime } from "../../runtime.ts";
import type { Reservation } from "../memory-budget.ts";
import { watchPace } from "./body-pace.ts";
import { expandsTooFar, type PlainBody, plainBody } from "./decompress-body.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import { jsonText } from "./json-encoding.ts";
import { JsonScanner } from "./json-limits.ts";

/** 32 MiB, Anthropic's own limit (providers/claude.md §3.1). */
const MAX_BODY_MEBIBYTES = 32;
export const MAX_BODY_BYTES = MAX_BODY_MEBIBYTES * 1024 * 1024;

/** How long a compressed body may take to arrive, ms: decompressing keeps memory that its few bytes do not show. */
const COMPRESSED_WITHIN_MS = 60_000;

export interface ReceivedBody {
  /** UTF-8 without a byte order mark, as far as is known before it is parsed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What its parsed value will take beside its strings, bytes, roughly. */
  readonly parsedBytes: number;
}

/** All of the body; its memory is reserved while it comes. Throws `KleisError` for a body that Kleis does not read. */
export async function receiveBody(
  request: Request,
  runtime: Pick<Runtime, "zstd" | "clock">,
  memory: Reservation,
): Promise<ReceivedBody> {
  const declared = lengthOf(request.headers);
  if (declared > MAX_BODY_BYTES) throw tooLarge();
  const body = plainBody(request, runtime);
  const announced = body?.isCompressed ? 0 : declared;
  // Before the first byte, so that a body without room is refused before it is sent.
  memory.reserve(announced + (body?.overhead ?? 0));
  const scanner = new JsonScanner();
  const bytes = new GrowingBytes(announced);
  if (body !== null) {
    await readInTime(body, runtime, (part) => {
      const length = bytes.length + part.length;
      if (length > MAX_BODY_BYTES) throw tooLarge();
      if (length > body.limit()) throw expandsTooFar(MAX_BODY_MEBIBYTES);
      memory.reserve(Math.max(length, announced) + body.overhead);
      scanner.push(part);
      bytes.push(part);
    });
    memory.reserve(bytes.length);
  }
  return { bytes: jsonText(bytes.whole()), parsedBytes: scanner.parsedBytes };
}

/** The announced length, bytes; 0 where there is none. */
function lengthOf(headers: Headers): number {
  const length = headers.get("content-length") ?? "";
  return /^\d+$/.test(length) ? Number(length) : 0;
}

/**
 * The body as text; bytes that are not UTF-8 become U+FFFD in it, and still go upstream as they came. Throws `invalid_json`
 * where it is empty.
 */
export function decodeBody(bytes: Uint8Array): string {
  if (bytes.length > 0) return decoder.decode(bytes);
  throw new KleisError("invalid_json", "The request body is empty. Send a JSON object.");
}

/** The text's value. Throws `invalid_json` or `invalid_request` where it is not a JSON object. */
export function parseBody(text: string): JsonObject {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new KleisError("invalid_json", "The request body is not valid JSON.");
  }
  if (!isObject(value)) throw new KleisError("invalid_request", "The request body must be a JSON object.");
  return value;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads to the end. An error of `take`, or a body that comes too slowly, ends the reading. */
async function readInTime(
  { stream, isCompressed }: PlainBody,
  { clock }: Pick<Runtime, "clock">,
  take: (part: Uint8Array) => void,
): Promise<void> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  const over = new AbortController();
  let received = 0;
  let late: KleisError | undefined;
  const onLate = (error: KleisError) => {
    late = error;
    // Ends the pending read.
    cancel();
  };
  if (isCompressed) void limitTime(clock, () => onLate(compressedTooSlow()), over.signal);
  else
    void watchPace(
      clock,
      () => received,
      () => onLate(bodyTooSlow()),
      over.signal,
    );
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw brokenOff();
      });
      if (late !== undefined) throw late;
      if (done) return;
      received += value.length;
      take(value);
    }
  } catch (error) {
    cancel();
    throw error;
  } finally {
    over.abort("over");
  }
}

async function limitTime(clock: Runtime["clock"], onTimeout: () => void, signal: AbortSignal): Promise<void> {
  await clock.sleep(COMPRESSED_WITHIN_MS, signal);
  if (!signal.aborted) onTimeout();
}

function brokenOff(): KleisError {
  return new KleisError(
    "invalid_request",
    "The request body could not be read: it is cut short or wrongly compressed.",
  );
}

function tooLarge(): KleisError {
  return new KleisError("request_too_large", `The request body is larger than ${MAX_BODY_MEBIBYTES} MiB.`);
}

function compressedTooSlow(): KleisError {
  return new KleisError(
    "request_timeout",
    `The compressed request body did not arrive within ${COMPRESSED_WITHIN_MS / 1000} seconds. Send it again over a faster connection, or uncompressed.`,
    // Unlike most 4xx, this may pass.
    { headers: { "x-should-retry": "true", connection: "close" } },
  );
}
