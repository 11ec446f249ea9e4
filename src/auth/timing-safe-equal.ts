/** Compares two secrets in constant time. */
import { sha256 } from "../bytes.ts";

/** Compares digests of both secrets byte by byte, so that the time depends on neither. */
export async function timingSafeEqual(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([sha256(a), sha256(b)]);
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= left[i]! ^ right[i]!;
  return difference === 0;
}
