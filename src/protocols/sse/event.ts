/** One server-sent event as bytes: reading its data and replacing it without touching the rest. */

/** Changes the events of one response. State lives in the closure of whoever made it. */
export interface EventRewriter {
  /**
   * Gets one whole event (its lines and the blank line that ends it) and returns the bytes to forward: the same
   * reference when nothing changes, a replacement, or null to leave the event out.
   */
  rewrite(event: Uint8Array): Uint8Array | null;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The event's data: its `data:` lines joined by newlines; null when it has none (a comment, a bare field). */
export function eventData(event: Uint8Array): string | null {
  const data: string[] = [];
  for (const line of decoder.decode(event).split(/\r\n|\n|\r/)) {
    if (line === "data") data.push("");
    else if (line.startsWith("data:")) data.push(line.slice(line.charCodeAt(5) === 32 ? 6 : 5));
  }
  return data.length === 0 ? null : data.join("\n");
}

/** The same event with other data: its further lines, their order and the line ends stay as they came. */
export function withData(event: Uint8Array, data: string): Uint8Array {
  const parts = decoder.decode(event).split(/(\r\n|\n|\r)/);
  let out = "";
  let placed = false;
  for (let at = 0; at < parts.length; at += 2) {
    const line = parts[at] ?? "";
    const end = parts[at + 1] ?? "";
    if (line !== "data" && !line.startsWith("data:")) {
      out += line + end;
    } else if (!placed) {
      placed = true;
      out += data
        .split("\n")
        .map((part) => `data: ${part}${end || "\n"}`)
        .join("");
    }
  }
  return encoder.encode(out);
}

/** True when the bytes hold the text. `needle` is ASCII, encoded once by the caller with `needleOf`. */
export function includesText(event: Uint8Array, needle: Uint8Array): boolean {
  const first = needle[0];
  if (first === undefined) return true;
  const last = event.length - needle.length;
  for (let at = event.indexOf(first); at !== -1 && at <= last; at = event.indexOf(first, at + 1)) {
    let same = 1;
    while (same < needle.length && event[at + same] === needle[same]) same++;
    if (same === needle.length) return true;
  }
  return false;
}

export function needleOf(ascii: string): Uint8Array {
  return encoder.encode(ascii);
}
