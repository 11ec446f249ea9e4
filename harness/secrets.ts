/** The secrets that Kleis is started with in tests and measurements. */
import { createHash } from "node:crypto";

/** An encryption key: 32 bytes in base64, the same in each run, and as good as random to what judges them. */
export function testKeyOf(name: string): string {
  return createHash("sha256").update(`a key of the tests: ${name}`).digest("base64");
}

export const ADMIN_TOKEN = "tH3-0wner_Of.this/place+knows";
export const TEST_KEY = testKeyOf("seven");

/** The variables that have no default. */
export const SECRETS = { ADMIN_TOKEN, ENCRYPTION_KEY: TEST_KEY };
