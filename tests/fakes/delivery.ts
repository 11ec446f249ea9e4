/** How an answer's bytes reach the wire: whole events or slices, at once or slowly, cut short, packed, never ended. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { cutConnection } from "./server.ts";

export type Newline = "\n" | "\r\n" | "mixed";

export interface Delivery {
  /** Bytes per write; without it one event per write. */
  chunk?: number;
  /** Milliseconds between writes. */
  delayMs?: number;
  /** Milliseconds of silence after the first write. */
  silenceMs?: number;
  /** Milliseconds before the status line and headers. */
  headersAfterMs?: number;
  newline?: Newline;
  /** Stop after this many bytes of the body … */
  cutAt?: number;
  /** … or after this many events. */
  cutAfterEvents?: number;
  /** How a cut looks to the caller: a broken connection (default) or a clean end. */
  cut?: "destroy" | "end";
  /** Leave the socket open after the last byte. */
  keepOpen?: boolean;
  /** Pack the body; `unlabelled` without saying so. */
  gzip?: "labelled" | "unlabelled";
  /** Another content type, or none. */
  contentType?: string | null;
  /** Further answer headers. */
  headers?: Record<string, string>;
}

/** One event of a stream. Without `event` there is only a data line. */
export interface SseEvent {
  readonly event?: string;
  readonly data: string;
}

/** The bytes of each event. `mixed` alternates the newline from line to line. */
export function renderEvents(events: readonly SseEvent[], newline: Newline = "\n"): Buffer[] {
  let line = 0;
  const end = (): string => {
    line += 1;
    if (newline !== "mixed") return newline;
    return line % 2 === 0 ? "\r\n" : "\n";
  };
  return events.map(({ event, data }) => {
    const name = event === undefined ? "" : `event: ${event}${end()}`;
    return Buffer.from(`${name}data: ${data}${end()}${end()}`);
  });
}

/** Sends a head and blocks of body as the delivery says. Resolves early when the caller goes away. */
export async function deliver(
  res: ServerResponse,
  head: { status: number; headers: Record<string, string> },
  blocks: readonly Buffer[],
  delivery: Delivery,
): Promise<void> {
  const gone = new AbortController();
  res.once("close", () => gone.abort());
  const pause = (ms: number | undefined): Promise<unknown> =>
    ms === undefined || ms <= 0
      ? Promise.resolve()
      : sleep(ms, undefined, { signal: gone.signal, ref: false });
  try {
    await pause(delivery.headersAfterMs);
    res.writeHead(head.status, headersFor(head.headers, delivery));
    res.flushHeaders();
    let first = true;
    for (const piece of pieces(blocks, delivery)) {
      if (gone.signal.aborted) return;
      if (!first) await pause(delivery.delayMs);
      if (!res.write(piece)) await once(res, "drain", { signal: gone.signal });
      if (first) await pause(delivery.silenceMs);
      first = false;
    }
  } catch (error) {
    if (gone.signal.aborted) return;
    throw error;
  }
  if (delivery.keepOpen === true || gone.signal.aborted) return;
  const wasCut = delivery.cutAt !== undefined || delivery.cutAfterEvents !== undefined;
  if (!wasCut || delivery.cut === "end") {
    res.end();
    return;
  }
  // The written bytes must have left before the connection goes.
  await new Promise<void>((resolve) => res.write("", () => resolve()));
  await sleep(5);
  cutConnection(res);
}

function headersFor(headers: Record<string, string>, delivery: Delivery): Record<string, string> {
  const result = { ...headers, ...delivery.headers };
  if (delivery.contentType !== undefined) delete result["content-type"];
  if (typeof delivery.contentType === "string") result["content-type"] = delivery.contentType;
  if (delivery.gzip === "labelled") result["content-encoding"] = "gzip";
  return result;
}

function* pieces(events: readonly Buffer[], delivery: Delivery): Generator<Buffer> {
  const { chunk, gzip, cutAt = Number.POSITIVE_INFINITY, cutAfterEvents } = delivery;
  const kept = cutAfterEvents === undefined ? events : events.slice(0, cutAfterEvents);
  const blocks = gzip === undefined ? kept : [gzipSync(Buffer.concat(kept))];
  let left = cutAt;
  for (const block of chunk === undefined ? blocks : slices(Buffer.concat(blocks), chunk)) {
    if (left <= 0) return;
    const piece = block.length > left ? block.subarray(0, left) : block;
    left -= piece.length;
    if (piece.length > 0) yield piece;
  }
}

function* slices(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
