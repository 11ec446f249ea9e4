/** Looks for marked values in bytes: as they are, and in the encodings in which a secret gets about unnoticed. */

/** Marked values by name. */
export type Marked = ReadonlyMap<string, string>;

/** The names of the values that bytes hold, sorted. */
export type Search = (bytes: Uint8Array) => string[];

/** Shorter values are words that appear by chance. */
const SHORTEST = 12;
/** Of a longer value each end counts, too: a secret that was cut short is out all the same. */
const LONGEST = 64;

/** Values to be looked for, each under its kind and a number; the same value counts once. */
export class Marks {
  readonly values = new Map<string, string>();
  readonly #known = new Set<string>();
  readonly #counts = new Map<string, number>();

  /** Leaves out what is no text, or too short to be told from chance. */
  add(kind: string, value: unknown): void {
    if (typeof value !== "string" || value.length < SHORTEST || this.#known.has(value)) return;
    const count = this.count(kind) + 1;
    this.#known.add(value);
    this.#counts.set(kind, count);
    this.values.set(`${kind} ${count}`, value);
  }

  count(kind: string): number {
    return this.#counts.get(kind) ?? 0;
  }
}

interface Needle {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** In lower case, to be compared without regard to case. */
  readonly folded: boolean;
}

/** Lower case, byte by byte. */
const FOLD = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte));

/** Prepares one pass over any number of bytes: a needle is looked at only where its last four bytes are met. */
export function createSearch(marked: Marked): Search {
  const needles = new Map<number, Needle[]>();
  const isMet = new Uint8Array(1 << 16);
  for (const needle of [...marked].flatMap(([name, value]) => needlesOf(name, value))) {
    const end = needle.bytes.subarray(-4).reduce(slide, 0);
    needles.set(end, [...(needles.get(end) ?? []), needle]);
    isMet[slot(end)] = 1;
  }
  return (bytes) => {
    const found = new Set<string>();
    let end = 0;
    for (let at = 0; at < bytes.length; at++) {
      end = slide(end, bytes[at] ?? 0);
      if (isMet[slot(end)] === 0) continue;
      for (const needle of needles.get(end) ?? []) if (endsAt(bytes, at, needle)) found.add(needle.name);
    }
    return [...found].sort();
  };
}

/** The last four bytes, in lower case, as one number. */
function slide(end: number, byte: number): number {
  return (end << 8) | (FOLD[byte] ?? 0);
}

function slot(end: number): number {
  return Math.imul(end, 0x9e3779b1) >>> 16;
}

function endsAt(bytes: Uint8Array, at: number, { bytes: wanted, folded }: Needle): boolean {
  const begin = at - wanted.length + 1;
  if (begin < 0) return false;
  for (let n = wanted.length - 1; n >= 0; n--) {
    const byte = bytes[begin + n] ?? 0;
    if ((folded ? FOLD[byte] : byte) !== wanted[n]) return false;
  }
  return true;
}

function needlesOf(name: string, value: string): Needle[] {
  const pieces = value.length > LONGEST ? [value.slice(0, 32), value.slice(-32)] : [value];
  const exact = new Set(pieces.flatMap(exactSpellings));
  const folded = new Set(pieces.flatMap(foldedSpellings));
  return [
    ...[...exact].map((text) => ({ name, bytes: Buffer.from(text), folded: false })),
    ...[...folded].map((text) => ({ name, bytes: Buffer.from(text.toLowerCase()), folded: true })),
  ];
}

function exactSpellings(value: string): string[] {
  const inJson = escaped(value);
  return [value, inJson, escaped(inJson), ...base64Of(value)];
}

/** As it stands in a text of JSON. */
function escaped(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

/** Those whose own letters may stand in either case. */
function foldedSpellings(value: string): string[] {
  const form = new URLSearchParams({ v: value }).toString().slice(2);
  return [
    Buffer.from(value).toString("hex"),
    ...[encodeURIComponent(value), form].filter((text) => text !== value),
  ];
}

/** In base64 and base64url, wherever the value begins within a group of three bytes; without what its neighbours touch. */
function base64Of(value: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3));
    const text = whole.toString("base64").slice(offset === 0 ? 0 : 4);
    return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
