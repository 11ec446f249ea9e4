/** Text in base64, and back: strict, for it comes from clients. */
import { fromBase64, toBase64Url } from "../../../bytes.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ALPHABET = /^[A-Za-z0-9_-]*$/;

/** UTF-8 as base64url without padding. */
export function toBase64url(value: string): string {
  return toBase64Url(encoder.encode(value));
}

/** Undefined where it is not base64url of valid UTF-8. */
export function fromBase64url(source: string): string | undefined {
  return ALPHABET.test(source) ? base64Text(source) : undefined;
}

/** The text that base64 stands for; undefined where it is not base64 of valid UTF-8. */
export function base64Text(source: string): string | undefined {
  try {
    return decoder.decode(fromBase64(source));
  } catch {
    return undefined;
  }
}
