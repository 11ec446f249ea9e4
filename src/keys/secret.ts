/** Random secrets and ids as text. */
import { toBase64Url } from "../bytes.ts";
import type { Runtime } from "../runtime.ts";

type Random = Pick<Runtime, "random">;

/** 32 random bytes as 43 base64url characters. */
export function randomSecret(runtime: Random): string {
  return toBase64Url(runtime.random(32));
}

/** An id such as `key_` and 16 characters that are safe in URLs (96 random bits). */
export function randomId(runtime: Random, prefix: string): string {
  return prefix + toBase64Url(runtime.random(12));
}
