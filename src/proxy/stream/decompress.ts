/**
 * Unpacks what a provider sent within bounds, as what clients send is (read-body.ts): a few packed bytes must not become
 * memory and work without end, nor hold up everybody else while they are unpacked.
 */
import type { ByteSource, Bytes } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import type { Clock } from "../../runtime.ts";
export type PackedStream = ReadableStream<Bytes>;

/**
 * How many times its packed size an answer may unpack to, beyond the first MiB. Event streams pack to a twentieth, lists of
 * equal rows to a hundredth.
 */
const MAX_UNPACKING = 200;
const UNPACKED_FREELY = 1024 * 1024;

/** After so many unpacked bytes others have their turn: runtimes may unpack megabytes without one. */
const TURN_BYTES = 1024 * 1024;

/** What is wrong, inside a sentence. */
export const UNPACKS_TOO_FAR = `the provider's answer unpacks to more than ${MAX_UNPACKING} times its packed size`;

/** The provider's bytes unpack to more than an answer could. */
export class UnpacksTooFarError extends KleisError {
  constructor() {
    super("upstream_invalid_response", `${UNPACKS_TOO_FAR.replace(/^t/, "T")}. Try again.`);
  }
}

/** The unpacked bytes. A read rejects with `UnpacksTooFarError`, and ends the provider's side, where they are too many. */
export function unpackWithin(
  packed: ByteSource,
  unpack: (packed: PackedStream) => PackedStream,
  clock: Pick<Clock, "sleep">,
): ByteSource {
  let came = 0;
  const counted = new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const { done, value } = await packed.read();
        if (value !== undefined) {
          came += value.length;
          controller.enqueue(value);
        }
        if (done) controller.close();
      },
      cancel: () => packed.cancel(),
    },
    { highWaterMark: 0 },
  );
  const reader = unpack(counted).getReader();
  let unpacked = 0;
  let nextTurn = TURN_BYTES;
  return {
    async read() {
      const next = await reader.read();
      unpacked += next.value?.length ?? 0;
      if (unpacked > Math.max(UNPACKED_FREELY, came * MAX_UNPACKING)) {
        void reader.cancel().catch(() => {});
        throw new UnpacksTooFarError();
      }
      if (unpacked >= nextTurn) {
        nextTurn = unpacked + TURN_BYTES;
        await clock.sleep(0);
      }
      return next;
    },
    cancel: () => reader.cancel(),
  };
}
