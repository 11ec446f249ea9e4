/** The encoding of a JSON body. JSON between programs is UTF-8 without a byte order mark (RFC 8259 §8.1); some write one. */
import { KleisError } from "../../errors.ts";

/** The body without UTF-8's byte order mark. Throws `invalid_json` for UTF-16 and UTF-32, with or without a mark. */
export function jsonText(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return bytes.subarray(3);
  const other = otherEncoding(bytes);
  if (other === null) return bytes;
  throw new KleisError(
    "invalid_json",
    `The request body is encoded in ${other}. Send JSON encoded in UTF-8.`,
  );
}

/** JSON begins with an ASCII character, so zero bytes around it show the width of a character. */
function otherEncoding([a, b, c, d]: Uint8Array): "UTF-16" | "UTF-32" | null {
  if (a === 0 && b === 0 && (c === 0 || c === 0xfe)) return "UTF-32";
  const isMarked = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  if (isMarked || (a === 0) !== (b === 0)) return c === 0 && d === 0 ? "UTF-32" : "UTF-16";
  return null;
}
