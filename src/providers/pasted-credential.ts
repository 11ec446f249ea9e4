/**
 * Credentials as terminals, shells, keychains and editors hand them over, brought back to what was issued. Mends only
 * what is certain: no credential holds a line break, an invisible character or quotes around it.
 */
import type { SecretShape } from "./secret-shape.ts";

/** Characters that show nothing: zero widths, soft hyphens, direction marks, byte order marks, controls but line breaks. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const INVISIBLE = /[\u0000-\u0008\u000e-\u001f\u007f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]/g;

/** A line break with the indentation around it, as a narrow terminal puts into a long token. */
const WRAPPED = /[^\S\n\r]*[\n\r\u2028\u2029\u0085]+\s*/g;

/** What may stand around a credential, from outside to inside; tried again until nothing more comes off. */
const AROUND: readonly RegExp[] = [
  /^["'“”‘’`«»]+|["'“”‘’`«»]+$/g,
  /[,;\\]+$/,
  /^(?:export|set|setx|declare -x|env)\s+/i,
  // A variable or a member that holds it; a credential that has an `=` of its own begins otherwise.
  /^\$env:[A-Za-z_]\w*\s*=\s*/i,
  /^["']?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+["']?\s*[=:]\s*(?=\S)/,
  /^["']?(?:access|refresh|id|api|oauth|auth)?[_-]?(?:token|key)["']?\s*[=:]\s*(?=\S)/i,
  /^["']?(?:access|refresh|authorization|x-api-key)["']?\s*[=:]\s*(?=\S)/i,
  /^bearer\s+/i,
];

/** The credential in a pasted text; the caller refuses what still holds white space. */
export function cleanCredential(pasted: string): string {
  let text = pasted.replace(INVISIBLE, "").trim().replace(WRAPPED, "");
  for (let before = ""; before !== text; ) {
    before = text;
    for (const layer of AROUND) text = text.replace(layer, "").trim();
  }
  return text;
}

/** The shape of a secret, the longest prefix first; undefined for one that no provider's secrets begin like. */
export function shapeOf<Shape extends SecretShape>(
  secret: string,
  shapes: readonly Shape[],
): Shape | undefined {
  return shapes
    .filter(({ prefix }) => secret.startsWith(prefix))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
}
