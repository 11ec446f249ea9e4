/** Bytes: read to their end, joined, recognised, hashed, and written as text. Web platform only. */

export type Bytes = Uint8Array<ArrayBuffer>;

/** Where bytes come from; a stream's reader is one. */
export interface ByteSource {
  read(): Promise<{ done: boolean; value?: Bytes | undefined }>;
  cancel(): Promise<void>;
}

/** The parts of a body or an event as one. `length`: the sum of theirs, where the caller has counted it already. */
export function joinBytes(parts: readonly Uint8Array[], length = totalLength(parts)): Bytes {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function totalLength(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/**
 * Reads a source to its end. One with more than `maxBytes` is cancelled: then `isCut` is true, and the bytes are the first
 * `maxBytes`. Rejects as the source does.
 */
export async function readBytes(
  source: ByteSource,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<{ readonly bytes: Bytes; readonly isCut: boolean }> {
  const parts: Bytes[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await source.read();
    if (value !== undefined) {
      parts.push(value);
      length += value.length;
      if (length > maxBytes) {
        void source.cancel().catch(() => {});
        return { bytes: joinBytes(parts, length).subarray(0, maxBytes), isCut: true };
      }
    }
    if (done) return { bytes: joinBytes(parts, length), isCut: false };
  }
}

/** True for the beginning of a gzip member, which no JSON and no event stream has (RFC 1952 §2.3.1). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === GZIP_MAGIC[0] && bytes[1] === GZIP_MAGIC[1];
}

export const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** Bytes per step: a multiple of three, so that the pieces of base64 join, and few enough to spread as arguments. */
const BASE64_STEP = 0x6000;

/** RFC 4648 §4, with padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += BASE64_STEP) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + BASE64_STEP)));
  }
  return text;
}

/** RFC 4648 §5, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Reads base64 and base64url, with and without padding. Throws for anything else. */
export function fromBase64(text: string): Bytes {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** In lower case. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** SHA-256 of bytes, or of a text's UTF-8 bytes. */
export async function sha256(source: Bytes | string): Promise<Bytes> {
  const bytes = typeof source === "string" ? new TextEncoder().encode(source) : source;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** The same in hex: recognises a secret that is not stored in the clear. */
export async function sha256Hex(value: string): Promise<string> {
  return toHex(await sha256(value));
}
