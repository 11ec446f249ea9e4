/** Streams of a codec: written from events, read in any chunks and with any line ends. */
import fc from "fast-check";
import { EventSplitter } from "../../../../src/protocols/sse/splitter.ts";
import {
  Budget,
  type ProtocolCodec,
  type ResponseContext,
} from "../../../../src/protocols/translate/codec.ts";
import type { ResponseEvent } from "../../../../src/protocols/translate/model.ts";

export const OWNER = { provider: "codex", tag: "00000000", scope: "gpt-5.5" };

export function responseContext(over: Partial<ResponseContext> = {}): ResponseContext {
  return {
    id: "abc123",
    createdAt: 1_790_000_000,
    model: "asked-model",
    requestId: "req_1",
    body: {},
    includeUsage: true,
    owner: OWNER,
    budget: new Budget(),
    ...over,
  };
}

/** The whole stream as text. */
export function writeStream(
  codec: ProtocolCodec,
  events: readonly ResponseEvent[],
  over: Partial<ResponseContext> = {},
): string {
  const encoder = codec.encodeEvents(responseContext(over));
  return events.map((event) => encoder.write(event) ?? "").join("");
}

/** Decodes a stream that comes in these chunks and then ends. */
export function readStream(
  codec: ProtocolCodec,
  chunks: readonly Uint8Array[],
  budget = new Budget(),
): ResponseEvent[] {
  const events: ResponseEvent[] = [];
  const decoder = codec.decodeEvents({ budget });
  const splitter = new EventSplitter();
  const emit = (event: ResponseEvent) => {
    events.push(event);
  };
  for (const chunk of chunks) splitter.push(chunk, (event) => decoder.read(event, emit));
  decoder.end(emit);
  return events;
}

export function readText(codec: ProtocolCodec, text: string): ResponseEvent[] {
  return readStream(codec, [new TextEncoder().encode(text)]);
}

/** The events of a stream, each with the blank line that ends it. */
export function splitStream(text: string): string[] {
  return text.split(/(?<=\n\n)/).filter((event) => event !== "");
}

/** Ways to cut and to end the lines of a text. */
export const deliveries = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }),
  lineEnd: fc.constantFrom("\n", "\r\n", "\r"),
});

export function deliver(
  text: string,
  { sizes, lineEnd }: { sizes: readonly number[]; lineEnd: string },
): Uint8Array[] {
  const bytes = new TextEncoder().encode(text.replaceAll("\n", lineEnd));
  const chunks: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
