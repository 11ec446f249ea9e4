/** A request body as it was before the client compressed it, with what decompressing takes and allows. */
import { KleisError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";

/**
 * How many times its compressed size a body may expand to, beyond the first MiB. Conversations compress to a tenth, logs to
 * a fiftieth; what compresses better than this was made to take memory.
 */
const MAX_EXPANSION = 200;
const FREE_BYTES = 1024 * 1024;

/** What a decompressor takes while it runs, bytes: zlib's state, and zstd's window (`adapters/node/zstd.ts`). */
const OVERHEAD_BYTES = { zlib: 64 * 1024, zstd: 8 * 1024 * 1024 };

type ByteStream = ReadableStream<Uint8Array<ArrayBuffer>>;

export interface PlainBody {
  readonly stream: ByteStream;
  /** Bytes of memory beside the body's own. */
  readonly overhead: number;
  /** How many bytes the body may have by now. */
  readonly limit: () => number;
  readonly isCompressed: boolean;
}

/** Null where the request has no body. Throws `unsupported_encoding`. */
export function plainBody(request: Request, runtime: Pick<Runtime, "zstd">): PlainBody | null {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  const body: ByteStream | null = request.body;
  if (body === null) return null;
  if (encoding === "identity" || encoding === "")
    return { stream: body, overhead: 0, limit: () => Number.POSITIVE_INFINITY, isCompressed: false };
  const decompress = decompressor(encoding, runtime);
  let compressedBytes = 0;
  const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(part, controller) {
      compressedBytes += part.length;
      controller.enqueue(part);
    },
  });
  return {
    stream: decompress(body.pipeThrough(counter)),
    overhead: OVERHEAD_BYTES[encoding === "zstd" ? "zstd" : "zlib"],
    limit: () => Math.max(FREE_BYTES, compressedBytes * MAX_EXPANSION),
    isCompressed: true,
  };
}

/** The error for a body that expands beyond its limit. `maxMebibytes`: what it may have uncompressed. */
export function expandsTooFar(maxMebibytes: number): KleisError {
  return new KleisError(
    "request_too_large",
    `The request body decompresses to more than ${MAX_EXPANSION} times its size. Send it uncompressed (up to ${maxMebibytes} MiB).`,
  );
}

function decompressor(encoding: string, runtime: Pick<Runtime, "zstd">): (body: ByteStream) => ByteStream {
  if (encoding === "gzip" || encoding === "x-gzip")
    return (body) => body.pipeThrough(new DecompressionStream("gzip"));
  if (encoding === "deflate") return (body) => body.pipeThrough(new DecompressionStream("deflate"));
  if (encoding === "zstd" && runtime.zstd !== undefined) return runtime.zstd;
  const readable = runtime.zstd === undefined ? "gzip, deflate" : "gzip, deflate, zstd";
  throw new KleisError(
    "unsupported_encoding",
    `Kleis does not read this content-encoding here. Send the request uncompressed, or as ${readable}.`,
    { headers: { "accept-encoding": readable } },
  );
}
