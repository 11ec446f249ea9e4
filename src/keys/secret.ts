/** Random secrets and ids as text, and the fingerprint by which a secret is found without being stored in the clear. */
import type { Runtime } from "../runtime.ts";

type Random = Pick<Runtime, "random">;

/** 32 random bytes as 43 base64url characters. */
export function randomSecret(runtime: Random): string {
  return base64url(runtime.random(32));
}

/** An id such as `key_` and 16 characters that are safe in URLs (96 random bits). */
export function randomId(runtime: Random, prefix: string): string {
  return prefix + base64url(runtime.random(12));
}

/** SHA-256 of a text's UTF-8 bytes, in lower-case hex. */
export async function sha256Hex(value: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** RFC 4648 §5, without padding. */
export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
