/** The fingerprint by which a secret is recognised without being stored in the clear. */

/** SHA-256 of a text's UTF-8 bytes, in lower-case hex. */
export async function sha256Hex(value: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
