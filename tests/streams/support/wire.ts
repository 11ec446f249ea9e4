/** Reads event streams for the tests' own judgement: written apart from `src/protocols`, so that both can be wrong only together. */
import { isObject, type JsonObject, parseJson } from "../../../src/json.ts";
import type { Protocol } from "../../../src/protocols/protocol.ts";

export interface WireEvent {
  /** The bytes as they stand in the stream, with the empty line. */
  readonly bytes: Buffer;
  readonly event: string | null;
  /** Null for what holds no data: comments, lone fields. */
  readonly data: string | null;
}

/** Whole events, and what is left behind the last of them. `isOver`: no byte follows, so that a last `\r` ends its line. */
export function readEvents(stream: Uint8Array, isOver = false): { events: WireEvent[]; rest: Buffer } {
  const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.length);
  const text = bytes.toString("latin1");
  const events: WireEvent[] = [];
  let from = 0;
  // A `\r` by itself ends a line too; the last byte of a stream that goes on may be half of a `\r\n`.
  for (const end of text.matchAll(isOver ? /(?:\r\n|\n|\r(?!\n)){2}/g : /(?:\r\n|\n|\r(?!\n|$)){2}/g)) {
    const to = end.index + end[0].length;
    events.push(readEvent(bytes.subarray(from, to)));
    from = to;
  }
  return { events, rest: bytes.subarray(from) };
}

export function readEvent(bytes: Buffer): WireEvent {
  let event: string | null = null;
  const data: string[] = [];
  for (const line of bytes.toString("utf8").split(/\r\n|\n|\r/)) {
    const [, name, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "event") event = value ?? "";
    if (name === "data") data.push(value ?? "");
  }
  return { bytes, event, data: data.length === 0 ? null : data.join("\n") };
}

export function dataObject(data: string | null): JsonObject | null {
  const value = data === null ? undefined : parseJson(data);
  return isObject(value) ? value : null;
}

export type Ending = "success" | "error" | null;

/** What an event is to its protocol's end: whatever is named `error` is one. */
export function endingOf(protocol: Protocol, { event, data }: Pick<WireEvent, "event" | "data">): Ending {
  if (event === "error") return "error";
  if (data === "[DONE]") return protocol === "chat" ? "success" : null;
  const value = dataObject(data);
  if (value === null) return null;
  switch (protocol) {
    case "chat":
      return value.error != null ? "error" : null;
    case "messages":
      return value.type === "message_stop" ? "success" : isFailure(value) ? "error" : null;
    case "responses":
      if (isFailure(value) || value.type === "response.failed") return "error";
      return /^response\.(completed|incomplete|done)$/.test(String(value.type)) ? "success" : null;
  }
}

/** Says by itself that it is an error. */
function isFailure({ type, error }: JsonObject): boolean {
  return type === "error" || (type === undefined && error != null);
}

/**
 * How a stream that a client got has ended. Throws unless it has exactly one end, and that at its very end. On
 * `responses` a bad end is `response.failed`, which may stand behind an `error`.
 */
export function theOneEnd(protocol: Protocol, stream: Uint8Array): "success" | "error" {
  const { events, rest } = readEvents(stream, true);
  if (rest.length > 0) throw new Error(`bytes of no event at the end: ${JSON.stringify(rest.toString())}`);
  const ends = events.flatMap((event, at) => {
    const ending = endingOf(protocol, event);
    return ending === null ? [] : [{ at, ending, isFailed: isFailed(event) }];
  });
  const last = ends.at(-1);
  if (last === undefined) throw new Error("a silent end");
  const announced = protocol === "responses" && ends[0]?.isFailed === false && last.isFailed;
  if (ends.length > (announced ? 2 : 1)) throw new Error(`${ends.length} terminal events`);
  if (last.at !== events.length - 1) throw new Error("something follows the terminal event");
  if (protocol === "responses" && last.ending === "error" && !last.isFailed)
    throw new Error("an error without response.failed, by which alone Codex CLI knows it");
  return last.ending;
}

/** The last event of a `responses` stream that failed; any other error of it only announces. */
export const isFailed = ({ data }: WireEvent): boolean => dataObject(data)?.type === "response.failed";

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
