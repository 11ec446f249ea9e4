/**
 * Replaces a product's name where prose speaks of the product, and nowhere else (providers/claude.md §2.4). A name that
 * is part of a longer token (a path, a host, a package, a variable, an identifier) names something on the user's
 * machine: replacing it there would send the agent to a file that does not exist. In doubt the name stays.
 * Every step reads the text once, so that megabytes take linear time.
 */
import { createCodeFinder } from "./code-in-prose.ts";

/** A name and what stands in for it, by how it is spelled. */
export interface ProductName {
  /** Any upper or lower case; ASCII letters only. */
  readonly pattern: RegExp;
  /** What replaces an exact spelling; null leaves it. Others get `otherwise`. */
  readonly spellings: Readonly<Record<string, string | null>>;
  readonly otherwise: string;
}

const SPACE = /\s/;
/** Where prose goes on without a space: dashes, an ellipsis, the punctuation of Chinese and Japanese. */
const BREAK = /[–—…。，、；：！？「」『』（）《》【】・]/;
/** Scripts that put no spaces around a foreign word. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
/** Makes what such letters surround an identifier or a path after all. */
const CODE_MARK = /[/\\@:=_.#$%&+~|<>{}`-]/;

/** What may stand between the beginning of a word and the name: brackets, quotes, bold. */
const BEFORE = /^(?:\*\*|[([“‘«„"'¿¡])*$/;
/** What may stand between the name and the end of the word: a possessive, closing marks, the address of a link. */
const AFTER = /^(?:['’]\p{L}{1,5})?(?:\*\*|[)\]”’»"'.,;:!?™®])*(?:\]\([^\s]*)?$/u;

/** The text with each mention of the product replaced. */
export function replaceProductName(source: string, product: ProductName): string {
  const mention = new RegExp(product.pattern.source, "gi");
  const isCode = createCodeFinder(source);
  let replaced = "";
  let copied = 0;
  let wordEnd = 0;
  for (let found = mention.exec(source); found !== null; found = mention.exec(source)) {
    const [name] = found;
    const { index } = found;
    const word = wordAround(source, index, index + name.length, wordEnd);
    wordEnd = word.end;
    // Judged by its first mention: a word that holds two is no product's name.
    mention.lastIndex = word.end;
    const replacement = Object.hasOwn(product.spellings, name) ? product.spellings[name] : product.otherwise;
    if (typeof replacement !== "string" || !standsAlone(word, name) || isCode(index)) continue;
    replaced += source.slice(copied, index) + replacement;
    copied = index + name.length;
  }
  return copied === 0 ? source : replaced + source.slice(copied);
}

/** A stretch without spaces or breaks, as what comes before the name and what comes after it. */
interface Word {
  readonly before: string;
  readonly after: string;
  readonly end: number;
}

function wordAround(source: string, from: number, to: number, floor: number): Word {
  let start = from;
  while (start > floor && !isBoundary(source.charAt(start - 1))) start--;
  let end = to;
  while (end < source.length && !isBoundary(source.charAt(end))) end++;
  return { before: source.slice(start, from), after: source.slice(to, end), end };
}

function isBoundary(character: string): boolean {
  return SPACE.test(character) || BREAK.test(character);
}

function standsAlone({ before, after }: Word, name: string): boolean {
  // A string of the program's, not a quotation: "opencode", and 'opencode run' in lower case.
  const quote = /["']$/.exec(before)?.[0];
  if (quote !== undefined && (after.startsWith(quote) || name === name.toLowerCase())) return false;
  // The key of a mapping: `opencode:`
  if (before === "" && after === ":" && name === name.toLowerCase()) return false;
  if (BEFORE.test(before) && AFTER.test(after)) return true;
  if (!UNSPACED.test(before.slice(-1)) && !UNSPACED.test(after.charAt(0))) return false;
  if (CODE_MARK.test(before) || CODE_MARK.test(withoutStops(after))) return false;
  return isLoose(before.slice(-1), BEFORE) && isLoose(after.charAt(0), AFTER);
}

/** Without the full stops and colons at its end; a regular expression would take the square of their number. */
function withoutStops(after: string): string {
  let end = after.length;
  while (end > 0 && (after[end - 1] === "." || after[end - 1] === ":")) end--;
  return after.slice(0, end);
}

function isLoose(neighbour: string, marks: RegExp): boolean {
  return UNSPACED.test(neighbour) || marks.test(neighbour);
}
