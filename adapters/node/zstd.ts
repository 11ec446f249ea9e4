/** Unpacks zstd request bodies, which Codex sends and the Web platform's own streams can not read. */
import { pipeline, Readable } from "node:stream";
import { createZstdDecompress } from "node:zlib";

export function unpackZstd(
  packed: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const unpacked = pipeline(packed, createZstdDecompress(), () => {});
  return Readable.toWeb(unpacked) as ReadableStream<Uint8Array<ArrayBuffer>>;
}
