/** A Messages response in one piece: read as the events that its stream would have had, and collected from such events. */
import { isObject, type Json, type JsonObject } from "../../../json.ts";
import { writeCarrier } from "../carriers/carrier.ts";
import type { DecodeOptions, Emit, FoldedResponse, ResponseContext, ResponseFold } from "../codec.ts";
import { failureFor, failureOf } from "../failures.ts";
import type { Block, BlockKey, ResponseEvent, ResponseFailure, SearchResult, StopReason } from "../model.ts";
import { portableId } from "../tools/ids.ts";
import { NO_USAGE, usageToMessages } from "../values/usage.ts";
import { MessagesDecoder } from "./decode-events.ts";
import { argumentsOf } from "./encode-blocks.ts";
import { searchBlocks, stopReason } from "./response-blocks.ts";

export function decodeResponse(body: JsonObject, options: DecodeOptions, emit: Emit): void {
  const decoder = new MessagesDecoder(options);
  const step = (event: JsonObject) => decoder.step(event, "", emit);
  if (body.type === "error" || !Array.isArray(body.content)) {
    decoder.step({ type: "error" }, JSON.stringify(body), emit);
    return;
  }
  step({ type: "message_start", message: { usage: body.usage ?? {} } });
  body.content.forEach((block, index) => {
    step({ type: "content_block_start", index, content_block: block });
    for (const citation of citationsOf(block))
      step({ type: "content_block_delta", index, delta: { type: "citations_delta", citation } });
    step({ type: "content_block_stop", index });
  });
  const { stop_reason = null, stop_sequence = null } = body;
  step({ type: "message_delta", delta: { stop_reason, stop_sequence } });
  step({ type: "message_stop" });
}

function citationsOf(block: Json): Json[] {
  return isObject(block) && Array.isArray(block.citations) ? block.citations : [];
}

/** What has come of a block. */
interface CollectedBlock {
  readonly block: Block;
  text: string;
  signature: string;
  queries: readonly string[];
  results: readonly SearchResult[];
  isWhole: boolean;
}

export class MessagesFold implements ResponseFold {
  readonly #context: ResponseContext;
  /** In the order of their opening, which is that of the stream's indexes. */
  readonly #blocks = new Map<BlockKey, CollectedBlock>();
  #usage = NO_USAGE;
  #stop: { reason: StopReason; sequence?: string | undefined } | undefined;
  #failure: ResponseFailure | undefined;

  constructor(context: ResponseContext) {
    this.#context = context;
  }

  write(event: ResponseEvent): void {
    if (this.#stop !== undefined || this.#failure !== undefined) return;
    switch (event.type) {
      case "open": {
        const { key, block } = event;
        this.#blocks.set(key, {
          block,
          text: "",
          signature: "",
          queries: [],
          results: [],
          isWhole: false,
        });
        break;
      }
      case "usage":
        this.#usage = event.usage;
        break;
      case "stop":
        this.#stop = event;
        break;
      case "fail":
        this.#failure = event.failure;
        break;
      default:
        if ("key" in event) this.#add(event, this.#blocks.get(event.key));
    }
  }

  #add(event: ResponseEvent, collected: CollectedBlock | undefined): void {
    if (collected === undefined) return;
    switch (event.type) {
      case "delta":
        if (this.#context.budget.take(event.text.length)) collected.text += event.text;
        else this.#failure = failureOf("too_large", "the response is too large to translate");
        break;
      case "opaque":
        collected.signature = writeCarrier(this.#context.owner, event.payload);
        break;
      case "found":
        collected.queries = event.queries;
        collected.results = event.results;
        break;
      case "close":
        collected.isWhole = event.cut !== true;
    }
  }

  result(): FoldedResponse {
    const failure = this.#failure ?? (this.#stop === undefined ? failureOf("ended_early") : undefined);
    if (failure !== undefined) return { ok: false, failure: failureFor("messages", failure) };
    const blocks = [...this.#blocks.values()];
    const hasCall = blocks.some(({ block, isWhole }) => block.kind === "tool" && isWhole);
    const { id, model } = this.#context;
    const value: JsonObject = {
      id: `msg_${id}`,
      type: "message",
      role: "assistant",
      model,
      content: blocks.flatMap(contentOf),
      stop_reason: stopReason(this.#stop?.reason ?? "end", hasCall),
      stop_sequence: this.#stop?.sequence ?? null,
      usage: usageToMessages(this.#usage),
    };
    return { ok: true, value };
  }
}

function contentOf({ block, text, signature, queries, results }: CollectedBlock): JsonObject[] {
  switch (block.kind) {
    case "text":
    case "refusal":
      return text === "" ? [] : [{ type: "text", text }];
    case "thinking":
    case "redacted":
      return text === "" && signature === "" ? [] : [{ type: "thinking", thinking: text, signature }];
    case "tool":
      return [{ type: "tool_use", id: portableId(block.id), name: block.name, input: argumentsOf(text) }];
    case "search":
      return searchBlocks(block.id, queries, results);
  }
}
