/**
 * The beginning of a stream that may still turn into a refusal: a provider that has said 200 can refuse after a few events
 * that say nothing of the response. They are held back for a moment, as long as another account could take over.
 */
import type { ByteSource, Bytes } from "../../bytes.ts";
import { withTimeout } from "../../deadline.ts";
import { isObject, type JsonObject, parseJson, text } from "../../json.ts";
import { eventData } from "../../protocols/sse/event.ts";
import { EventSplitter } from "../../protocols/sse/splitter.ts";
import type { Refusal } from "../../providers/refusal.ts";
import type { ResponseContext } from "../context.ts";
import { bodySource, withHead } from "../stream/body-source.ts";
import { toStream } from "../stream/to-stream.ts";
import { refusalIn } from "./stream-refusal.ts";

/** How many events are held back, and for how long, ms. */
const MAX_EVENTS = 16;
const MAX_WAIT_MS = 1_500;

export interface Opening {
  /** All of the response. */
  readonly response: Response;
  /** The refusal that it begins with; null for a response. */
  readonly refusal: Refusal | null;
}

export async function peekOpening(context: ResponseContext, response: Response): Promise<Opening> {
  const { isOpening } = context.plan;
  const type = response.headers.get("content-type") ?? "";
  if (isOpening === undefined || response.body === null || !type.includes("text/event-stream"))
    return { response, refusal: null };
  const { clock } = context.runtime;
  const source = bodySource(response.body, clock);
  const reader = new OpeningReader(isOpening);
  const until = clock.now() + MAX_WAIT_MS;
  let pending: ReturnType<ByteSource["read"]> | null = null;
  while (reader.goesOn && clock.now() < until) {
    const reading = source.read();
    pending = reading;
    const read = await withTimeout(clock, until - clock.now(), reading, () => null);
    if (read === null) break;
    pending = null;
    if (read.value !== undefined) reader.push(read.value);
    if (read.done) break;
  }
  const rest = withHead(reader.held, after(pending, source));
  const { status, headers } = response;
  return {
    response: new Response(toStream(rest, { onEnd: () => {} }), { status, headers }),
    refusal: reader.failure === null ? null : refusalIn(context, reader.failure),
  };
}

/** The source, whose next read has begun already. */
function after(pending: ReturnType<ByteSource["read"]> | null, source: ByteSource): ByteSource {
  let begun = pending;
  // It may fail before anybody reads on.
  begun?.catch(() => {});
  return {
    read() {
      const reading = begun ?? source.read();
      begun = null;
      return reading;
    },
    cancel: () => source.cancel(),
  };
}

class OpeningReader {
  readonly held: Bytes[] = [];
  /** The data of the event that refuses; null as long as none does. */
  failure: JsonObject | null = null;
  goesOn = true;
  readonly #isOpening: (type: string) => boolean;
  readonly #splitter = new EventSplitter();
  #events = 0;

  constructor(isOpening: (type: string) => boolean) {
    this.#isOpening = isOpening;
  }

  push(chunk: Bytes): void {
    this.held.push(chunk);
    this.#splitter.push(chunk, (event) => this.#take(event));
  }

  #take(event: Uint8Array): void {
    const data = this.goesOn ? eventData(event) : null;
    // A comment is no output.
    if (data === null) return;
    const value = parseJson(data);
    const type = isObject(value) ? (text(value.type) ?? "") : "";
    if (isObject(value) && (type === "error" || type === "response.failed")) this.failure = value;
    this.goesOn = this.failure === null && this.#isOpening(type) && ++this.#events < MAX_EVENTS;
  }
}
