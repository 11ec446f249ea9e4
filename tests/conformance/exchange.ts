/** A kept connection taken apart again: what was asked, and what the door answered (RFC 9112). */
import { constants, gunzipSync } from "node:zlib";
import type { Connection } from "./tap.ts";

export interface Exchange {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly request: Message;
  /** Null where the client left before it began. */
  readonly answer: Message | null;
}

export interface Message {
  /** Start line and headers, as they were sent. */
  readonly head: string;
  /** Unpacked; as far as it came. */
  readonly body: Buffer;
}

/** Throws when the door has sent bytes that are no answer to anything. */
export function exchangesOf({ sent, received }: Connection): Exchange[] {
  const asked = new Reader(Buffer.concat(sent));
  const given = new Reader(Buffer.concat(received));
  const exchanges: Exchange[] = [];
  while (!asked.isDone) {
    const head = asked.head();
    const [method = "", path = ""] = head.split(" ");
    const request = { head, body: asked.body(head, 0) };
    exchanges.push({ method, path, request, answer: given.isDone ? null : answerTo(method, given) });
  }
  if (!given.isDone) throw new Error("the door has said something that nobody asked for");
  return exchanges;
}

/** The values of all headers of this name. */
export function headersOf({ head }: Message, name: string): string[] {
  const lines = head.split("\r\n").slice(1);
  return lines
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());
}

function answerTo(method: string, given: Reader): Message {
  let head = given.head();
  while (/^HTTP\/1\.1 1\d\d/.test(head)) head = given.head();
  const isEmpty = method === "HEAD" || /^HTTP\/1\.1 (204|304)/.test(head);
  const body = isEmpty ? Buffer.alloc(0) : given.body(head, Number.POSITIVE_INFINITY);
  return { head, body: unpack(head, body) };
}

function unpack(head: string, body: Buffer): Buffer {
  const [encoding = "identity"] = headersOf({ head, body }, "content-encoding");
  if (encoding === "identity" || body.length === 0) return body;
  // What is not read here would go unsearched.
  if (encoding !== "gzip") throw new Error(`an answer packed as ${encoding}`);
  return gunzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH });
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Start line and headers, without the empty line that ends them. */
  head(): string {
    return this.#until("\r\n\r\n").toString("latin1");
  }

  /** The body that this head announces; `unannounced` bytes where it announces none. */
  body(head: string, unannounced: number): Buffer {
    const message = { head, body: Buffer.alloc(0) };
    if (headersOf(message, "transfer-encoding").includes("chunked")) return this.#chunks();
    return this.#take(Number(headersOf(message, "content-length")[0] ?? unannounced));
  }

  #chunks(): Buffer {
    const parts: Buffer[] = [];
    while (!this.isDone) {
      const size = Number.parseInt(this.#until("\r\n").toString("latin1"), 16);
      parts.push(this.#take(size));
      this.#until("\r\n");
      if (size === 0) break;
    }
    return Buffer.concat(parts);
  }

  #until(end: string): Buffer {
    const found = this.#bytes.indexOf(end, this.#at);
    const part = this.#take(found < 0 ? Number.POSITIVE_INFINITY : found - this.#at);
    this.#at += end.length;
    return part;
  }

  #take(length: number): Buffer {
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += part.length;
    return part;
  }
}
