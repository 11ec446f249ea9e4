/** The output items of a Responses response while they come: which block of the model each one is, and how far it is read. */
import { isObject, type Json, type JsonObject, parseJson, text } from "../../../json.ts";
import type { Budget, Emit } from "../codec.ts";
import type { Block, BlockKey, Citation } from "../model.ts";
import { searchOf } from "./decode-items.ts";
import { TOOL_SEARCH } from "./decode-tools.ts";

/** The function by which older models call several at once (its calls are in its arguments). */
const PARALLEL = "multi_tool_use.parallel";

/** A block that is being filled. */
interface OpenBlock {
  readonly key: BlockKey;
  readonly kind: Block["kind"];
  /** Characters that were emitted of it. */
  length: number;
}

interface OpenItem {
  readonly type: string;
  /** By part index; a call, a search and reasoning have one at 0. */
  readonly blocks: Map<number, OpenBlock>;
  /** Reasoning: the summary or content part that was written last. */
  part: string;
  /** Arguments of a parallel call, kept until they are whole; undefined for anything else. */
  kept: string | undefined;
}

/** Events that fill an item, and the member of its part that they fill. */
const DELTAS: ReadonlyMap<string, "text" | "refusal" | "thinking" | "call"> = new Map([
  ["response.output_text.delta", "text"],
  ["response.refusal.delta", "refusal"],
  ["response.reasoning_summary_text.delta", "thinking"],
  ["response.reasoning_text.delta", "thinking"],
  ["response.function_call_arguments.delta", "call"],
  ["response.custom_tool_call_input.delta", "call"],
]);

const OTHERS: ReadonlySet<string> = new Set([
  "response.output_item.added",
  "response.output_item.done",
  "response.output_text.annotation.added",
]);

export class OutputReader {
  readonly #budget: Budget;
  readonly #open = new Map<number, OpenItem>();
  readonly #done = new Set<number>();
  #nextKey = 0;
  /** True once a tool call was opened. */
  hasCalls = false;
  /** Web searches that the provider ran. */
  searches = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** True for the type of an event that `read` understands. */
  mayRead(type: string): boolean {
    return DELTAS.has(type) || OTHERS.has(type);
  }

  /** False where what has to be kept is too large. */
  read(type: string, event: JsonObject, emit: Emit): boolean {
    const index = typeof event.output_index === "number" ? event.output_index : 0;
    if (this.#done.has(index)) return true;
    const kind = DELTAS.get(type);
    if (kind !== undefined) return this.#delta(kind, index, event, emit);
    if (type === "response.output_text.annotation.added") {
      this.#annotate(index, event, emit);
      return true;
    }
    if (!isObject(event.item)) return true;
    if (type === "response.output_item.done") return this.finish(index, event.item, emit);
    this.#add(index, event.item, emit);
    return true;
  }

  /** Takes an item's final form: writes what was not written yet, and closes its blocks. False where it is too large. */
  finish(index: number, item: JsonObject, emit: Emit): boolean {
    if (this.#done.has(index)) return true;
    this.#done.add(index);
    const open = this.#open.get(index) ?? this.#begin(index, text(item.type) ?? "");
    this.#open.delete(index);
    switch (item.type) {
      case "message":
        this.#finishMessage(open, item, emit);
        return true;
      case "reasoning":
        this.#finishReasoning(open, item, emit);
        return true;
      case "function_call":
      case "custom_tool_call":
      case "tool_search_call":
        return this.#finishCall(open, item, emit);
      case "web_search_call":
        this.#finishSearch(open, item, emit);
        return true;
      default:
        this.#closeBlocks(open, false, emit);
        return true;
    }
  }

  /** Closes what the provider left open. `isCut`: its calls are not whole. */
  closeAll(isCut: boolean, emit: Emit): void {
    for (const open of this.#open.values()) this.#closeBlocks(open, isCut, emit);
    this.#open.clear();
  }

  #begin(index: number, type: string): OpenItem {
    const item: OpenItem = { type, blocks: new Map(), part: "", kept: undefined };
    this.#open.set(index, item);
    return item;
  }

  #add(index: number, item: JsonObject, emit: Emit): void {
    const open = this.#begin(index, text(item.type) ?? "");
    if (item.type === "web_search_call") this.#openBlock(open, 0, searchBlock(item), emit);
    const call = callBlock(item);
    if (call === undefined) return;
    if (call.name === PARALLEL) open.kept = "";
    else this.#openBlock(open, 0, call, emit);
  }

  #openBlock(item: OpenItem, part: number, block: Block, emit: Emit): OpenBlock {
    const key = this.#nextKey++;
    const open: OpenBlock = { key, kind: block.kind, length: 0 };
    item.blocks.set(part, open);
    if (block.kind === "tool") this.hasCalls = true;
    emit({ type: "open", key, block });
    return open;
  }

  #delta(
    kind: "text" | "refusal" | "thinking" | "call",
    index: number,
    event: JsonObject,
    emit: Emit,
  ): boolean {
    const words = text(event.delta);
    if (words === undefined) return true;
    const item = this.#open.get(index) ?? this.#begin(index, "");
    if (kind === "call") return this.#callDelta(item, words, emit);
    if (kind === "thinking") {
      this.#thought(item, partOf(event), words, emit);
      return true;
    }
    const part = typeof event.content_index === "number" ? event.content_index : 0;
    this.#write(item.blocks.get(part) ?? this.#openBlock(item, part, { kind }, emit), words, emit);
    return true;
  }

  #callDelta(item: OpenItem, words: string, emit: Emit): boolean {
    if (item.kept !== undefined) {
      item.kept += words;
      return this.#budget.take(words.length);
    }
    const block = item.blocks.get(0);
    if (block !== undefined) this.#write(block, words, emit);
    return true;
  }

  /** Parts of one item are one block, a blank line between them. */
  #thought(item: OpenItem, part: string, words: string, emit: Emit): void {
    const block = item.blocks.get(0) ?? this.#openBlock(item, 0, { kind: "thinking" }, emit);
    if (item.part !== part && block.length > 0) emit({ type: "delta", key: block.key, text: "\n\n" });
    item.part = part;
    this.#write(block, words, emit);
  }

  #write(block: OpenBlock, words: string, emit: Emit): void {
    block.length += words.length;
    emit({ type: "delta", key: block.key, text: words });
  }

  /** What a final form has beyond what was written. */
  #writeRest(block: OpenBlock, whole: string, emit: Emit): void {
    if (whole.length > block.length) this.#write(block, whole.slice(block.length), emit);
  }

  #annotate(index: number, event: JsonObject, emit: Emit): void {
    const part = typeof event.content_index === "number" ? event.content_index : 0;
    const block = this.#open.get(index)?.blocks.get(part);
    const citation = citationOf(event.annotation);
    if (block?.kind === "text" && citation !== undefined) emit({ type: "cite", key: block.key, citation });
  }

  #finishMessage(open: OpenItem, { content }: JsonObject, emit: Emit): void {
    const parts = Array.isArray(content) ? content : [];
    for (const [index, part] of parts.entries()) {
      if (!isObject(part)) continue;
      const kind = part.type === "refusal" ? "refusal" : "text";
      const words = text(kind === "refusal" ? part.refusal : part.text);
      let block = open.blocks.get(index);
      if (block === undefined) {
        if (words === undefined) continue;
        block = this.#openBlock(open, index, { kind }, emit);
        this.#citeAll(block, part.annotations, emit);
      }
      if (words !== undefined) this.#writeRest(block, words, emit);
    }
    this.#closeBlocks(open, false, emit);
  }

  #citeAll({ key }: OpenBlock, annotations: Json | undefined, emit: Emit): void {
    for (const annotation of Array.isArray(annotations) ? annotations : []) {
      const citation = citationOf(annotation);
      if (citation !== undefined) emit({ type: "cite", key, citation });
    }
  }

  #finishReasoning(open: OpenItem, item: JsonObject, emit: Emit): void {
    const summary = textsOf(item.summary);
    const texts = summary.length > 0 ? summary : textsOf(item.content);
    const encrypted = text(item.encrypted_content);
    let block = open.blocks.get(0);
    if (block === undefined && texts.length > 0) {
      block = this.#openBlock(open, 0, { kind: "thinking" }, emit);
      this.#write(block, texts.join("\n\n"), emit);
    }
    if (block === undefined && encrypted !== undefined)
      block = this.#openBlock(open, 0, { kind: "redacted" }, emit);
    if (block !== undefined && encrypted !== undefined) {
      const payload = { from: "responses", encrypted, summary } as const;
      emit({ type: "opaque", key: block.key, payload });
    }
    this.#closeBlocks(open, false, emit);
  }

  #finishCall(open: OpenItem, item: JsonObject, emit: Emit): boolean {
    const call = callBlock(item);
    if (call === undefined) return true;
    const whole = inputOf(item);
    if (call.name === PARALLEL || open.kept !== undefined) return this.#expand(call.id, open, whole, emit);
    const block = open.blocks.get(0) ?? this.#openBlock(open, 0, call, emit);
    this.#writeRest(block, whole, emit);
    this.#closeBlocks(open, item.status === "incomplete", emit);
    return true;
  }

  /** The calls inside of a parallel call, as calls of their own. */
  #expand(id: string, open: OpenItem, whole: string, emit: Emit): boolean {
    if (!this.#budget.take(whole.length)) return false;
    const value = parseJson(whole === "" ? (open.kept ?? "") : whole);
    const uses = isObject(value) && Array.isArray(value.tool_uses) ? value.tool_uses : [];
    for (const [index, use] of uses.entries()) {
      const name = isObject(use) ? text(use.recipient_name) : undefined;
      if (name === undefined || !isObject(use)) continue;
      const bare = name.replace(/^functions\./, "");
      const block = this.#openBlock(
        open,
        index,
        { kind: "tool", id: `${id}_${index}`, call: "function", name: bare },
        emit,
      );
      this.#write(block, JSON.stringify(use.parameters ?? {}), emit);
    }
    this.#closeBlocks(open, false, emit);
    return true;
  }

  #finishSearch(open: OpenItem, item: JsonObject, emit: Emit): void {
    this.searches++;
    const { key } = open.blocks.get(0) ?? this.#openBlock(open, 0, searchBlock(item), emit);
    emit({ type: "found", key, ...searchOf(item) });
    this.#closeBlocks(open, false, emit);
  }

  #closeBlocks({ blocks }: OpenItem, isCut: boolean, emit: Emit): void {
    for (const { key, kind } of blocks.values())
      emit(isCut && kind === "tool" ? { type: "close", key, cut: true } : { type: "close", key });
    blocks.clear();
  }
}

/** Which part of a reasoning item an event fills. */
function partOf({ summary_index: summary, content_index: content }: JsonObject): string {
  return summary === undefined ? `content ${content}` : `summary ${summary}`;
}

function searchBlock(item: JsonObject): Block {
  return { kind: "search", id: text(item.id) ?? "search" };
}

function callBlock(item: JsonObject): Extract<Block, { kind: "tool" }> | undefined {
  const id = text(item.call_id) ?? text(item.id) ?? "";
  const namespace = text(item.namespace);
  const name = text(item.name) ?? "";
  switch (item.type) {
    case "function_call":
      return { kind: "tool", id, call: "function", namespace, name };
    case "custom_tool_call":
      return { kind: "tool", id, call: "custom", namespace, name };
    case "tool_search_call":
      // Without a call id OpenAI has searched itself.
      return text(item.call_id) === undefined
        ? undefined
        : { kind: "tool", id, call: "search", name: TOOL_SEARCH };
    default:
      return undefined;
  }
}

function inputOf({ type, arguments: args, input }: JsonObject): string {
  if (type === "custom_tool_call") return text(input) ?? "";
  return typeof args === "string" || args === undefined ? (args ?? "") : JSON.stringify(args);
}

function textsOf(parts: Json | undefined): string[] {
  return (Array.isArray(parts) ? parts : []).flatMap((part) =>
    isObject(part) && typeof part.text === "string" ? [part.text] : [],
  );
}

function citationOf(annotation: Json | undefined): Citation | undefined {
  if (!isObject(annotation) || annotation.type !== "url_citation") return undefined;
  const url = text(annotation.url);
  if (url === undefined) return undefined;
  return {
    url,
    title: text(annotation.title) ?? "",
    start: typeof annotation.start_index === "number" ? annotation.start_index : undefined,
    end: typeof annotation.end_index === "number" ? annotation.end_index : undefined,
  };
}
