/** Bytes in pieces, as streams, packed and unpacked: Web streams only, nothing of a runtime's own. */
import { type Bytes, readBytes, sha256, toHex } from "../../bytes.ts";

export type ByteStream = ReadableStream<Bytes>;

/** More bytes came than may. */
export class TooLarge extends Error {}

/** Everything a stream holds; cancels it and throws `TooLarge` beyond `maxBytes`. */
export async function readAll(stream: ByteStream, maxBytes = Number.POSITIVE_INFINITY): Promise<Bytes> {
  const { bytes, isCut } = await readBytes(stream.getReader(), maxBytes);
  if (isCut) throw new TooLarge(`more than ${maxBytes} bytes`);
  return bytes;
}

/** The parts one after the other, none of them copied. */
export function streamOf(parts: readonly Bytes[]): ByteStream {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const part = parts[next++];
      if (part === undefined) controller.close();
      else controller.enqueue(part);
    },
  });
}

export function gunzip(bytes: Bytes, maxBytes: number): Promise<Bytes> {
  return readAll(streamOf([bytes]).pipeThrough(new DecompressionStream("gzip")), maxBytes);
}

export function gzip(parts: readonly Bytes[]): Promise<Bytes> {
  return readAll(streamOf(parts).pipeThrough(new CompressionStream("gzip")));
}

/** The first 16 hex digits of the SHA-256: enough to tell versions apart. */
export async function digestOf(bytes: Bytes): Promise<string> {
  return toHex((await sha256(bytes)).subarray(0, 8));
}
