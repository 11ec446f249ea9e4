/**
 * The model's events as a Messages stream (providers/claude.md §3.3): one block open at a time, indexes from 0 without gaps.
 * A block that begins meanwhile waits, and nothing is written before the first content, so that an early failure stands
 * alone.
 */
import type { JsonObject } from "../../../json.ts";
import { failureEvents } from "../../stream-errors.ts";
import { writeCarrier } from "../carriers/carrier.ts";
import type { EventEncoder, ResponseContext } from "../codec.ts";
import { failureFor, failureOf } from "../failures.ts";
import type { Block, BlockKey, ResponseEvent, ResponseFailure, SearchResult } from "../model.ts";
import { portableId } from "../tools/ids.ts";
import { NO_USAGE, usageToMessages } from "../values/usage.ts";
import { searchBlocks, stopReason } from "./response-blocks.ts";

/** A block that was opened and not yet written to its end. */
interface PendingBlock {
  readonly block: Block;
  /** Written to the client under this index; undefined: it waits, or there is nothing of it yet. */
  index: number | undefined;
  /** Text that came while it waited. */
  waiting: string;
  signature: string;
  queries: readonly string[];
  results: readonly SearchResult[];
  isClosed: boolean;
}

export class MessagesEncoder implements EventEncoder {
  readonly #context: ResponseContext;
  /** In order of opening; the first is the one that is written. */
  readonly #pending = new Map<BlockKey, PendingBlock>();
  #out = "";
  #index = 0;
  #usage = NO_USAGE;
  #hasBegun = false;
  #hasCall = false;
  #hasEnded = false;

  constructor(context: ResponseContext) {
    this.#context = context;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  write(event: ResponseEvent): string | null {
    if (this.#hasEnded) return null;
    this.#out = "";
    this.#step(event);
    return this.#out === "" ? null : this.#out;
  }

  keepAlive(): string {
    // Clients that read events one by one do not expect any before `message_start`.
    return this.#hasBegun ? PING : ": keep-alive\n\n";
  }

  #step(event: ResponseEvent): void {
    switch (event.type) {
      case "open":
        this.#pending.set(event.key, newBlock(event.block));
        break;
      case "delta":
        this.#delta(event.key, event.text);
        break;
      case "opaque":
        this.#change(event.key, { signature: writeCarrier(this.#context.owner, event.payload) });
        break;
      case "found":
        this.#change(event.key, { queries: event.queries, results: event.results });
        break;
      case "close":
        this.#close(event);
        break;
      case "usage":
        this.#usage = event.usage;
        break;
      case "stop":
        this.#stop(event);
        break;
      case "fail":
        this.#fail(event.failure);
        break;
      case "ping":
        if (this.#hasBegun) this.#out += PING;
    }
  }

  #delta(key: BlockKey, text: string): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    if (this.#isFirst(key)) {
      this.#begin(pending);
      this.#out += deltaEvent(pending, text);
    } else if (this.#context.budget.take(text.length)) pending.waiting += text;
    else this.#fail(failureOf("too_large", "the model's parallel tool calls are too large to translate"));
  }

  #change(key: BlockKey, change: Partial<PendingBlock>): void {
    const pending = this.#pending.get(key);
    if (pending !== undefined) Object.assign(pending, change);
  }

  #close({ key, cut }: Extract<ResponseEvent, { type: "close" }>): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    pending.isClosed = true;
    if (pending.block.kind === "tool" && cut !== true) this.#hasCall = true;
    this.#advance();
  }

  #isFirst(key: BlockKey): boolean {
    for (const first of this.#pending.keys()) return first === key;
    return false;
  }

  /** Writes what is whole from the front of the queue, and what there is of the block after it. */
  #advance(): void {
    for (const [key, pending] of this.#pending) {
      if (pending.waiting !== "" || (pending.isClosed && isWritten(pending))) this.#begin(pending);
      if (pending.waiting !== "") {
        this.#out += deltaEvent(pending, pending.waiting);
        pending.waiting = "";
      }
      if (!pending.isClosed) return;
      this.#finish(pending);
      this.#pending.delete(key);
    }
  }

  /** Writes the start of a block once. */
  #begin(pending: PendingBlock): void {
    if (pending.index !== undefined) return;
    this.#beginMessage();
    pending.index = this.#index++;
    this.#out += startEvent(pending.index, contentBlock(pending.block));
  }

  #finish(pending: PendingBlock): void {
    const { block, index, signature, queries, results } = pending;
    if (block.kind === "search") this.#writeSearch(searchBlocks(block.id, queries, results));
    if (index === undefined) return;
    if (signature !== "")
      this.#out += eventOf("content_block_delta", {
        index,
        delta: { type: "signature_delta", signature },
      });
    this.#out += eventOf("content_block_stop", { index });
  }

  #writeSearch([use = {}, result = {}]: JsonObject[]): void {
    this.#beginMessage();
    const index = this.#index;
    this.#index += 2;
    this.#out += startEvent(index, { ...use, input: {} });
    const input = { type: "input_json_delta", partial_json: JSON.stringify(use.input) };
    this.#out += eventOf("content_block_delta", { index, delta: input });
    this.#out += eventOf("content_block_stop", { index });
    this.#out += startEvent(index + 1, result);
    this.#out += eventOf("content_block_stop", { index: index + 1 });
  }

  #beginMessage(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const { id, model } = this.#context;
    const message = {
      id: `msg_${id}`,
      type: "message",
      role: "assistant",
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: usageToMessages(this.#usage),
    };
    this.#out += eventOf("message_start", { message });
  }

  #stop({ reason, sequence = null }: { reason: Parameters<typeof stopReason>[0]; sequence?: string | null }) {
    for (const pending of this.#pending.values()) pending.isClosed = true;
    this.#advance();
    this.#beginMessage();
    this.#hasEnded = true;
    const delta = { stop_reason: stopReason(reason, this.#hasCall), stop_sequence: sequence };
    this.#out += eventOf("message_delta", { delta, usage: usageToMessages(this.#usage) });
    this.#out += eventOf("message_stop", {});
  }

  #fail(failure: ResponseFailure): void {
    this.#hasEnded = true;
    const { requestId, model } = this.#context;
    const facts = { requestId, model, begun: this.#hasBegun };
    this.#out += failureEvents("messages", failureFor("messages", failure), facts);
  }
}

const PING = eventOf("ping", {});

function newBlock(block: Block): PendingBlock {
  return {
    block,
    index: undefined,
    waiting: "",
    signature: "",
    queries: [],
    results: [],
    isClosed: false,
  };
}

/** Whether a block is written though it has no text: a call, and thinking that the provider wants back. */
function isWritten({ block, signature }: PendingBlock): boolean {
  return block.kind === "tool" || signature !== "";
}

function contentBlock(block: Block): JsonObject {
  switch (block.kind) {
    case "tool":
      return { type: "tool_use", id: portableId(block.id), name: block.name, input: {} };
    case "thinking":
    case "redacted":
      return { type: "thinking", thinking: "", signature: "" };
    default:
      return { type: "text", text: "" };
  }
}

/** The bulk of every stream: written around the one value that is new. */
function deltaEvent({ block, index }: PendingBlock, text: string): string {
  const [type, member] = DELTA[block.kind];
  return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${member}":${JSON.stringify(text)}}}\n\n`;
}

const DELTA: Record<Block["kind"], readonly [type: string, member: string]> = {
  text: ["text_delta", "text"],
  refusal: ["text_delta", "text"],
  thinking: ["thinking_delta", "thinking"],
  redacted: ["thinking_delta", "thinking"],
  tool: ["input_json_delta", "partial_json"],
  search: ["input_json_delta", "partial_json"],
};

function startEvent(index: number, block: JsonObject): string {
  return eventOf("content_block_start", { index, content_block: block });
}

function eventOf(type: string, members: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`;
}
