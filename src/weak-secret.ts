/** Tells secrets that a person or an example made up from random ones: by how much of them cannot be foretold. */

/** Words and marks that examples and careless tokens are made of. Long ones first, so that none hides in another. */
const WORDS =
  /admin(istrator)?|production|staging|placeholder|generate|openssl|characters|password|passwd|random|replace|default|example|changeme|change|secret|string|sample|strong|please|insert|access|master|private|public|letmein|welcome|qwerty|bytes|token|value|goes|here|your|long|least|kleis|kadm|super|dummy|hello|world|this|that|with|must|some|from|test|user|root|pass|demo|fake|mine|auth|todo|none|null|key/g;

/** Rows of a keyboard, on which neighbours are as easy to foretell as in the alphabet. */
const KEYBOARD = "qwertyuiop asdfghjkl zxcvbnm";

/** Characters or bytes that a secret must have at least which do not follow from those before them. */
const ENOUGH = 12;

/** Repetitions are recognised by so many in a row. */
const REPEATED = 4;

export function isWeakText(text: string): boolean {
  const left = text
    .toLowerCase()
    .replace(WORDS, "")
    .replace(/[^a-z0-9]/g, "");
  const alphabet = [...left].map((character) => character.charCodeAt(0));
  const keyboard = [...left].map((character, at) => {
    const place = KEYBOARD.indexOf(character);
    return place < 0 ? (alphabet[at] ?? 0) : 1_000 + place;
  });
  return unpredictableCount(alphabet) < ENOUGH || unpredictableCount(keyboard) < ENOUGH;
}

export function isWeakKey(bytes: ArrayLike<number>): boolean {
  return unpredictableCount(Array.from(bytes)) < ENOUGH;
}

/** How many of the codes neither repeat what was there nor go on as the ones before them did. */
function unpredictableCount(codes: readonly number[]): number {
  const seen = new Set<string>();
  let count = 0;
  for (let at = 0; at < codes.length; at++) {
    const piece = at < REPEATED - 1 ? null : codes.slice(at - REPEATED + 1, at + 1).join();
    if (!(goesOn(codes, at) || (piece !== null && seen.has(piece)))) count++;
    if (piece !== null) seen.add(piece);
  }
  return count;
}

/** Whether it is the next of a run (`abc`, `321`, `aaa`), also of one that is interleaved with another (`a1b2c3`). */
function goesOn(codes: readonly number[], at: number): boolean {
  return [1, 2, 3].some((stride) => {
    const [code = 0, before, first] = [codes[at], codes[at - stride], codes[at - 2 * stride]];
    if (before === undefined || first === undefined) return false;
    const step = before - first;
    return Math.abs(step) <= 1 && code - before === step;
  });
}
