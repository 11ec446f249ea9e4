/** A provider's body as plain bytes: gzip is recognised by its magic number, since `content-encoding` is not reliable across runtimes. */
import { type ByteSource, type Bytes, GZIP_MAGIC, isGzip, joinBytes } from "../../bytes.ts";
import type { Clock, PeekedBody } from "../../runtime.ts";
import { decompressWithin } from "./decompress.ts";
import { toStream } from "./to-stream.ts";

type Body = ReadableStream<Bytes>;
type Reader = ReadableStreamDefaultReader<Bytes>;

/**
 * The body's bytes. Kleis asks providers for plain bytes; some send gzip all the same, with or without a label, and some
 * runtimes decompress it and keep the label.
 */
export function bodySource(body: Body | null, clock: Pick<Clock, "sleep">): ByteSource {
  if (body === null) return { read: async () => ({ done: true }), cancel: async () => {} };
  const reader = body.getReader();
  let source: ByteSource | undefined;
  return {
    async read() {
      if (source !== undefined) return source.read();
      const head = await readHead(reader);
      source = isGzip(head) ? gunzip(head, reader, clock) : reader;
      return source === reader && head.length > 0 ? { done: false, value: head } : source.read();
    },
    cancel: () => (source ?? reader).cancel(),
  };
}

/** The body with its first bytes read; decompressed here where it is gzip. */
export async function peek(body: Body, clock: Pick<Clock, "sleep">): Promise<PeekedBody> {
  const reader = body.getReader();
  const head = await readHead(reader);
  if (isGzip(head)) {
    const rest = toStream(gunzip(head, reader, clock), { onEnd: () => {} });
    return { head: new Uint8Array(0), rest };
  }
  reader.releaseLock();
  return { head, rest: body };
}

/** The source with bytes in front that were read from it before. */
export function withHead(head: readonly Bytes[], rest: ByteSource): ByteSource {
  const queue = head.filter((part) => part.length > 0);
  return {
    async read() {
      const value = queue.shift();
      return value === undefined ? rest.read() : { done: false, value };
    },
    cancel: () => rest.cancel(),
  };
}

/** As many bytes as it takes to tell gzip, however small the pieces are; fewer where the body ends before. */
async function readHead(reader: Reader): Promise<Bytes> {
  let head: Bytes = new Uint8Array(0);
  while (head.length === 0 || (head.length === 1 && head[0] === GZIP_MAGIC[0])) {
    const { done, value } = await reader.read();
    if (done) return head;
    head = head.length === 0 ? value : joinBytes([head, value]);
  }
  return head;
}

function gunzip(head: Bytes, reader: Reader, clock: Pick<Clock, "sleep">): ByteSource {
  const decompressor = new DecompressionStream("gzip");
  return decompressWithin(
    withHead([head], reader),
    (compressed) => compressed.pipeThrough(decompressor),
    clock,
  );
}
