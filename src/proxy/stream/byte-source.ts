/** A provider's bytes as they are read: unpacked when they are gzip, whatever the label says. */

import { GZIP_MAGIC, isGzip } from "../../bytes.ts";
import { errorCodeOf } from "../../error-code.ts";
import { KleisError } from "../../errors.ts";
import type { BegunBody, Clock } from "../../runtime.ts";
import { UnpacksTooFarError, unpackWithin } from "./decompress.ts";
import { BROKE_OFF } from "./outcome.ts";
import { watchClient } from "./watch-client.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Where bytes come from: a reader, or something before one. */
export interface ByteSource {
  read(): Promise<{ done: boolean; value?: Bytes | undefined }>;
  cancel(): Promise<void>;
}

/**
 * The body's bytes. Providers are asked for plain bytes, but some send gzip all the same, with or without saying so, and
 * some runtimes unpack it and leave the label on; the first two bytes tell the truth (RFC 1952 §2.3.1).
 */
export function readBody(body: ReadableStream<Bytes> | null, clock: Pick<Clock, "sleep">): ByteSource {
  if (body === null) return { read: async () => ({ done: true }), cancel: async () => {} };
  const reader = body.getReader();
  let source: ByteSource | undefined;
  return {
    async read() {
      if (source !== undefined) return source.read();
      const begun = await beginning(reader);
      source = isGzip(begun) ? unpack(begun, reader, clock) : reader;
      return source === reader && begun.length > 0 ? { done: false, value: begun } : source.read();
    },
    cancel: () => (source ?? reader).cancel(),
  };
}

/** The body with its first bytes read; unpacked, by hand, where it is gzip. */
export async function begin(body: ReadableStream<Bytes>, clock: Pick<Clock, "sleep">): Promise<BegunBody> {
  const reader = body.getReader();
  const head = await beginning(reader);
  if (isGzip(head)) {
    const rest = toStream(unpack(head, reader, clock), { onEnd: () => {} });
    return { head: new Uint8Array(0), rest };
  }
  reader.releaseLock();
  return { head, rest: body };
}

/** The first bytes: as many as it takes to tell, however small the pieces are; fewer where there are no more. */
async function beginning(reader: ReadableStreamDefaultReader<Bytes>): Promise<Bytes> {
  let begun: Bytes = new Uint8Array(0);
  while (begun.length === 0 || (begun.length === 1 && begun[0] === GZIP_MAGIC[0])) {
    const { done, value } = await reader.read();
    if (done) return begun;
    begun = begun.length === 0 ? value : new Uint8Array([...begun, ...value]);
  }
  return begun;
}

function unpack(
  head: Bytes,
  reader: ReadableStreamDefaultReader<Bytes>,
  clock: Pick<Clock, "sleep">,
): ByteSource {
  const gunzip = new DecompressionStream("gzip");
  return unpackWithin(behind(head, reader), (packed) => packed.pipeThrough(gunzip), clock);
}

/** A body whose first bytes have been read. */
export function behind(head: Bytes, rest: ByteSource): ByteSource {
  let given = head.length === 0;
  return {
    async read() {
      if (given) return rest.read();
      given = true;
      return { done: false, value: head };
    },
    cancel: () => rest.cancel(),
  };
}

export type PassedOutcome =
  | "complete"
  | "incomplete"
  | "idle"
  | "too_large"
  | "client_left"
  | "client_stalled";

function outcomeOf(error: unknown): PassedOutcome {
  if (error instanceof UnpacksTooFarError) return "too_large";
  return error instanceof KleisError ? "idle" : "incomplete";
}

export interface Passing {
  /** Hears once how it ended and how much passed. */
  readonly onEnd: (outcome: PassedOutcome, bytes: number, cause?: string) => void;
  /** Called instead of letting the stream fail. */
  readonly breakOff?: (() => void) | undefined;
  /** How long a client may take nothing; without it, for ever. */
  readonly stall?: { readonly clock: Clock; readonly ms: number };
}

/** The source as a stream that reads only when it is read from. */
export function toStream(source: ByteSource, passing: Passing): ReadableStream<Bytes> {
  const { breakOff, stall } = passing;
  const over = new AbortController();
  let bytes = 0;
  let isReading = false;
  const onEnd = (outcome: PassedOutcome, cause?: string) => {
    if (over.signal.aborted) return;
    over.abort("over");
    passing.onEnd(outcome, bytes, cause);
  };
  return new ReadableStream<Bytes>(
    {
      start(controller) {
        if (stall === undefined) return;
        const taken = () => (isReading ? null : bytes);
        const onStall = () => {
          onEnd("client_stalled");
          source.cancel().catch(() => {});
          if (breakOff === undefined) controller.error(new Error("the client takes nothing"));
          else breakOff();
        };
        void watchClient({ clock: stall.clock, stallMs: stall.ms, taken, onStall }, over.signal);
      },
      async pull(controller) {
        isReading = true;
        const next = await source.read().catch((error: unknown) => {
          onEnd(outcomeOf(error), errorCodeOf(error));
          if (breakOff === undefined) throw error;
          return null;
        });
        isReading = false;
        if (next === null) {
          breakOff?.();
          return controller.close();
        }
        const { done, value } = next;
        if (value !== undefined) {
          bytes += value.length;
          controller.enqueue(value);
        }
        if (!done) return;
        controller.close();
        onEnd("complete");
      },
      cancel() {
        onEnd("client_left");
        return source.cancel();
      },
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
    const { done, value } = await source.read().catch((error: unknown) => {
      throw error instanceof KleisError
        ? error
        : new KleisError(BROKE_OFF.code, BROKE_OFF.message, { cause: error });
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
