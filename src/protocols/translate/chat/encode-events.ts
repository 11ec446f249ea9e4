/** Writes a chat stream, or a completion, for a client. */
import type { Json, JsonObject } from "../../../json.ts";
import { failureEvents } from "../../stream-errors.ts";
import { writeCarrier } from "../carrier.ts";
import type { EventEncoder, FoldedResponse, ResponseContext, ResponseFold } from "../codec.ts";
import { failureFor, failureOf } from "../failures.ts";
import type {
  Block,
  BlockKey,
  Citation,
  ResponseEvent,
  ResponseFailure,
  StopReason,
  Usage,
} from "../model.ts";
import { NO_USAGE, usageToChat } from "../usage.ts";

const TOO_LARGE = "the response is larger than Kleis translates";

/** A comment: clients of this protocol have no event that says nothing. */
const KEEP_ALIVE = ": kleis\n\n";

export function encodeEvents(context: ResponseContext): EventEncoder {
  return new ChatEncoder(context);
}

export function foldEvents(context: ResponseContext): ResponseFold {
  return new ChatFold(context);
}

function finishReason(reason: StopReason): string {
  switch (reason) {
    case "tool":
      return "tool_calls";
    case "length":
    case "context":
    case "pause":
      return "length";
    case "refusal":
      return "content_filter";
    default:
      return "stop";
  }
}

interface OpenBlock {
  readonly block: Block;
  /** A call's place among the calls. */
  readonly index: number;
  sealed: string | undefined;
}

class ChatEncoder implements EventEncoder {
  readonly #context: ResponseContext;
  readonly #open = new Map<BlockKey, OpenBlock>();
  #calls = 0;
  #text = "";
  #usage: Usage = NO_USAGE;
  #state: "waiting" | "running" | "ended" = "waiting";

  constructor(context: ResponseContext) {
    this.#context = context;
  }

  get hasEnded(): boolean {
    return this.#state === "ended";
  }

  write(event: ResponseEvent): string | null {
    if (this.#state === "ended") return null;
    this.#text = "";
    this.#apply(event);
    return this.#text === "" ? null : this.#text;
  }

  keepAlive(): string {
    return KEEP_ALIVE;
  }

  #apply(event: ResponseEvent): void {
    switch (event.type) {
      case "start":
        return;
      case "ping":
        this.#text = KEEP_ALIVE;
        return;
      case "open":
        this.#begin(event.key, event.block);
        return;
      case "usage":
        this.#usage = event.usage;
        return;
      case "stop":
        this.#stop(event.reason);
        return;
      case "fail":
        this.#fail(event.failure);
        return;
    }
    const open = this.#open.get(event.key);
    if (open === undefined) return;
    switch (event.type) {
      case "delta":
        this.#delta(deltaOf(open, event.text));
        return;
      case "opaque":
        open.sealed = writeCarrier(this.#context.owner, event.payload);
        return;
      case "cite":
        this.#delta({ annotations: [annotationOf(event.citation)] });
        return;
      case "close":
        if (open.sealed !== undefined) this.#delta({ reasoning_details: [detailOf(open.sealed)] });
        this.#open.delete(event.key);
    }
  }

  #begin(key: BlockKey, block: Block): void {
    const index = block.kind === "tool" ? this.#calls++ : 0;
    this.#open.set(key, { block, index, sealed: undefined });
    if (block.kind === "tool") this.#delta({ tool_calls: [{ index, ...callOf(block, "") }] });
  }

  #stop(reason: StopReason): void {
    this.#chunk({}, finishReason(reason));
    if (this.#context.includeUsage)
      this.#data({ ...this.#base(), choices: [], usage: usageToChat(this.#usage) });
    this.#text += "data: [DONE]\n\n";
    this.#state = "ended";
  }

  #fail(failure: ResponseFailure): void {
    const begun = this.#state === "running";
    this.#state = "ended";
    const { requestId, model } = this.#context;
    this.#text += failureEvents("chat", failureFor("chat", failure), { requestId, model, begun });
  }

  #delta(delta: JsonObject): void {
    if (Object.keys(delta).length > 0) this.#chunk(delta, null);
  }

  /** The first chunk says whose words they are. */
  #chunk(delta: JsonObject, finish: string | null): void {
    if (this.#state === "waiting") {
      this.#state = "running";
      this.#chunk({ role: "assistant", content: "" }, null);
    }
    const usage = this.#context.includeUsage ? { usage: null } : {};
    this.#data({ ...this.#base(), choices: [{ index: 0, delta, finish_reason: finish }], ...usage });
  }

  #base(): JsonObject {
    const { id, createdAt: created, model } = this.#context;
    return { id: `chatcmpl_${id}`, object: "chat.completion.chunk", created, model };
  }

  #data(value: JsonObject): void {
    this.#text += `data: ${JSON.stringify(value)}\n\n`;
  }
}

function deltaOf({ block, index }: OpenBlock, words: string): JsonObject {
  switch (block.kind) {
    case "text":
      return { content: words };
    case "refusal":
      return { refusal: words };
    case "thinking":
      return { reasoning_content: words };
    case "tool":
      return {
        tool_calls: [
          {
            index,
            ...(block.call === "custom" ? { custom: { input: words } } : { function: { arguments: words } }),
          },
        ],
      };
    default:
      return {};
  }
}

function callOf({ id, call, name }: Extract<Block, { kind: "tool" }>, input: string): JsonObject {
  return call === "custom"
    ? { id, type: "custom", custom: { name, input } }
    : { id, type: "function", function: { name, arguments: input } };
}

function annotationOf({ url, title, start, end }: Citation): JsonObject {
  const place = start === undefined || end === undefined ? {} : { start_index: start, end_index: end };
  return { type: "url_citation", url_citation: { url, title, ...place } };
}

/** What clients send back unread (OpenRouter's form, which AI SDKs and pi know). */
function detailOf(sealed: string): JsonObject {
  return { type: "reasoning.encrypted", data: sealed, format: "kleis", index: 0 };
}

class ChatFold implements ResponseFold {
  readonly #context: ResponseContext;
  readonly #open = new Map<BlockKey, Block>();
  readonly #inputs = new Map<BlockKey, string>();
  readonly #calls: { readonly key: BlockKey; readonly block: Extract<Block, { kind: "tool" }> }[] = [];
  readonly #details: JsonObject[] = [];
  readonly #annotations: JsonObject[] = [];
  readonly #said = { text: "", refusal: "", thinking: "" };
  #usage: Usage = NO_USAGE;
  #end: StopReason | undefined;
  #failure: ResponseFailure | undefined;

  constructor(context: ResponseContext) {
    this.#context = context;
  }

  write(event: ResponseEvent): void {
    if (this.#failure !== undefined || this.#end !== undefined) return;
    switch (event.type) {
      case "open":
        this.#open.set(event.key, event.block);
        if (event.block.kind === "tool") this.#calls.push({ key: event.key, block: event.block });
        return;
      case "delta":
        this.#add(event.key, event.text);
        return;
      case "opaque":
        this.#details.push(detailOf(writeCarrier(this.#context.owner, event.payload)));
        return;
      case "cite":
        this.#annotations.push(annotationOf(event.citation));
        return;
      case "usage":
        this.#usage = event.usage;
        return;
      case "stop":
        this.#end = event.reason;
        return;
      case "fail":
        this.#failure = event.failure;
    }
  }

  result(): FoldedResponse {
    if (this.#failure !== undefined || this.#end === undefined)
      return { ok: false, failure: failureFor("chat", this.#failure ?? failureOf("ended_early")) };
    const { id, createdAt: created, model } = this.#context;
    const choice = {
      index: 0,
      message: this.#message(),
      finish_reason: finishReason(this.#end),
      logprobs: null,
    };
    const value: { [name: string]: Json } = {
      id: `chatcmpl_${id}`,
      object: "chat.completion",
      created,
      model,
      choices: [choice],
      usage: usageToChat(this.#usage),
    };
    return { ok: true, value };
  }

  #add(key: BlockKey, words: string): void {
    const block = this.#open.get(key);
    if (block === undefined) return;
    if (!this.#context.budget.take(words.length)) this.#failure = failureOf("too_large", TOO_LARGE);
    else if (block.kind === "tool") this.#inputs.set(key, (this.#inputs.get(key) ?? "") + words);
    else if (block.kind !== "redacted" && block.kind !== "search") this.#said[block.kind] += words;
  }

  #message(): JsonObject {
    const { text, refusal, thinking } = this.#said;
    const calls = this.#calls.map(({ key, block }) => callOf(block, this.#inputs.get(key) ?? ""));
    return {
      role: "assistant",
      content: text === "" ? null : text,
      refusal: refusal === "" ? null : refusal,
      ...(thinking === "" ? {} : { reasoning_content: thinking }),
      ...(this.#details.length === 0 ? {} : { reasoning_details: this.#details }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...(this.#annotations.length === 0 ? {} : { annotations: this.#annotations }),
    };
  }
}
