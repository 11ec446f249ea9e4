/**
 * Joins a decoder and an encoder: a request of one protocol for a model that speaks another, and the response back. Pure:
 * no clock, no randomness, no I/O.
 */
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Protocol } from "../protocol.ts";
import type { TranslationChange } from "./changes.ts";
import { CHAT } from "./chat/index.ts";
import {
  Budget,
  type Emit,
  type EncodedRequest,
  type EventDecoder,
  type EventEncoder,
  type FoldedResponse,
  type ProtocolCodec,
  type ResponseContext,
  type ResponseFold,
} from "./codec.ts";
import { changesOf, refusalOf } from "./losses.ts";
import { MESSAGES } from "./messages/index.ts";
import type { ModelRequest, ResponseEvent, ResponseFailure } from "./model.ts";
import { RESPONSES } from "./responses/index.ts";
import { StopEmulator } from "./stops.ts";
import { ToolNames } from "./tools/names.ts";
import { ToolRestorer } from "./tools/restore.ts";
import type { TargetTraits } from "./traits.ts";
import { estimateTokens } from "./values/estimate.ts";

const CODECS: Readonly<Record<Protocol, ProtocolCodec>> = {
  messages: MESSAGES,
  responses: RESPONSES,
  chat: CHAT,
};

/** What a response needs that a pure function cannot make. */
export type ResponseFacts = Pick<ResponseContext, "id" | "createdAt" | "requestId">;

/** A request that was translated, and what its response needs. */
export interface Translation {
  readonly from: Protocol;
  readonly to: Protocol;
  /** The provider's request. */
  readonly body: JsonObject;
  /** Each once, `translated:…` first. */
  readonly changes: readonly TranslationChange[];
  /** Values for the `anthropic-beta` header that fields of the body need. */
  readonly betas: readonly string[];
  /** Translates a stream event by event into a stream. */
  stream(facts: ResponseFacts): StreamTranslator;
  /** Collects a stream into a response in one piece. */
  collect(facts: ResponseFacts): StreamCollector;
  /** Translates a response in one piece. */
  whole(body: JsonObject, facts: ResponseFacts): FoldedResponse;
}

/**
 * Translates a client's request for a model whose provider speaks `to`. Throws `KleisError`: `invalid_request` for a body
 * that is malformed in its own protocol, `untranslatable` for one that cannot be carried.
 */
export function translateRequest(
  from: Protocol,
  to: Protocol,
  body: JsonObject,
  traits: TargetTraits,
): Translation {
  const { request, losses } = CODECS[from].decodeRequest(body);
  const encoded = CODECS[to].encodeRequest(request, traits);
  const all = [...losses, ...encoded.losses];
  const refusal = refusalOf(all, { model: request.model, protocol: to });
  if (refusal !== undefined) throw refusal;
  const response = new ResponsePlan(from, to, request, encoded, shownBody(body), traits);
  return {
    from,
    to,
    body: encoded.value,
    changes: [`translated:${from}-${to}`, ...changesOf(all)],
    betas: encoded.betas,
    stream: (facts) => new StreamTranslator(response, facts),
    collect: (facts) => new StreamCollector(response, facts),
    whole: (value, facts) => response.whole(value, facts),
  };
}

/** How many tokens the input of a request has, by arithmetic. Throws as `translateRequest` does for a malformed body. */
export function countTokens(from: Protocol, body: JsonObject): number {
  return estimateTokens(CODECS[from].decodeRequest(body).request);
}

/** Items of a Responses request that declare tools, which the response's calls depend on. */
const DECLARES_TOOLS: ReadonlySet<Json | undefined> = new Set(["additional_tools", "tool_search_output"]);

/** The client's body without its conversation, which may be large and would be kept as long as the response takes. */
function shownBody({ messages: _, input, ...shown }: JsonObject): JsonObject {
  if (!Array.isArray(input)) return shown;
  return { ...shown, input: input.filter((item) => isObject(item) && DECLARES_TOOLS.has(item.type)) };
}

/** What all responses to one request have in common. */
class ResponsePlan {
  readonly decoder: ProtocolCodec;
  readonly encoder: ProtocolCodec;
  readonly #names: ToolNames;
  readonly #stops: readonly string[];
  readonly #shared: Pick<ResponseContext, "model" | "body" | "includeUsage" | "owner">;

  constructor(
    from: Protocol,
    to: Protocol,
    request: ModelRequest,
    { emulatedStops }: EncodedRequest,
    body: JsonObject,
    { owner }: TargetTraits,
  ) {
    this.decoder = CODECS[to];
    this.encoder = CODECS[from];
    this.#names = new ToolNames(request);
    this.#stops = emulatedStops;
    this.#shared = { model: request.model, body, includeUsage: request.includeUsage, owner };
  }

  context(facts: ResponseFacts): ResponseContext {
    return { ...facts, ...this.#shared, budget: new Budget() };
  }

  /** What a decoder emits into, so that `emit` gets the events as the client's protocol knows them. */
  restored(budget: Budget, emit: Emit): Emit {
    const tools = new ToolRestorer(this.#names, budget, emit);
    const intoTools: Emit = (event) => tools.write(event);
    if (this.#stops.length === 0) return intoTools;
    const stops = new StopEmulator(this.#stops, intoTools);
    return (event) => stops.write(event);
  }

  whole(body: JsonObject, facts: ResponseFacts): FoldedResponse {
    const context = this.context(facts);
    const fold = this.encoder.foldEvents(context);
    const emit = this.restored(context.budget, (event) => fold.write(event));
    this.decoder.decodeResponse(body, { budget: context.budget }, emit);
    return fold.result();
  }
}

const encoder = new TextEncoder();

/** One stream for a client. After its last event nothing follows, whatever comes. */
export class StreamTranslator {
  readonly #decoder: EventDecoder;
  readonly #encoder: EventEncoder;
  readonly #emit: Emit;
  #out = "";
  #hasFailed = false;

  constructor(plan: ResponsePlan, facts: ResponseFacts) {
    const context = plan.context(facts);
    this.#decoder = plan.decoder.decodeEvents({ budget: context.budget });
    this.#encoder = plan.encoder.encodeEvents(context);
    this.#emit = plan.restored(context.budget, (event) => this.#write(event));
  }

  /** True after the client's last event. */
  get hasEnded(): boolean {
    return this.#encoder.hasEnded;
  }

  /** True where that was an error. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Takes one whole event of the provider's. */
  read(event: Uint8Array): void {
    this.#decoder.read(event, this.#emit);
  }

  /** The client's events for what was read since the last call; null for none. */
  take(): Uint8Array<ArrayBuffer> | null {
    if (this.#out === "") return null;
    const bytes = encoder.encode(this.#out);
    this.#out = "";
    return bytes;
  }

  /** The client's events for one whole event of the provider's; null for none. */
  translate(event: Uint8Array): Uint8Array<ArrayBuffer> | null {
    this.read(event);
    return this.take();
  }

  /** The provider's stream has ended. */
  end(): Uint8Array<ArrayBuffer> | null {
    this.#decoder.end(this.#emit);
    return this.take();
  }

  /** The stream ends with this failure. */
  fail(failure: ResponseFailure): Uint8Array<ArrayBuffer> | null {
    // Past the filters, which hold back nothing that matters then.
    this.#write({ type: "fail", failure });
    return this.take();
  }

  /** Something that keeps the client waiting; null after the end. */
  keepAlive(): Uint8Array<ArrayBuffer> | null {
    return this.hasEnded ? null : encoder.encode(this.#encoder.keepAlive());
  }

  #write(event: ResponseEvent): void {
    if (this.hasEnded) return;
    this.#out += this.#encoder.write(event) ?? "";
    // An encoder gives up by itself where a response is too large.
    this.#hasFailed = this.hasEnded && event.type !== "stop";
  }
}

/** One response in one piece for a client, from a stream. */
export class StreamCollector {
  readonly #decoder: EventDecoder;
  readonly #fold: ResponseFold;
  readonly #emit: Emit;
  #hasEnded = false;

  constructor(plan: ResponsePlan, facts: ResponseFacts) {
    const context = plan.context(facts);
    this.#decoder = plan.decoder.decodeEvents({ budget: context.budget });
    this.#fold = plan.encoder.foldEvents(context);
    this.#emit = plan.restored(context.budget, (event) => {
      this.#fold.write(event);
      if (event.type === "stop" || event.type === "fail") this.#hasEnded = true;
    });
  }

  /** True once the response is decided: nothing that follows counts. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Takes one whole event of the provider's. */
  take(event: Uint8Array): void {
    this.#decoder.read(event, this.#emit);
  }

  /** The provider's stream has ended. Called once. */
  end(): FoldedResponse {
    this.#decoder.end(this.#emit);
    return this.#fold.result();
  }

  /** The stream ends with this failure. Called instead of `end`. */
  fail(failure: ResponseFailure): FoldedResponse {
    this.#fold.write({ type: "fail", failure });
    return this.#fold.result();
  }
}
