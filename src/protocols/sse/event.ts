/** One server-sent event as bytes: reading its data and replacing it without touching the rest. */
import { parseJson } from "../../json.ts";
import { applyEdits, type Splice } from "../json-edit.ts";

/** Changes the events of one response. State lives in the closure of its creator. */
export interface EventRewriter {
  /**
   * Gets one whole event (its lines and the blank line that ends it) and returns the bytes to forward: the same
   * reference when nothing changes, a replacement, or null to leave the event out.
   */
  rewrite(event: Uint8Array): Uint8Array | null;
}

/** The event as all rewriters leave it, in order; null where one leaves it out. */
export function rewriteEvent(rewriters: readonly EventRewriter[], event: Uint8Array): Uint8Array | null {
  let out: Uint8Array | null = event;
  for (const rewriter of rewriters) {
    if (out === null) return null;
    out = rewriter.rewrite(out);
  }
  return out;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The event's data: its `data:` lines joined by newlines; null when it has none (a comment, a bare field). */
export function eventData(event: Uint8Array): string | null {
  const data: string[] = [];
  for (const line of decoder.decode(event).split(/\r\n|\n|\r/)) {
    if (isData(line)) data.push(line.slice(line.charCodeAt(5) === 32 ? 6 : 5));
  }
  return data.length === 0 ? null : data.join("\n");
}

const EVENT_FIELD = encoder.encode("event:");
const ERROR_NAME = encoder.encode("error");

/**
 * True for an event that is named `error`, whatever its data is: the vendors' SDKs throw on the name alone. Of several
 * names the last counts.
 */
export function isErrorEvent(event: Uint8Array): boolean {
  const lastStart = event.length - EVENT_FIELD.length - ERROR_NAME.length;
  const lineEnd = event.indexOf(CR) === -1 ? LF : null;
  let isError = false;
  for (let at = 0; at <= lastStart; ) {
    if (startsWith(event, at, EVENT_FIELD)) {
      const value = at + EVENT_FIELD.length;
      const name = event[value] === SPACE ? value + 1 : value;
      const end = event[name + ERROR_NAME.length] ?? LF;
      isError = startsWith(event, name, ERROR_NAME) && (end === LF || end === CR);
      at = name;
      // A name is short: the runtime's own search is not worth its call.
      while (at < event.length && event[at] !== LF && event[at] !== CR) at++;
    } else {
      at = lineEnd === null ? endOfLine(event, at) : event.indexOf(lineEnd, at);
      if (at === -1) break;
    }
    at++;
  }
  return isError;
}

/** The index of the next `\n` or `\r`; -1 where there is none. */
function endOfLine(event: Uint8Array, from: number): number {
  for (let at = from; at < event.length; at++) if (event[at] === LF || event[at] === CR) return at;
  return -1;
}

function startsWith(event: Uint8Array, at: number, bytes: Uint8Array): boolean {
  for (let offset = 0; offset < bytes.length; offset++)
    if (event[at + offset] !== bytes[offset]) return false;
  return true;
}

/** The same event under another name; its other lines and their order stay as they came. */
export function withName(event: Uint8Array, name: string): Uint8Array {
  return encoder.encode(
    `event: ${name}\n${decoder.decode(event).replace(/^event(?::.*)?(?:\r\n|\n|\r)/gm, "")}`,
  );
}

/** True for an event whose data is complete though the empty line after it is missing. */
export function isWholeEvent(rest: Uint8Array): boolean {
  const data = eventData(rest);
  return data !== null && (data.trim() === "[DONE]" || parseJson(data) !== undefined);
}

/** The same event with other data: its other lines, their order, each line's own form and end stay as they came. */
export function withData(event: Uint8Array, data: string): Uint8Array {
  const parts = decoder.decode(event).split(/(\r\n|\n|\r)/);
  const lines = data.split("\n");
  const isLineByLine = parts.filter(isData).length === lines.length;
  let out = "";
  let placed = 0;
  for (let at = 0; at < parts.length; at += 2) {
    const line = parts[at] ?? "";
    const end = parts[at + 1] ?? "";
    if (!isData(line)) out += line + end;
    else if (isLineByLine) out += dataLine(line, lines[placed++] ?? "") + end;
    else if (placed++ === 0) out += lines.map((part) => dataLine(line, part) + (end || "\n")).join("");
  }
  return encoder.encode(out);
}

/** The same event with edits made in its data, which is JSON and was read before; the same reference without edits. */
export function withEdits(event: Uint8Array, data: string, edits: readonly Splice[]): Uint8Array {
  if (edits.length === 0) return event;
  return withData(event, decoder.decode(applyEdits(encoder.encode(data), edits)));
}

function isData(line: string): boolean {
  return line === "data" || line.startsWith("data:");
}

/** A data line in the form of another: with a space after the colon, or without one where the data allows it. */
function dataLine(form: string, data: string): string {
  const isTight = form.startsWith("data:") && form.charCodeAt(5) !== 32 && !data.startsWith(" ");
  return (isTight ? "data:" : "data: ") + data;
}

/** A short ASCII text to search for, with how far the search may jump for each byte that it meets (Horspool). */
export interface Needle {
  readonly bytes: Uint8Array;
  readonly jump: Uint8Array;
}

/** Created once by the caller; at most 255 characters. */
export function needleOf(ascii: string): Needle {
  const bytes = encoder.encode(ascii);
  const jump = new Uint8Array(256).fill(bytes.length);
  for (let at = 0; at < bytes.length - 1; at++) jump[bytes[at] ?? 0] = bytes.length - 1 - at;
  return { bytes, jump };
}

/** True when the bytes hold the text. Most of them are skipped: this runs for every event of every stream. */
export function includesText(event: Uint8Array, needle: Needle): boolean {
  return needle.bytes.length === 0 || placeBehind(event, needle, 0) !== -1;
}

/** The index after the next occurrence of the text from `from` on; -1 when there is none. */
export function placeBehind(event: Uint8Array, { bytes, jump }: Needle, from: number): number {
  const last = bytes.length - 1;
  for (let end = from + last; end < event.length; end += jump[event[end] ?? 0] ?? 1) {
    let back = 0;
    while (back <= last && event[end - back] === bytes[last - back]) back++;
    if (back > last) return end + 1;
  }
  return -1;
}
