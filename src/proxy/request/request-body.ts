/**
 * The body of a request for as long as it is needed: its bytes until the provider has responded, its value only while it is
 * read. A large body is parsed in the work queue, and parsed again for each reading, since its value may take many times
 * its bytes.
 */
import type { JsonObject } from "../../json.ts";
import type { JsonBody } from "../../protocols/body.ts";
import type { Clock } from "../../runtime.ts";
import type { Reservation } from "../memory-budget.ts";
import { checkOneModel } from "./model-members.ts";
import { decodeBody, parseBody, type ReceivedBody } from "./read-body.ts";
import type { WorkQueue } from "./work-queue.ts";

/** From here on a body is parsed in the work queue, bytes: it may block the event loop for more than a few ms. */
const LARGE_BYTES = 4 * 1024 * 1024;
const LARGE_PARSED_BYTES = 2 * 1024 * 1024;

export interface Reader {
  readonly keyId: string;
  /** Aborts when the client has left. */
  readonly signal: AbortSignal;
  readonly memory: Reservation;
  readonly workQueue: WorkQueue;
  readonly clock: Clock;
}

/** Lets other requests come first between two long steps. */
export type Pause = () => Promise<void>;

const noPause: Pause = async () => {};

export class RequestBody {
  readonly size: number;
  readonly #reader: Reader;
  readonly #parsedBytes: number;
  readonly #isLarge: boolean;
  #bytes: Uint8Array<ArrayBuffer>;
  #value: JsonObject | null = null;

  constructor({ bytes, parsedBytes }: ReceivedBody, reader: Reader) {
    this.#bytes = bytes;
    this.#reader = reader;
    this.size = bytes.length;
    this.#isLarge = bytes.length > LARGE_BYTES || parsedBytes > LARGE_PARSED_BYTES;
    // The strings in it take as much again as its bytes.
    this.#parsedBytes = parsedBytes + bytes.length;
  }

  /** Calls `work` with the parsed body, which it must not keep. Throws `KleisError` for what cannot be parsed. */
  async read<Result>(work: (body: JsonBody, pause: Pause) => Result | Promise<Result>): Promise<Result> {
    const { workQueue, clock, keyId, signal } = this.#reader;
    if (!this.#isLarge) return work(await this.#parsed(noPause), noPause);
    const pause = () => clock.sleep(0);
    return workQueue.run(keyId, signal, async () => {
      try {
        const body = await this.#parsed(pause);
        await pause();
        return await work(body, pause);
      } finally {
        this.keep(0);
      }
    });
  }

  async #parsed(pause: Pause): Promise<JsonBody> {
    const bytes = this.#bytes;
    if (this.#value === null) {
      this.#reader.memory.reserve(this.size + this.#parsedBytes);
      const text = decodeBody(bytes);
      await pause();
      const value = parseBody(text);
      await pause();
      checkOneModel(bytes);
      this.#value = value;
    }
    return { bytes, value: this.#value };
  }

  /** Drops the value; a later `read` parses again. `copyBytes`: the size of an edited copy of the body that is kept now. */
  keep(copyBytes: number): void {
    this.#value = null;
    this.#reader.memory.reserve(this.size + copyBytes);
  }

  /** Drops everything: nothing can be read any more. `rest`: bytes of memory that the request still keeps. */
  release(rest: number): void {
    this.#value = null;
    this.#bytes = new Uint8Array(0);
    this.#reader.memory.reserve(rest);
  }
}
