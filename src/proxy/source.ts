/** A provider's bytes as they are read: unpacked when they are gzip, whatever the label says. */

import { KleisError } from "../errors.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Where bytes come from: a reader, or something before one. */
export interface ByteSource {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/**
 * The body's bytes. Providers are asked for plain bytes, but some send gzip all the same, with or without saying so, and
 * some runtimes unpack it and leave the label on; the first two bytes tell the truth (RFC 1952 §2.3.1).
 */
export function readBody(body: ReadableStream<Bytes> | null): ByteSource {
  if (body === null) return { read: async () => ({ done: true }), cancel: async () => {} };
  const reader = body.getReader();
  let source: ByteSource | undefined;
  return {
    async read() {
      if (source !== undefined) return source.read();
      const first = await reader.read();
      const { value } = first;
      source = value !== undefined && value[0] === 0x1f && value[1] === 0x8b ? unpack(value, reader) : reader;
      return source === reader ? first : source.read();
    },
    cancel: () => (source ?? reader).cancel(),
  };
}

function unpack(first: Bytes, reader: ReadableStreamDefaultReader<Bytes>): ByteSource {
  let begun = false;
  const packed = new ReadableStream<Bytes>(
    {
      async pull(controller) {
        if (!begun) {
          begun = true;
          return controller.enqueue(first);
        }
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => reader.cancel(),
    },
    { highWaterMark: 0 },
  );
  return packed.pipeThrough(new DecompressionStream("gzip")).getReader();
}

/** The source as a stream that reads only when it is read from. */
export function toStream(source: ByteSource): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await source.read();
        if (value !== undefined) controller.enqueue(value);
        if (done) controller.close();
      },
      cancel: () => source.cancel(),
    },
    { highWaterMark: 0 },
  );
}

/** All of a source as text, up to a limit in bytes; null when it is longer. Throws `KleisError` when it breaks off. */
export async function readText(source: ByteSource, limit: number): Promise<string | null> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for (;;) {
    const { done, value } = await source.read().catch(() => {
      throw new KleisError(
        "upstream_stream_incomplete",
        "The connection to the provider broke before the answer was complete. Try again.",
      );
    });
    if (value !== undefined) {
      length += value.length;
      if (length > limit) {
        await source.cancel();
        return null;
      }
      text += decoder.decode(value, { stream: true });
    }
    if (done) return text + decoder.decode();
  }
}
