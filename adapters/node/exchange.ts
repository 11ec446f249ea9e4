/** One request over undici and its response: the bytes as they came, read from the socket only as they are taken. */
import type { Dispatcher } from "undici";
import { errorCodeOf } from "../../src/error-code.ts";

/** Bytes that wait for their reader before the socket is no longer read. */
const MAX_WAITING_BYTES = 64 * 1024;

/** Statuses whose response has no body. */
const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** How a connection that is gone fails: while a response is awaited, and while a long body is still being written. */
const CLOSED: ReadonlySet<string | undefined> = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

export class Exchange implements Dispatcher.DispatchHandler {
  /** Rejects with the signal's reason, or with what went wrong before the response began. */
  readonly response: Promise<Response>;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: AbortSignal | null;
  readonly #onEnd: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  /** The first byte of a response has come. */
  #hasBegun = false;
  #isOver = false;
  #isBodyless = false;
  #failure: Error | undefined;
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #wake: (() => void) | undefined;

  /** `onEnd`: the connection is free again, or gone. */
  constructor(signal: AbortSignal | null, onEnd: () => void) {
    let settle: [(response: Response) => void, (error: unknown) => void] = [() => {}, () => {}];
    this.response = new Promise((...both) => {
      settle = both;
    });
    [this.#resolve, this.#reject] = settle;
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal?.addEventListener("abort", this.#abort);
  }

  /** The request has been handed to a connection that is still being made. */
  get isConnecting(): boolean {
    return this.#controller === undefined && !this.#isOver;
  }

  /** The connection was closed before a byte of a response had come. */
  get wasClosedUnanswered(): boolean {
    return !this.#hasBegun && CLOSED.has(errorCodeOf(this.#failure));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== undefined) controller.abort(this.#failure);
  }

  onResponseStarted(): void {
    this.#hasBegun = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    if (status > 599) {
      this.#stop(new Error(`${status} is not the status of a response`));
      return;
    }
    const headers = headersOf(controller);
    this.#isBodyless = BODYLESS.has(status);
    this.#resolve(new Response(this.#isBodyless ? null : this.#body(), { status, headers }));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isBodyless) return;
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) controller.pause();
    this.#wake?.();
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_controller: unknown, error: Error): void {
    // Also so that a protocol is changed unasked (101).
    const failure =
      errorCodeOf(error) === "UND_ERR_SOCKET" && this.#failure === undefined
        ? new Error("the connection closed without a response", { cause: error })
        : error;
    this.#failure ??= failure;
    this.#reject(failure);
    this.#end();
  }

  readonly #abort = () => {
    const reason: unknown = this.#signal?.reason;
    this.#reject(reason);
    this.#stop(new Error("aborted", { cause: reason }));
  };

  #stop(failure: Error): void {
    this.#failure ??= failure;
    this.#reject(failure);
    this.#controller?.abort(failure);
    this.#wake?.();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#wake?.();
    this.#onEnd();
  }

  #body(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (stream) => {
          for (;;) {
            if (this.#chunks.length > 0) return stream.enqueue(this.#take());
            if (this.#failure !== undefined) return stream.error(this.#failure);
            if (this.#isOver) return stream.close();
            await new Promise<void>((wake) => {
              this.#wake = wake;
            });
          }
        },
        cancel: () => this.#stop(new Error("cancelled")),
      },
      { highWaterMark: 0 },
    );
  }

  /** All that has come, in one piece: a read of the socket often brings many chunks. */
  #take(): Uint8Array {
    const chunks = this.#chunks;
    const [first] = chunks;
    this.#chunks = [];
    this.#waitingBytes = 0;
    this.#controller?.resume();
    return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
  }
}

function headersOf({ rawHeaders }: Dispatcher.DispatchController): Headers {
  const headers = new Headers();
  const lines = Array.isArray(rawHeaders) ? rawHeaders.map((each) => each.toString("latin1")) : [];
  for (let at = 0; at + 1 < lines.length; at += 2) headers.append(lines[at] ?? "", lines[at + 1] ?? "");
  return headers;
}
