/**
 * Passes a body to the client inside workerd, without waking JavaScript for each of its chunks, and gives Kleis a copy: the
 * client has one branch of a `tee`, the other goes into an identity stream that is read in large pieces and seldom.
 */
import type { Passthrough, PeekedBody } from "../../src/runtime.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The largest piece of the copy that is read at once, bytes. */
const PIECE_BYTES = 64 * 1024;

/** The pause before the next read while little comes, ms. */
const READ_PAUSE_MS = 250;

export function passthrough(peeked: Promise<PeekedBody>): Passthrough {
  const toClient = new IdentityTransformStream();
  const toCopy = new IdentityTransformStream();
  let hasPassed = false;
  // How a body broke shows where the copy is read.
  const passed = pass(peeked, toClient.writable, toCopy.writable)
    .catch(() => {})
    .then(() => {
      hasPassed = true;
    });

  const reader = toCopy.readable.getReader({ mode: "byob" });
  let wasSmall = false;
  return {
    readable: toClient.readable,
    copy: {
      async read() {
        if (wasSmall && !hasPassed) await Promise.race([passed, pause(READ_PAUSE_MS)]);
        const { done, value } = await reader.read(new Uint8Array(PIECE_BYTES));
        wasSmall = value === undefined || value.length < PIECE_BYTES / 2;
        return { done, value };
      },
    },
    async end(tail) {
      await passed;
      const writer = toClient.writable.getWriter();
      if (tail.length > 0) await writer.write(tail);
      await writer.close();
    },
    async abort() {
      await passed;
      await toClient.writable.abort(new Error("the provider's stream broke"));
    },
  };
}

/** Settles when the client has been given all that the body had. */
async function pass(
  peeked: Promise<PeekedBody>,
  toClient: WritableStream<Bytes>,
  toCopy: WritableStream<Bytes>,
): Promise<void> {
  let body: PeekedBody;
  try {
    body = await peeked;
  } catch (error) {
    await toCopy.abort(error);
    throw error;
  }
  const [own, copy] = body.rest.tee();
  pipe(body.head, copy, toCopy).catch(() => {});
  // Kept open for what is written after the last byte. A branch that breaks gives all it has before it fails.
  await pipe(body.head, own, toClient, { preventClose: true, preventAbort: true });
}

/** Writes the head that was read already, then pipes the rest. */
async function pipe(
  head: Bytes,
  rest: ReadableStream<Bytes>,
  to: WritableStream<Bytes>,
  options?: StreamPipeOptions,
): Promise<void> {
  const writer = to.getWriter();
  if (head.length > 0) await writer.write(head);
  writer.releaseLock();
  await rest.pipeTo(to, options);
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
