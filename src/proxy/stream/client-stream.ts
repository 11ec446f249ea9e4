/** The client's side of a relayed stream: what it was sent, and how much of that it has taken. */
import type { Clock } from "../../runtime.ts";

/** The largest piece handed out at once, bytes: a client's progress through a large event shows by its pieces. */
const MAX_PIECE_BYTES = 64 * 1024;

export class ClientStream {
  readonly #controller: ReadableStreamDefaultController<Uint8Array>;
  readonly #clock: Pick<Clock, "now">;
  #bytes = 0;
  #pieces = 0;
  #lastSentAt: number;

  constructor(controller: ReadableStreamDefaultController<Uint8Array>, clock: Pick<Clock, "now">) {
    this.#controller = controller;
    this.#clock = clock;
    this.#lastSentAt = clock.now();
  }

  /** How much was sent, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Epoch ms. */
  get lastSentAt(): number {
    return this.#lastSentAt;
  }

  /** Pieces that wait to be taken. */
  get queued(): number {
    return -(this.#controller.desiredSize ?? 0);
  }

  /** Pieces that were taken. */
  get taken(): number {
    return this.#pieces - this.queued;
  }

  send(part: Uint8Array): void {
    this.#bytes += part.length;
    this.#lastSentAt = this.#clock.now();
    for (let at = 0; at < part.length; at += MAX_PIECE_BYTES) {
      this.#pieces++;
      this.#controller.enqueue(part.subarray(at, at + MAX_PIECE_BYTES));
    }
  }

  close(): void {
    this.#controller.close();
  }

  fail(error: Error): void {
    this.#controller.error(error);
  }
}
