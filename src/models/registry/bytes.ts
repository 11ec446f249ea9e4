/** Bytes in pieces, as streams, packed and unpacked: Web streams only, nothing of a runtime's own. */
import { joinBytes } from "../../bytes.ts";

export type Bytes = Uint8Array<ArrayBuffer>;
export type ByteStream = ReadableStream<Bytes>;

/** More bytes came than may. */
export class TooLarge extends Error {}

/** Everything a stream holds; cancels it and throws `TooLarge` beyond `maxBytes`. */
export async function readAll(stream: ByteStream, maxBytes = Number.POSITIVE_INFINITY): Promise<Bytes> {
  const reader = stream.getReader();
  const chunks: Bytes[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return joinBytes(chunks, length);
    length += value.length;
    if (length > maxBytes) {
      void reader.cancel().catch(() => {});
      throw new TooLarge(`more than ${maxBytes} bytes`);
    }
    chunks.push(value);
  }
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

/** RFC 1952 §2.3.1: how every gzip member begins, and no JSON. */
export function isGzip(bytes: Bytes): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

export function gunzip(bytes: Bytes, maxBytes: number): Promise<Bytes> {
  return readAll(streamOf([bytes]).pipeThrough(new DecompressionStream("gzip")), maxBytes);
}

export function gzip(parts: readonly Bytes[]): Promise<Bytes> {
  return readAll(streamOf(parts).pipeThrough(new CompressionStream("gzip")));
}

/** Bytes per step: a multiple of three, so that the pieces of base64 join, and few enough to spread as arguments. */
const STEP = 0x6000;

export function toBase64(bytes: Bytes): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += STEP) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + STEP)));
  }
  return text;
}

/** Throws when it is no base64. */
export function fromBase64(text: string): Bytes {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** The first 16 hex digits of the SHA-256: enough to tell versions apart. */
export async function digestOf(bytes: Bytes): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
