/** UUIDs of version 7 (RFC 9562 §5.7): 48 bits of Unix time in ms, version and variant, and 74 bits that are random elsewhere. */
import { toHex } from "../../bytes.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** The time in a UUIDv7, epoch ms; null for any other text. */
export function uuidV7Time(text: string): number | null {
  return UUID_V7.test(text) ? Number.parseInt(text.slice(0, 8) + text.slice(9, 13), 16) : null;
}

/** The UUIDv7 of this time (epoch ms, a whole number below 2^48), with its other bits from the first 16 bytes given. */
export function uuidV7(time: number, bits: Uint8Array): string {
  const bytes = bits.slice(0, 16);
  bytes.set([((bytes[6] ?? 0) & 0x0f) | 0x70], 6);
  bytes.set([((bytes[8] ?? 0) & 0x3f) | 0x80], 8);
  const hex = toHex(bytes);
  const stamp = time.toString(16).padStart(12, "0");
  return [stamp.slice(0, 8), stamp.slice(8), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
