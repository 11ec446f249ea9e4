/**
 * The body of a request for as long as it is needed: its bytes until the provider has answered, its value only while
 * somebody reads it. A large one is parsed in a turn of its own, and anew each time, since its value may take many times
 * its bytes.
 */
import type { JsonObject } from "../../json.ts";
import type { JsonBody } from "../../protocols/body.ts";
import type { Clock } from "../../runtime.ts";
import type { Holding } from "../memory-budget.ts";
import { checkOneModel } from "./model-members.ts";
import { decodeBody, parseBody, type ReceivedBody } from "./read-body.ts";
import type { Turns } from "./work-queue.ts";

/** From here on a body is parsed in its turn, bytes: it may hold the event loop for longer than some ms. */
const LARGE_BYTES = 4 * 1024 * 1024;
const LARGE_PARSED_BYTES = 2 * 1024 * 1024;

export interface Reader {
  readonly keyId: string;
  /** Aborts when the client has left. */
  readonly signal: AbortSignal;
  readonly holding: Holding;
  readonly turns: Turns;
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
    // The texts in it take as much again as its bytes.
    this.#parsedBytes = parsedBytes + bytes.length;
  }

  /** Calls `work` with the parsed body, which it must not keep. Throws `KleisError` for what can not be parsed. */
  async read<Result>(work: (body: JsonBody, pause: Pause) => Result | Promise<Result>): Promise<Result> {
    const { turns, clock, keyId, signal } = this.#reader;
    if (!this.#isLarge) return work(await this.#parsed(noPause), noPause);
    const pause = () => clock.sleep(0);
    return turns.run(keyId, signal, async () => {
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
      this.#reader.holding.hold(this.size + this.#parsedBytes);
      const text = decodeBody(bytes);
      await pause();
      const value = parseBody(text);
      await pause();
      checkOneModel(bytes);
      this.#value = value;
    }
    return { bytes, value: this.#value };
  }

  /** Lets go of the value; a later `read` parses anew. `copy`: bytes of an edited copy of the body that is kept now. */
  keep(copy: number): void {
    this.#value = null;
    this.#reader.holding.hold(this.size + copy);
  }

  /** Drops everything: nothing can be read any more. `rest`: bytes of memory that the request still keeps. */
  release(rest: number): void {
    this.#value = null;
    this.#bytes = new Uint8Array(0);
    this.#reader.holding.hold(rest);
  }
}
