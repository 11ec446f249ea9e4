/** A byte source as the stream that a client reads: it reads only when it is read from, and reports how it ended. */
import type { ByteSource, Bytes } from "../../bytes.ts";
import { errorCodeOf } from "../../error-code.ts";
import { KleisError } from "../../errors.ts";
import type { Clock } from "../../runtime.ts";
import { DecompressionLimitError } from "./decompress.ts";
import { watchClient } from "./watch-client.ts";

export type BodyOutcome = "complete" | "incomplete" | "idle" | "too_large" | "client_left" | "client_stalled";

export interface StreamOptions {
  /** Called once, with how it ended and how many bytes passed. `cause`: the code of the error that broke the source. */
  readonly onEnd: (outcome: BodyOutcome, bytes: number, cause?: string) => void;
  /** Called instead of letting the stream fail. */
  readonly abortConnection?: (() => void) | undefined;
  /** How long a client may take nothing, ms; without it, for ever. */
  readonly stall?: { readonly clock: Clock; readonly ms: number };
}

export function toStream(source: ByteSource, options: StreamOptions): ReadableStream<Bytes> {
  const pump = new Pump(source, options);
  return new ReadableStream<Bytes>(
    {
      start: (controller) => pump.start(controller),
      pull: (controller) => pump.pull(controller),
      cancel: () => pump.cancel(),
    },
    { highWaterMark: 0 },
  );
}

type Controller = ReadableStreamDefaultController<Bytes>;

class Pump {
  readonly #source: ByteSource;
  readonly #options: StreamOptions;
  /** Aborts when the stream is over. */
  readonly #over = new AbortController();
  #bytes = 0;
  #isReading = false;

  constructor(source: ByteSource, options: StreamOptions) {
    this.#source = source;
    this.#options = options;
  }

  start(controller: Controller): void {
    const { stall, abortConnection } = this.#options;
    if (stall === undefined) return;
    const taken = () => (this.#isReading ? null : this.#bytes);
    const onStall = () => {
      this.#end("client_stalled");
      this.#source.cancel().catch(() => {});
      if (abortConnection === undefined) controller.error(new Error("the client does not read its response"));
      else abortConnection();
    };
    void watchClient({ clock: stall.clock, stallMs: stall.ms, taken, onStall }, this.#over.signal);
  }

  async pull(controller: Controller): Promise<void> {
    const { abortConnection } = this.#options;
    this.#isReading = true;
    const next = await this.#source.read().catch((error: unknown) => {
      this.#end(outcomeOf(error), errorCodeOf(error));
      if (abortConnection === undefined) throw error;
      return null;
    });
    this.#isReading = false;
    if (next === null) {
      abortConnection?.();
      return controller.close();
    }
    if (next.value !== undefined) {
      this.#bytes += next.value.length;
      controller.enqueue(next.value);
    }
    if (!next.done) return;
    controller.close();
    this.#end("complete");
  }

  cancel(): Promise<void> {
    this.#end("client_left");
    return this.#source.cancel();
  }

  #end(outcome: BodyOutcome, cause?: string): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort("the stream is over");
    this.#options.onEnd(outcome, this.#bytes, cause);
  }
}

function outcomeOf(error: unknown): BodyOutcome {
  if (error instanceof DecompressionLimitError) return "too_large";
  return error instanceof KleisError ? "idle" : "incomplete";
}
