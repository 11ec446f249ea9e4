/** Writes a chat stream, or a completion, for a client. */
import type { Json, JsonObject } from "../../../json.ts";
import { failureEvents } from "../../stream-errors.ts";
import { writeCarrier } from "../carriers/carrier.ts";
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
import { NO_USAGE, usageToChat } from "../values/usage.ts";

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
  /** Words that came while an earlier block of the same kind was still open: all of a kind go into one member. */
  waiting: string;
  isClosed: boolean;
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
        this.#say(open, event.text);
        return;
      case "opaque":
        open.sealed = writeCarrier(this.#context.owner, event.payload);
        return;
      case "cite":
        this.#delta({ annotations: [annotationOf(event.citation)] });
        return;
      case "close":
        open.isClosed = true;
        this.#advance(open.block.kind);
    }
  }

  #say(open: OpenBlock, words: string): void {
    if (open.block.kind === "tool" || this.#isFirst(open)) this.#delta(deltaOf(open, words));
    else if (this.#context.budget.take(words.length)) open.waiting += words;
    else this.#fail(failureOf("too_large", TOO_LARGE));
  }

  #isFirst(open: OpenBlock): boolean {
    for (const other of this.#open.values()) if (other.block.kind === open.block.kind) return other === open;
    return false;
  }

  /** Writes what waited of a kind, up to the first block that is still open. */
  #advance(kind: Block["kind"]): void {
    for (const [key, open] of this.#open) {
      if (open.block.kind !== kind) continue;
      if (open.waiting !== "") this.#delta(deltaOf(open, open.waiting));
      open.waiting = "";
      if (kind !== "tool" && !open.isClosed) return;
      if (!open.isClosed) continue;
      if (open.sealed !== undefined) this.#delta({ reasoning_details: [detailOf(open.sealed)] });
      this.#open.delete(key);
    }
  }

  #begin(key: BlockKey, block: Block): void {
    const index = block.kind === "tool" ? this.#calls++ : 0;
    this.#open.set(key, { block, index, sealed: undefined, waiting: "", isClosed: false });
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
  /** In the order of their opening. */
  readonly #blocks = new Map<BlockKey, { readonly block: Block; text: string }>();
  readonly #details: JsonObject[] = [];
  readonly #annotations: JsonObject[] = [];
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
        this.#blocks.set(event.key, { block: event.block, text: "" });
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
    const of = this.#blocks.get(key);
    if (of === undefined) return;
    if (this.#context.budget.take(words.length)) of.text += words;
    else this.#failure = failureOf("too_large", TOO_LARGE);
  }

  #said(kind: Block["kind"]): string {
    return [...this.#blocks.values()].map(({ block, text }) => (block.kind === kind ? text : "")).join("");
  }

  #message(): JsonObject {
    const [text, refusal, thinking] = [this.#said("text"), this.#said("refusal"), this.#said("thinking")];
    const calls = [...this.#blocks.values()].flatMap(({ block, text: input }) =>
      block.kind === "tool" ? [callOf(block, input)] : [],
    );
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
