/** What a relayed stream writes to its client: the provider's events as they came, or as another protocol's. */
import type { StreamFailure } from "../../protocols/stream-errors.ts";
import type { StreamTranslator } from "../../protocols/translate/index.ts";
import { EventRuns } from "./event-runs.ts";

export interface RelayOutput {
  /** Takes one event of the provider's, as the rewriters left it. */
  add(event: Uint8Array): void;
  /** Sends what was added. */
  flush(): void;
  /** How the client's stream has ended with what was added; null while it goes on. */
  readonly ended: "complete" | "provider_error" | null;
  /** Adds the formal end that the provider left out of a complete response, and sends it. */
  complete(terminator: Uint8Array): void;
  /** The provider's last event was added: sends what is missing of the client's end. */
  close(): void;
  /** Ends the stream with an error. `begun`: the client may have received events of the provider's. */
  fail(failure: StreamFailure, begun: boolean): void;
  /** Sends something that keeps the client waiting. */
  keepAlive(): void;
}

type Send = (bytes: Uint8Array) => void;

const encoder = new TextEncoder();
const KEEP_ALIVE = encoder.encode(": kleis\n\n");

/** Events pass as they are. */
export class PassedOutput implements RelayOutput {
  readonly ended = null;
  readonly #send: Send;
  readonly #runs: EventRuns;
  readonly #failureEvents: (failure: StreamFailure, begun: boolean) => string;

  constructor(send: Send, failureEvents: (failure: StreamFailure, begun: boolean) => string) {
    this.#send = send;
    this.#runs = new EventRuns(send);
    this.#failureEvents = failureEvents;
  }

  add(event: Uint8Array): void {
    this.#runs.add(event);
  }

  flush(): void {
    this.#runs.flush();
  }

  complete(terminator: Uint8Array): void {
    this.#send(terminator);
  }

  close(): void {}

  fail(failure: StreamFailure, begun: boolean): void {
    this.#send(encoder.encode(this.#failureEvents(failure, begun)));
  }

  keepAlive(): void {
    this.#send(KEEP_ALIVE);
  }
}

/** A failure that Kleis itself finds in a stream has no status of its own. */
const NO_STATUS = 502;

/** Events become those of the client's protocol; what one chunk of them makes is sent as one piece. */
export class TranslatedOutput implements RelayOutput {
  readonly #send: Send;
  readonly #translator: StreamTranslator;

  constructor(send: Send, translator: StreamTranslator) {
    this.#send = send;
    this.#translator = translator;
  }

  get ended(): RelayOutput["ended"] {
    if (!this.#translator.hasEnded) return null;
    return this.#translator.hasFailed ? "provider_error" : "complete";
  }

  add(event: Uint8Array): void {
    this.#translator.read(event);
  }

  flush(): void {
    this.#write(this.#translator.take());
  }

  complete(terminator: Uint8Array): void {
    this.#translator.read(terminator);
    this.close();
  }

  close(): void {
    this.flush();
    // A last event that no decoder understands, such as an error without data, is none for the client.
    this.#write(this.#translator.end());
  }

  fail(failure: StreamFailure): void {
    this.#write(this.#translator.fail({ ...failure, status: NO_STATUS }));
  }

  keepAlive(): void {
    this.#write(this.#translator.keepAlive());
  }

  #write(bytes: Uint8Array | null): void {
    if (bytes !== null) this.#send(bytes);
  }
}
