/** Whether two secrets are the same, without telling by the time it takes how much of them is. */
import { sha256 } from "../bytes.ts";

/** Compares two secrets in a time that depends on neither: every byte of both digests is looked at. */
export async function timingSafeEqual(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([sha256(a), sha256(b)]);
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= left[i]! ^ right[i]!;
  return difference === 0;
}
