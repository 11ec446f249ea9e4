/**
 * What each protocol's folder provides: its request to the model and back, its response's events to the model's and back.
 * A codec knows one wire and the model, never another wire.
 */
import type { JsonObject } from "../../json.ts";
import type { Protocol } from "../protocol.ts";
import type { CarrierOwner } from "./carriers/carrier.ts";
import type { Loss } from "./losses.ts";
import type { ModelRequest, ResponseEvent, ResponseFailure } from "./model.ts";
import type { TargetTraits } from "./traits.ts";

export interface ProtocolCodec {
  readonly protocol: Protocol;

  /**
   * Reads a client's request. Throws `KleisError("invalid_request")` for a body that is malformed in its own protocol; what
   * is well formed but cannot be said is in `losses`.
   */
  decodeRequest(body: JsonObject): DecodedRequest;
  /** Writes a provider's request with a fixed order of keys. */
  encodeRequest(request: ModelRequest, traits: TargetTraits): EncodedRequest;

  /** Reads one streamed response of a provider. */
  decodeEvents(options: DecodeOptions): EventDecoder;
  /** Reads a provider's response in one piece: emits the same events as the stream would. */
  decodeResponse(body: JsonObject, options: DecodeOptions, emit: Emit): void;

  /** Writes one stream for a client. */
  encodeEvents(context: ResponseContext): EventEncoder;
  /** Writes one response in one piece for a client, from the same events. */
  foldEvents(context: ResponseContext): ResponseFold;
}

export interface DecodedRequest {
  readonly request: ModelRequest;
  readonly losses: readonly Loss[];
}

export interface EncodedRequest {
  readonly value: JsonObject;
  readonly losses: readonly Loss[];
  /** The request's stop sequences that the target does not take, for `emulateStops`. */
  readonly emulatedStops: readonly string[];
  /** Values for the `anthropic-beta` header that fields of the body need. */
  readonly betas: readonly string[];
}

export type Emit = (event: ResponseEvent) => void;

export interface DecodeOptions {
  readonly budget: Budget;
}

/** A running decoder. It never throws for what a provider sends: it emits `fail`. */
export interface EventDecoder {
  /** Takes one whole server-sent event: its lines and the blank line that ends it. Emits nothing after `stop` or `fail`. */
  read(event: Uint8Array, emit: Emit): void;
  /** The stream has ended. Emits `fail` (`broken("ended_early")`) unless `stop` or `fail` was emitted or is complete. */
  end(emit: Emit): void;
}

/** What an encoder has to know of the request that it answers. */
export interface ResponseContext {
  /** Random characters, unique to the response; the codec puts its prefix (`msg_`, `resp_`, `chatcmpl-`) before them. */
  readonly id: string;
  /** Unix seconds. */
  readonly createdAt: number;
  /** The model id that the client asked for. */
  readonly model: string;
  /** The id that Kleis gave the request, for error events. */
  readonly requestId?: string | undefined;
  /** The client's request as it came: Responses repeats its tools and tool choice. */
  readonly body: JsonObject;
  /** `ModelRequest.includeUsage`. */
  readonly includeUsage: boolean;
  /** Whom carriers of this response belong to. */
  readonly owner: CarrierOwner;
  readonly budget: Budget;
}

/** A running encoder. After the event of a `stop` or `fail` it returns null for whatever comes. */
export interface EventEncoder {
  /** The client's events for one event of the model, as text with their blank lines; null for none. */
  write(event: ResponseEvent): string | null;
  /** Something that keeps the client waiting, at any time before the end; an event where the client counts those alone. */
  keepAlive(): string;
  /** True once the client's last event was written, which may be a failure of the encoder's own (its budget). */
  readonly hasEnded: boolean;
}

/** Collects the events of one response. */
export interface ResponseFold {
  write(event: ResponseEvent): void;
  /** Called once, after `stop` or `fail` was written. */
  result(): FoldedResponse;
}

export type FoldedResponse =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly failure: ResponseFailure };

/** How much of one response is kept in memory, in characters, shared by all that keep something. */
export class Budget {
  #left: number;

  constructor(limit: number = RESPONSE_BUDGET) {
    this.#left = limit;
  }

  /** Takes a share; false where there is no more, and then the stream has to fail. */
  take(characters: number): boolean {
    this.#left -= characters;
    return this.#left >= 0;
  }
}

/** 32 Mi characters: as much as a request body may have bytes. */
export const RESPONSE_BUDGET = 32 * 1024 * 1024;
