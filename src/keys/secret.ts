/** Random secrets and ids as text, and the fingerprint by which a secret is found without being stored in the clear. */
import type { Runtime } from "../runtime.ts";

export { sha256Hex } from "../sha256.ts";

type Random = Pick<Runtime, "random">;

/** 32 random bytes as 43 base64url characters. */
export function randomSecret(runtime: Random): string {
  return base64url(runtime.random(32));
}

/** An id such as `key_` and 16 characters that are safe in URLs (96 random bits). */
export function randomId(runtime: Random, prefix: string): string {
  return prefix + base64url(runtime.random(12));
}

/** RFC 4648 §5, without padding. */
export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
