/** Unpacks zstd request bodies, which Codex sends and the Web platform's own streams cannot read. */
import { pipeline, Readable } from "node:stream";
import { constants, createZstdDecompress } from "node:zlib";

/**
 * The largest window that is unpacked, as a power of two: 8 MiB, which every decoder should take (RFC 8878 §3.1.1.1.2).
 * A frame may ask for any, with its first bytes; Node alone would allow 128 MiB.
 */
const WINDOW_LOG = 23;

export function unpackZstd(
  packed: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const unpacking = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG } });
  return Readable.toWeb(pipeline(packed, unpacking, () => {})) as ReadableStream<Uint8Array<ArrayBuffer>>;
}
