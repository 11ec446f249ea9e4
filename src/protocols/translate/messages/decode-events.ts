/**
 * The events of a Messages stream as the model's (providers/claude.md §3.3). Blocks go by their index; what has no block, and
 * blocks that no other protocol knows, are left out.
 */
import { isObject, type Json, type JsonObject, parseJson } from "../../../json.ts";
import { eventData, isErrorEvent } from "../../sse/event.ts";
import { brokenStream } from "../../stream-errors.ts";
import type { Budget, DecodeOptions, Emit, EventDecoder } from "../codec.ts";
import { failureFrom, failureOf } from "../failures.ts";
import type { BlockKey, StopReason, Usage } from "../model.ts";
import { NO_USAGE, usageFromMessages } from "../values/usage.ts";
import { searchResults } from "./decode-content.ts";

/** A block that has begun and not ended. */
type OpenBlock =
  | { readonly kind: "text"; readonly key: BlockKey }
  | { readonly kind: "thinking"; readonly key: BlockKey; text: string; signature: string }
  /** `whole`: the input that came with the start of the block, where nothing else follows. */
  | { readonly kind: "tool"; readonly key: BlockKey; whole: string }
  | { readonly kind: "search"; readonly id: string; input: string }
  | { readonly kind: "ignored" };

/** A web search, from its call to its results, which are a block of their own. */
interface Search {
  readonly key: BlockKey;
  queries: readonly string[];
}

const STOP_REASON: ReadonlyMap<Json | undefined, StopReason> = new Map<Json | undefined, StopReason>([
  ["end_turn", "end"],
  ["stop_sequence", "sequence"],
  ["tool_use", "tool"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "context"],
  ["pause_turn", "pause"],
  ["refusal", "refusal"],
]);

export class MessagesDecoder implements EventDecoder {
  readonly #budget: Budget;
  readonly #blocks = new Map<Json | undefined, OpenBlock>();
  readonly #searches = new Map<string, Search>();
  #keys = 0;
  #usage: Usage = NO_USAGE;
  #stop: { reason: StopReason; sequence: string | undefined } | undefined;
  #hasStarted = false;
  #hasEnded = false;

  constructor({ budget }: DecodeOptions) {
    this.#budget = budget;
  }

  read(event: Uint8Array, emit: Emit): void {
    if (this.#hasEnded) return;
    const data = eventData(event);
    if (data === null) return;
    const value = parseJson(data);
    if (isErrorEvent(event)) this.#fail(data, emit);
    else if (isObject(value)) this.step(value, data, emit);
  }

  end(emit: Emit): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    emit({ type: "fail", failure: failureOf("ended_early") });
  }

  /** Takes the value of one event; `data` is its text. */
  step(value: JsonObject, data: string, emit: Emit): void {
    if (this.#hasEnded) return;
    switch (value.type) {
      case "message_start":
        this.#start(emit);
        if (isObject(value.message)) this.#count(value.message.usage);
        break;
      case "content_block_start":
        this.#start(emit);
        if (isObject(value.content_block)) this.#open(value.index, value.content_block, emit);
        break;
      case "content_block_delta":
        if (isObject(value.delta)) this.#delta(value.index, value.delta, emit);
        break;
      case "content_block_stop":
        this.#close(value.index, emit);
        break;
      case "message_delta":
        // A later one replaces what it names.
        this.#count(value.usage);
        if (isObject(value.delta)) this.#noteStop(value.delta);
        break;
      case "message_stop":
        this.#finish(emit);
        break;
      case "ping":
        emit({ type: "ping" });
        break;
      case "error":
      case undefined:
        if (value.error != null || value.type === "error") this.#fail(data, emit);
    }
  }

  #start(emit: Emit): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    emit({ type: "start" });
  }

  #count(usage: Json | undefined): void {
    this.#usage = usageFromMessages(usage, this.#usage);
  }

  #noteStop(delta: JsonObject): void {
    if (typeof delta.stop_reason !== "string") return;
    this.#stop = {
      reason: STOP_REASON.get(delta.stop_reason) ?? "end",
      sequence: typeof delta.stop_sequence === "string" ? delta.stop_sequence : undefined,
    };
  }

  #open(index: Json | undefined, block: JsonObject, emit: Emit): void {
    this.#close(index, emit);
    this.#blocks.set(index, this.#begin(block, emit));
  }

  #begin(block: JsonObject, emit: Emit): OpenBlock {
    switch (block.type) {
      case "text": {
        const key = this.#keys++;
        emit({ type: "open", key, block: { kind: "text" } });
        this.#say(key, block.text, emit);
        return { kind: "text", key };
      }
      case "thinking":
        return this.#think(block, emit);
      case "redacted_thinking":
        this.#redact(block, emit);
        return { kind: "ignored" };
      case "tool_use":
        return this.#call(block, emit);
      case "server_tool_use":
        return block.name === "web_search" ? this.#search(block, emit) : { kind: "ignored" };
      case "web_search_tool_result":
        this.#found(block, emit);
        return { kind: "ignored" };
      default:
        return { kind: "ignored" };
    }
  }

  #think(block: JsonObject, emit: Emit): OpenBlock {
    const key = this.#keys++;
    emit({ type: "open", key, block: { kind: "thinking" } });
    this.#say(key, block.thinking, emit);
    return { kind: "thinking", key, text: stringOr(block.thinking), signature: stringOr(block.signature) };
  }

  #redact(block: JsonObject, emit: Emit): void {
    const key = this.#keys++;
    emit({ type: "open", key, block: { kind: "redacted" } });
    const redacted = stringOr(block.data);
    if (redacted !== "") emit({ type: "opaque", key, payload: { from: "messages", redacted } });
    emit({ type: "close", key });
  }

  #call(block: JsonObject, emit: Emit): OpenBlock {
    const key = this.#keys++;
    const [id, name] = [stringOr(block.id), stringOr(block.name)];
    emit({ type: "open", key, block: { kind: "tool", id, call: "function", name } });
    const isFull = isObject(block.input) && Object.keys(block.input).length > 0;
    return { kind: "tool", key, whole: isFull ? JSON.stringify(block.input) : "" };
  }

  #search(block: JsonObject, emit: Emit): OpenBlock {
    const [key, id] = [this.#keys++, stringOr(block.id)];
    this.#found({ tool_use_id: id }, emit);
    emit({ type: "open", key, block: { kind: "search", id } });
    this.#searches.set(id, { key, queries: queriesOf(block.input) });
    return { kind: "search", id, input: "" };
  }

  /** Ends the search that the results belong to. */
  #found(block: JsonObject, emit: Emit): void {
    const id = stringOr(block.tool_use_id);
    const search = this.#searches.get(id);
    if (search === undefined) return;
    this.#searches.delete(id);
    const { key, queries } = search;
    emit({ type: "found", key, queries, results: searchResults(block.content) });
    emit({ type: "close", key });
  }

  #delta(index: Json | undefined, delta: JsonObject, emit: Emit): void {
    const block = this.#blocks.get(index);
    switch (block?.kind) {
      case "text":
        if (delta.type === "citations_delta") cite(block.key, delta.citation, emit);
        else this.#say(block.key, delta.text, emit);
        break;
      case "thinking":
        if (delta.type === "signature_delta") block.signature += stringOr(delta.signature);
        else if (this.#keep(stringOr(delta.thinking), emit)) {
          block.text += stringOr(delta.thinking);
          this.#say(block.key, delta.thinking, emit);
        }
        break;
      case "tool":
        if (stringOr(delta.partial_json) !== "") block.whole = "";
        this.#say(block.key, delta.partial_json, emit);
        break;
      case "search":
        if (this.#keep(stringOr(delta.partial_json), emit)) block.input += stringOr(delta.partial_json);
        break;
    }
  }

  #say(key: BlockKey, text: Json | undefined, emit: Emit): void {
    if (typeof text === "string" && text !== "") emit({ type: "delta", key, text });
  }

  /** True where the text may be kept in memory. */
  #keep(text: string, emit: Emit): boolean {
    if (this.#budget.take(text.length)) return true;
    this.#hasEnded = true;
    emit({
      type: "fail",
      failure: failureOf("too_large", "the model's thinking is too large to translate"),
    });
    return false;
  }

  #close(index: Json | undefined, emit: Emit): void {
    const block = this.#blocks.get(index);
    this.#blocks.delete(index);
    switch (block?.kind) {
      case "text":
        emit({ type: "close", key: block.key });
        break;
      case "thinking": {
        const { key, text, signature } = block;
        if (signature !== "") emit({ type: "opaque", key, payload: { from: "messages", signature, text } });
        emit({ type: "close", key });
        break;
      }
      case "tool":
        this.#say(block.key, block.whole, emit);
        emit({ type: "close", key: block.key });
        break;
      case "search": {
        const search = this.#searches.get(block.id);
        if (search !== undefined && block.input !== "") search.queries = queriesOf(parseJson(block.input));
      }
    }
  }

  #finish(emit: Emit): void {
    if (this.#stop === undefined) {
      this.#hasEnded = true;
      emit({ type: "fail", failure: { ...brokenStream("no_stop_reason"), status: 502 } });
      return;
    }
    this.#start(emit);
    for (const index of [...this.#blocks.keys()]) this.#close(index, emit);
    for (const id of [...this.#searches.keys()]) this.#found({ tool_use_id: id }, emit);
    this.#hasEnded = true;
    emit({ type: "usage", usage: this.#usage });
    emit({ type: "stop", ...this.#stop });
  }

  #fail(data: string, emit: Emit): void {
    this.#hasEnded = true;
    emit({ type: "fail", failure: failureFrom(data) });
  }
}

function stringOr(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function queriesOf(input: Json | undefined): string[] {
  return isObject(input) && typeof input.query === "string" ? [input.query] : [];
}

function cite(key: BlockKey, value: Json | undefined, emit: Emit): void {
  if (!isObject(value) || typeof value.url !== "string") return;
  emit({ type: "cite", key, citation: { url: value.url, title: stringOr(value.title) } });
}
