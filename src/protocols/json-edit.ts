/**
 * Applies edits to JSON bytes by splicing: what no edit names keeps its very bytes (key order, spacing, escapes,
 * big numbers, duplicate keys). The bytes must hold valid JSON; the edits' paths come from its parsed value. Of members
 * of one name they mean the last, as a parser does; a removal takes all of them.
 */
import type { Path } from "./body.ts";

/** An edit without its declaration: what the splicing needs. */
export type Splice = { path: Path } & (
  | { op: "set"; value: unknown }
  | { op: "remove" }
  | { op: "prepend"; value: unknown }
);

/** One node of the tree of edits: what happens to this value, and to values inside it. */
interface Node {
  set?: { value: unknown };
  remove?: boolean;
  prepend?: unknown[];
  /** Made with the first of them: most nodes have none, and there may be very many. */
  children?: Map<string | number, Node>;
}

/** A piece of the source to leave out (from `start` to `end`) and what stands there instead. */
interface Patch {
  start: number;
  end: number;
  bytes: Uint8Array;
  /** Why the edit cannot be made here: an error, but not in a member that a later one of its name hides. */
  fault?: string;
}

/** A member of an object (from its key) or an element of an array. */
interface Item {
  key: string | number;
  start: number;
  value: number;
  end: number;
  /** The patches inside it, where it is edited there. */
  inside?: Patch[];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const NOTHING = new Uint8Array(0);

/** The longest text that is cached, characters. */
const SHORT = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The bytes with the edits made; the same array when there are none. Takes time in proportion to the bytes and the edits. */
export function applyEdits(
  source: Uint8Array<ArrayBuffer>,
  edits: readonly Splice[],
): Uint8Array<ArrayBuffer> {
  if (edits.length === 0) return source;
  const root: Node = {};
  for (const edit of edits) plant(root, edit);
  if (root.set !== undefined) return encodeJson(root.set.value);
  const patches: Patch[] = [];
  patchValue(source, skipSpace(source, startOf(source)), root, patches);
  return assemble(source, patches);
}

/** `JSON.stringify` as UTF-8 bytes; lone surrogates become escapes, so nothing is lost. */
export function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value));
}

/** The values directly inside an object or array, in order, each as the text it came as; none of any other value. */
export function piecesOf(json: string): Map<string | number, string> {
  return new Map(
    partsOf(encoder.encode(json)).map(({ key, bytes }) => [key, decoder.decode(bytes)] as const),
  );
}

/** A value directly inside an object or array. */
export interface Part {
  readonly key: string | number;
  /** The value as it came; a view of the source. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The same as bytes, with every member of a name that comes several times, of which a parser shows only the last. */
export function partsOf(source: Uint8Array<ArrayBuffer>): Part[] {
  const at = skipSpace(source, startOf(source));
  if (!isContainer(source[at])) return [];
  const { items } =
    source[at] === OPEN_OBJECT ? readMembers(source, at, null) : readElements(source, at, null);
  return items.map(({ key, value, end }) => ({ key, bytes: source.subarray(value, end) }));
}

/** The index after a byte order mark. */
function startOf(source: Uint8Array): number {
  return source[0] === 0xef && source[1] === 0xbb && source[2] === 0xbf ? 3 : 0;
}

/** Many edits may set the same text in sequence. */
let encoded: { value: string; bytes: Uint8Array } | undefined;

function encodeOnce({ value }: { value: unknown }): Uint8Array {
  if (typeof value !== "string" || value.length > SHORT) return encodeJson(value);
  if (encoded?.value !== value) encoded = { value, bytes: encodeJson(value) };
  return encoded.bytes;
}

function plant(root: Node, edit: Splice): void {
  let node = root;
  for (const step of edit.path) {
    node.children ??= new Map();
    let next = node.children.get(step);
    if (next === undefined) {
      next = {};
      node.children.set(step, next);
    }
    node = next;
  }
  if (edit.op === "set") node.set = { value: edit.value };
  else if (edit.op === "remove") node.remove = true;
  else node.prepend = [...(node.prepend ?? []), edit.value];
}

/**
 * Adds the patches of the container at `at`, in ascending order; returns the index after it. Scans the bytes once, into what
 * is edited and across all else.
 */
function patchValue(source: Uint8Array, at: number, node: Node, patches: Patch[]): number {
  const open = source[at];
  if (!isContainer(open)) {
    patches.push(faultAt(at, "an edit's path leads into a value that holds no others"));
    return at;
  }
  const container = open === OPEN_OBJECT ? readMembers(source, at, node) : readElements(source, at, node);
  if (node.prepend !== undefined) patchStart(source, at, node, container.items, patches);
  if (node.children !== undefined) {
    const { keepsAny, lastOf } = patchItems(source, node.children, container.items, patches);
    patchEnd(source, at, node.children, container.items, { keepsAny, lastOf }, patches);
  }
  return container.end;
}

/** Puts elements at the start of an array. */
function patchStart(
  source: Uint8Array,
  at: number,
  node: Node,
  items: readonly Item[],
  patches: Patch[],
): void {
  if (source[at] !== OPEN_ARRAY)
    patches.push(faultAt(at, "an edit puts an element before something that is not an array"));
  const isKept = ({ key }: Item) => node.children?.get(key)?.remove !== true;
  const text = (node.prepend ?? []).map((value) => JSON.stringify(value)).join(",");
  const start = items[0]?.start ?? at + 1;
  patches.push({ start, end: start, bytes: encoder.encode(items.some(isKept) ? `${text},` : text) });
}

interface PatchedItems {
  /** True where an item stays. */
  readonly keepsAny: boolean;
  /** The last index of each edited key. */
  readonly lastOf: ReadonlyMap<string | number, number>;
}

/** Sets, removes and edits items that are there. */
function patchItems(
  source: Uint8Array,
  children: ReadonlyMap<string | number, Node>,
  items: readonly Item[],
  patches: Patch[],
): PatchedItems {
  const lastOf = new Map<string | number, number>();
  items.forEach(({ key }, index) => {
    if (children.has(key)) lastOf.set(key, index);
  });
  let keepsAny = false;
  items.forEach((item, index) => {
    const child = children.get(item.key);
    if (child?.remove) {
      patches.push(removal(items, index, keepsAny));
      return;
    }
    keepsAny = true;
    if (child === undefined || lastOf.get(item.key) !== index) return;
    if (child.set !== undefined)
      patches.push({ start: item.value, end: item.end, bytes: encodeOnce(child.set) });
    else if (item.inside === undefined) patchValue(source, item.value, child, patches);
    else for (const patch of item.inside) patches.push(patch);
  });
  return { keepsAny, lastOf };
}

/** Removes an item with the comma before it; with the one after it where no item before it stays. */
function removal(items: readonly Item[], index: number, keepsAny: boolean): Patch {
  const previous = items[index - 1];
  const { start, end } = items[index]!;
  if (keepsAny && previous !== undefined) return { start: previous.end, end, bytes: NOTHING };
  return { start, end: items[index + 1]?.start ?? end, bytes: NOTHING };
}

/** Adds members that an object lacks. */
function patchEnd(
  source: Uint8Array,
  at: number,
  children: ReadonlyMap<string | number, Node>,
  items: readonly Item[],
  { keepsAny, lastOf }: PatchedItems,
  patches: Patch[],
): void {
  const place = items[items.length - 1]?.end ?? at + 1;
  let separator = keepsAny ? "," : "";
  for (const [key, child] of children) {
    if (lastOf.has(key) || child.remove) continue;
    if (child.set === undefined || source[at] !== OPEN_OBJECT) {
      patches.push(faultAt(place, "an edit's path leads to a place that is not there"));
      break;
    }
    const member = `${separator}${JSON.stringify(key)}:${JSON.stringify(child.set.value)}`;
    patches.push({ start: place, end: place, bytes: encoder.encode(member) });
    separator = ",";
  }
}

function faultAt(place: number, fault: string): Patch {
  return { start: place, end: place, bytes: NOTHING, fault };
}

interface Items {
  items: Item[];
  /** The index after the container. */
  end: number;
}

/** Without a node nothing is edited, and every key is wanted. */
function readMembers(source: Uint8Array, at: number, node: Node | null): Items {
  const items: Item[] = [];
  /** The edited names that have come, where there can be several. */
  const named = new Set<string>();
  let place = skipSpace(source, at + 1);
  while (source[place] !== CLOSE_OBJECT) {
    const keyEnd = skipString(source, place);
    const value = skipSpace(source, expect(source, skipSpace(source, keyEnd), COLON));
    const key = readKey(source, place, keyEnd, node);
    const child = named.has(key) ? undefined : node?.children?.get(key);
    if (child !== undefined) named.add(key);
    const item = readItem(source, { key, start: place, value, end: value }, child);
    items.push(item);
    place = skipSpace(source, item.end);
    if (source[place] === COMMA) place = skipSpace(source, place + 1);
  }
  return { items, end: place + 1 };
}

function readElements(source: Uint8Array, at: number, node: Node | null): Items {
  const items: Item[] = [];
  let place = skipSpace(source, at + 1);
  while (source[place] !== CLOSE_ARRAY) {
    const child = node?.children?.get(items.length);
    const item = readItem(source, { key: items.length, start: place, value: place, end: place }, child);
    items.push(item);
    place = skipSpace(source, item.end);
    if (source[place] === COMMA) place = skipSpace(source, place + 1);
  }
  return { items, end: place + 1 };
}

/**
 * Finds the end of the item's value, and on the way the patches inside it. Not for further members of one name: once all are
 * found only the last is entered, so that a name that comes a thousand times costs no more than a thousand names.
 */
function readItem(source: Uint8Array, item: Item, child: Node | undefined): Item {
  const isEditedInside = child !== undefined && child.remove !== true && child.set === undefined;
  if (isEditedInside && isContainer(source[item.value])) {
    item.inside = [];
    item.end = patchValue(source, item.value, child, item.inside);
  } else item.end = skipValue(source, item.value);
  return item;
}

function isContainer(byte: number | undefined): boolean {
  return byte === OPEN_OBJECT || byte === OPEN_ARRAY;
}

/** The key as a string; decoded only where an edit could mean it. */
function readKey(source: Uint8Array, start: number, end: number, node: Node | null): string {
  if (node !== null && node.children === undefined) return "";
  const raw = decoder.decode(source.subarray(start, end));
  return raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
}

function expect(source: Uint8Array, at: number, byte: number): number {
  if (source[at] !== byte) throw new Error("the bytes to edit are not valid JSON");
  return at + 1;
}

function skipSpace(source: Uint8Array, at: number): number {
  let place = at;
  for (;;) {
    const byte = source[place];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
      if (byte === undefined) throw new Error("the bytes to edit end too early");
      return place;
    }
    place++;
  }
}

/** How many bytes are scanned here before the runtime's own search is worth its call. */
const NEAR = 48;

/** The index after the string that starts at `at`. */
function skipString(source: Uint8Array, at: number): number {
  let place = at + 1;
  for (;;) {
    const near = Math.min(place + NEAR, source.length);
    for (; place < near; place++) {
      const byte = source[place];
      if (byte === QUOTE) return place + 1;
      if (byte === BACKSLASH) place++;
    }
    const close = source.indexOf(QUOTE, place);
    if (close === -1) throw new Error("the bytes to edit end inside a string");
    let escapes = 0;
    while (source[close - 1 - escapes] === BACKSLASH) escapes++;
    place = close + 1;
    if (escapes % 2 === 0) return place;
  }
}

/** The index after the value that starts at `at`; does not recurse, so depth costs nothing. */
function skipValue(source: Uint8Array, at: number): number {
  let depth = 0;
  let place = at;
  while (place < source.length) {
    const byte = source[place];
    if (byte === QUOTE) {
      place = skipString(source, place);
      if (depth === 0) return place;
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth++;
      place++;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth === 0) return place;
      place++;
      if (--depth === 0) return place;
    } else if (
      depth === 0 &&
      (byte === COMMA || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09)
    ) {
      return place;
    } else {
      place++;
    }
  }
  return place;
}

function assemble(source: Uint8Array, patches: readonly Patch[]): Uint8Array<ArrayBuffer> {
  const fault = patches.find((patch) => patch.fault !== undefined)?.fault;
  if (fault !== undefined) throw new Error(fault);
  let length = source.length;
  for (const patch of patches) length += patch.bytes.length - (patch.end - patch.start);
  const out = new Uint8Array(length);
  let from = 0;
  let to = 0;
  for (const patch of patches) {
    out.set(source.subarray(from, patch.start), to);
    to += patch.start - from;
    out.set(patch.bytes, to);
    to += patch.bytes.length;
    from = patch.end;
  }
  out.set(source.subarray(from), to);
  return out;
}
