/** UTF-8 text as base64url without padding (RFC 4648, 5), and back. */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ALPHABET = /^[A-Za-z0-9_-]*$/;
/** `String.fromCharCode` takes its characters as arguments, of which a call cannot have too many. */
const SLICE = 8192;

export function encodeUtf8(value: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(value);
}

export function toBase64url(value: string): string {
  const bytes = encoder.encode(value);
  let binary = "";
  for (let at = 0; at < bytes.length; at += SLICE)
    binary += String.fromCharCode(...bytes.subarray(at, at + SLICE));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Undefined where it is not base64url of valid UTF-8. */
export function fromBase64url(source: string): string | undefined {
  if (!ALPHABET.test(source)) return undefined;
  return base64Text(source.replaceAll("-", "+").replaceAll("_", "/"));
}

/** The text that plain base64 stands for; undefined where it is not base64 of valid UTF-8. */
export function base64Text(source: string): string | undefined {
  try {
    const binary = atob(source);
    const bytes = new Uint8Array(binary.length);
    for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
