/**
 * Passes a body on inside workerd, without waking JavaScript for each of its chunks, and still lets it be looked at: the
 * client has one branch of a `tee`, the other goes into an identity stream that is read in large pieces and seldom.
 */
import type { BegunBody, NativePass } from "../../src/runtime.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The largest piece that is looked at, bytes. */
const PIECE_BYTES = 64 * 1024;

/** How long is waited before the next look while little comes, ms. */
const LOOK_MS = 250;

export function passNatively(begun: Promise<BegunBody>): NativePass {
  const toClient = new IdentityTransformStream();
  const toUs = new IdentityTransformStream();
  let hasPassed = false;
  // How a body broke is seen where it is looked at.
  const passed = pass(begun, toClient.writable, toUs.writable)
    .catch(() => {})
    .then(() => {
      hasPassed = true;
    });

  const reader = toUs.readable.getReader({ mode: "byob" });
  let wasSmall = false;
  return {
    readable: toClient.readable,
    seen: {
      async read() {
        if (wasSmall && !hasPassed) await Promise.race([passed, pause(LOOK_MS)]);
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
    async break() {
      await passed;
      await toClient.writable.abort(new Error("the provider's stream broke"));
    },
  };
}

/** Settles when the client has been given all that the body had. */
async function pass(
  begun: Promise<BegunBody>,
  toClient: WritableStream<Bytes>,
  toUs: WritableStream<Bytes>,
): Promise<void> {
  let body: BegunBody;
  try {
    body = await begun;
  } catch (error) {
    await toUs.abort(error);
    throw error;
  }
  const [own, copy] = body.rest.tee();
  copyOn(body.head, copy, toUs).catch(() => {});
  // Kept open for what is to be said behind the last byte. A branch that breaks gives all it has before it says so.
  await copyOn(body.head, own, toClient, { preventClose: true, preventAbort: true });
}

/** What was read already, then the rest without a hand. */
async function copyOn(
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
