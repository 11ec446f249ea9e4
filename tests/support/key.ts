/** Encryption keys for tests: the same in each run, and as good as random to what judges them. */
import { createHash } from "node:crypto";

/** 32 bytes in base64; another name gives another key. */
export function testKeyOf(name: string): string {
  return createHash("sha256").update(`a key of the tests: ${name}`).digest("base64");
}
