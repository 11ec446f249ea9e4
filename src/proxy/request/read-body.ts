/** Reads a request body once, within limits on its size, its packing and what it is made of, and parses it. */
import { bodyTooSlow, KleisError } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Runtime } from "../../runtime.ts";
import type { Holding } from "../memory-budget.ts";
import { watchPace } from "./body-pace.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import { jsonText } from "./json-encoding.ts";
import { JsonScanner } from "./json-limits.ts";

/** 32 MiB, Anthropic's own limit (providers/claude.md §3.1). */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/**
 * How many times its packed size a body may unpack to, beyond the first MiB. Conversations pack to a tenth, logs to a
 * fiftieth; what packs better than this was made to take memory.
 */
const MAX_UNPACKING = 200;
const UNPACKED_FREELY = 1024 * 1024;

/** How long a packed body may take to arrive, ms: unpacking keeps memory that its few bytes do not show. */
const PACKED_WITHIN_MS = 60_000;

/** What unpacking takes while it goes on, bytes: zlib's state, and zstd's window (`adapters/node/zstd.ts`). */
const UNPACKING_BYTES = { zlib: 64 * 1024, zstd: 8 * 1024 * 1024 };

type ByteStream = ReadableStream<Uint8Array<ArrayBuffer>>;

export interface ReceivedBody {
  /** UTF-8 without a byte order mark, as far as is known before it is parsed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What its parsed value will take beside its texts, bytes, roughly. */
  readonly parsedBytes: number;
}

/** How a body is read: its plain bytes, and what that takes and allows. */
interface Reading {
  readonly body: ByteStream;
  /** Bytes of memory beside the body's own. */
  readonly overhead: number;
  /** How many bytes the body may have by now. */
  readonly limit: () => number;
  readonly isPacked: boolean;
}

/** All of the body; what it takes is held while it comes. Throws `KleisError` for what Kleis can not or will not read. */
export async function receiveBody(
  request: Request,
  runtime: Pick<Runtime, "zstd" | "clock">,
  holding: Holding,
): Promise<ReceivedBody> {
  const declared = lengthOf(request.headers);
  if (declared > MAX_BODY_BYTES) throw tooLarge();
  const reading = readingOf(request, runtime);
  const announced = reading?.isPacked ? 0 : declared;
  // At once, so that what there is no room for is refused before it is sent.
  holding.hold(announced + (reading?.overhead ?? 0));
  const scanner = new JsonScanner();
  const bytes = new GrowingBytes(announced);
  if (reading !== null) {
    await readWithin(reading, runtime, (part) => {
      const length = bytes.length + part.length;
      if (length > MAX_BODY_BYTES) throw tooLarge();
      if (length > reading.limit()) throw unpacksTooFar();
      holding.hold(Math.max(length, announced) + reading.overhead);
      scanner.push(part);
      bytes.push(part);
    });
    holding.hold(bytes.length);
  }
  return { bytes: jsonText(bytes.whole()), parsedBytes: scanner.parsedBytes };
}

/** The announced length, bytes; 0 where there is none. */
function lengthOf(headers: Headers): number {
  const length = headers.get("content-length") ?? "";
  return /^\d+$/.test(length) ? Number(length) : 0;
}

/**
 * The body as text to be read; bytes that are no UTF-8 become U+FFFD there, and go upstream as they came. Throws
 * `invalid_json` where it is empty.
 */
export function decodeBody(bytes: Uint8Array): string {
  if (bytes.length > 0) return decoder.decode(bytes);
  throw new KleisError("invalid_json", "The request body is empty. Send a JSON object.");
}

/** The text's value. Throws `invalid_json` or `invalid_request` for what is no JSON object. */
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

/** Reads to the end; what `take` throws, or a body that comes too slowly, ends it. */
async function readWithin(
  { body, isPacked }: Reading,
  { clock }: Pick<Runtime, "clock">,
  take: (part: Uint8Array) => void,
): Promise<void> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  const over = new AbortController();
  let received = 0;
  let late: KleisError | undefined;
  const giveUp = (why: KleisError) => {
    late = why;
    // What is being read ends with that.
    cancel();
  };
  if (isPacked)
    void clock.sleep(PACKED_WITHIN_MS, over.signal).then(() => {
      if (!over.signal.aborted) giveUp(tooSlow());
    });
  else
    void watchPace(
      clock,
      () => received,
      () => giveUp(bodyTooSlow()),
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

/** How the body is read as it was before it was packed; null where there is none. */
function readingOf(request: Request, runtime: Pick<Runtime, "zstd">): Reading | null {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  const body: ByteStream | null = request.body;
  if (body === null) return null;
  if (encoding === "identity" || encoding === "")
    return { body, overhead: 0, limit: () => MAX_BODY_BYTES, isPacked: false };
  const unpack = unpacker(encoding, runtime);
  let packed = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(part, controller) {
      packed += part.length;
      controller.enqueue(part);
    },
  });
  return {
    body: unpack(body.pipeThrough(counted)),
    overhead: UNPACKING_BYTES[encoding === "zstd" ? "zstd" : "zlib"],
    limit: () => Math.max(UNPACKED_FREELY, packed * MAX_UNPACKING),
    isPacked: true,
  };
}

function unpacker(encoding: string, runtime: Pick<Runtime, "zstd">): (packed: ByteStream) => ByteStream {
  if (encoding === "gzip" || encoding === "x-gzip")
    return (packed) => packed.pipeThrough(new DecompressionStream("gzip"));
  if (encoding === "deflate") return (packed) => packed.pipeThrough(new DecompressionStream("deflate"));
  if (encoding === "zstd" && runtime.zstd !== undefined) return runtime.zstd;
  const readable = runtime.zstd === undefined ? "gzip, deflate" : "gzip, deflate, zstd";
  throw new KleisError(
    "unsupported_encoding",
    `Kleis does not read this content-encoding here. Send the request uncompressed, or as ${readable}.`,
    { headers: { "accept-encoding": readable } },
  );
}

function brokenOff(): KleisError {
  return new KleisError(
    "invalid_request",
    "The request body could not be read: it is cut short or wrongly compressed.",
  );
}

function tooLarge(): KleisError {
  return new KleisError(
    "request_too_large",
    `The request body is larger than ${MAX_BODY_BYTES / 1024 / 1024} MiB.`,
  );
}

function unpacksTooFar(): KleisError {
  return new KleisError(
    "request_too_large",
    `The request body unpacks to more than ${MAX_UNPACKING} times its size. Send it uncompressed (up to ${MAX_BODY_BYTES / 1024 / 1024} MiB).`,
  );
}

function tooSlow(): KleisError {
  return new KleisError(
    "request_timeout",
    `The compressed request body did not arrive within ${PACKED_WITHIN_MS / 1000} seconds. Send it again over a faster connection, or uncompressed.`,
    // Unlike most 4xx, this may pass.
    { headers: { "x-should-retry": "true", connection: "close" } },
  );
}
