/**
 * Decompresses what a provider sent within bounds, as what clients send is (decompress-body.ts): a few compressed bytes
 * must not become endless memory and work, nor block the event loop while they are decompressed.
 */
import type { ByteSource, Bytes } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import type { Clock } from "../../runtime.ts";

export type CompressedStream = ReadableStream<Bytes>;

/**
 * How many times its compressed size a response may expand to, beyond the first MiB. Event streams compress to a twentieth,
 * lists of equal rows to a hundredth.
 */
const MAX_EXPANSION = 200;
const FREE_BYTES = 1024 * 1024;

/** After so many bytes other work comes first: runtimes may decompress megabytes without a pause. */
const PAUSE_BYTES = 1024 * 1024;

/** What is wrong, inside a sentence. */
export const EXPANDS_TOO_FAR = `the provider's response decompresses to more than ${MAX_EXPANSION} times its size`;

/** The provider's bytes decompress to more than a response could. */
export class DecompressionLimitError extends KleisError {
  constructor() {
    super("upstream_invalid_response", `${EXPANDS_TOO_FAR.replace(/^t/, "T")}. Try again.`);
  }
}

/** The decompressed bytes. Where they are too many, a read rejects with `DecompressionLimitError` and cancels the source. */
export function decompressWithin(
  compressed: ByteSource,
  decompress: (compressed: CompressedStream) => CompressedStream,
  clock: Pick<Clock, "sleep">,
): ByteSource {
  let received = 0;
  const counted = new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const { done, value } = await compressed.read();
        if (value !== undefined) {
          received += value.length;
          controller.enqueue(value);
        }
        if (done) controller.close();
      },
      cancel: () => compressed.cancel(),
    },
    { highWaterMark: 0 },
  );
  const reader = decompress(counted).getReader();
  let expanded = 0;
  let nextPause = PAUSE_BYTES;
  return {
    async read() {
      const next = await reader.read();
      expanded += next.value?.length ?? 0;
      if (expanded > Math.max(FREE_BYTES, received * MAX_EXPANSION)) {
        void reader.cancel().catch(() => {});
        throw new DecompressionLimitError();
      }
      if (expanded >= nextPause) {
        nextPause = expanded + PAUSE_BYTES;
        await clock.sleep(0);
      }
      return next;
    },
    cancel: () => reader.cancel(),
  };
}
