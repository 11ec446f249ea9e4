/** The output items of a response to a client, built from the model's events: what a stream shows and what a fold returns. */
import { isObject, type Json, type JsonObject, parseJson } from "../../../json.ts";
import { writeCarrier } from "../carriers/carrier.ts";
import type { ResponseContext } from "../codec.ts";
import type { Block, BlockKey, Citation, ResponseEvent, SearchResult } from "../model.ts";
import { hasEncryptedArgument } from "./decode-tools.ts";

/** One item that is being filled. */
export interface OutputItem {
  readonly index: number;
  readonly id: string;
  readonly block: Block;
  /** The text, refusal, summary, arguments or input so far. */
  text: string;
  readonly citations: Citation[];
  /** A carrier for the client to send back. */
  sealed: string | undefined;
  queries: readonly string[];
  results: readonly SearchResult[];
  isCut: boolean;
}

/** Prefix of an item's id by its block. */
const ID_PREFIX: Record<Block["kind"], string> = {
  text: "msg",
  refusal: "msg",
  thinking: "rs",
  redacted: "rs",
  tool: "fc",
  search: "ws",
};

/** The namespace of Codex's tools for subagents, whose arguments it otherwise takes for encrypted. */
const COLLABORATION = "collaboration";

export class OutputWriter {
  readonly #context: ResponseContext;
  readonly #open = new Map<BlockKey, OutputItem>();
  readonly #items: OutputItem[] = [];
  readonly #encrypted: ReadonlySet<string>;

  constructor(context: ResponseContext) {
    this.#context = context;
    this.#encrypted = encryptedTools(context.body);
  }

  open(key: BlockKey, block: Block): OutputItem {
    const index = this.#items.length;
    const id = `${ID_PREFIX[block.kind]}_${this.#context.id}_${index}`;
    const item: OutputItem = {
      index,
      id,
      block,
      text: "",
      citations: [],
      sealed: undefined,
      queries: [],
      results: [],
      isCut: false,
    };
    this.#open.set(key, item);
    this.#items.push(item);
    return item;
  }

  /** The open item of a block; undefined for one that was never opened, or is closed. */
  at(key: BlockKey): OutputItem | undefined {
    return this.#open.get(key);
  }

  /** Adds to an item's text. False where the response is larger than may be kept. */
  add(item: OutputItem, words: string): boolean {
    item.text += words;
    return this.#context.budget.take(words.length);
  }

  seal(item: OutputItem, { payload }: Extract<ResponseEvent, { type: "opaque" }>): boolean {
    item.sealed = writeCarrier(this.#context.owner, payload);
    return this.#context.budget.take(item.sealed.length);
  }

  close(key: BlockKey): void {
    this.#open.delete(key);
  }

  /** The items in their order, finished. */
  output(): JsonObject[] {
    return this.#items.map((item) => this.finished(item));
  }

  /** The item as its first event shows it. */
  begun(item: OutputItem): JsonObject {
    const { block, id } = item;
    switch (block.kind) {
      case "text":
      case "refusal":
        return { id, type: "message", status: "in_progress", role: "assistant", content: [] };
      case "thinking":
      case "redacted":
        return { id, type: "reasoning", summary: [] };
      case "tool":
        return this.#call(item, block, "in_progress", "");
      case "search":
        return { id, type: "web_search_call", status: "in_progress", action: { type: "search", query: "" } };
    }
  }

  finished(item: OutputItem): JsonObject {
    const { block, id, isCut } = item;
    const status = isCut ? "incomplete" : "completed";
    switch (block.kind) {
      case "text":
      case "refusal":
        return { id, type: "message", status, role: "assistant", content: [contentOf(item)] };
      case "thinking":
      case "redacted":
        return { id, type: "reasoning", summary: summaryOf(item), ...sealedOf(item) };
      case "tool":
        return this.#call(item, block, status, item.text);
      case "search":
        return { id, type: "web_search_call", status, action: searchAction(item) };
    }
  }

  #call(
    item: OutputItem,
    block: Extract<Block, { kind: "tool" }>,
    status: string,
    input: string,
  ): JsonObject {
    const { id } = item;
    const { id: call_id, call, namespace, name } = block;
    const place = namespace === undefined ? {} : { namespace };
    if (call === "custom") return { id, type: "custom_tool_call", status, call_id, ...place, name, input };
    if (call === "search") {
      const value = parseJson(input === "" ? "{}" : input);
      const args = isObject(value) ? value : {};
      return { id, type: "tool_search_call", status, call_id, execution: "client", arguments: args };
    }
    const isEncrypted = namespace === COLLABORATION || this.#encrypted.has(toolKey(namespace, name));
    return {
      id,
      type: "function_call",
      status,
      call_id,
      ...place,
      name,
      arguments: input,
      ...(isEncrypted ? { encrypted_function_args: [] } : {}),
    };
  }
}

/** The content part of a message with one text. */
export function contentOf({ block, text, citations }: OutputItem): JsonObject {
  if (block.kind === "refusal") return { type: "refusal", refusal: text };
  return { type: "output_text", text, annotations: citations.map(annotationOf(text.length)), logprobs: [] };
}

/** `end`: where the text ends by now, for a citation without a place. */
export function annotationOf(end: number): (citation: Citation) => JsonObject {
  return ({ url, title, start, end: to }) => ({
    type: "url_citation",
    start_index: start ?? 0,
    end_index: to ?? end,
    url,
    title,
  });
}

export function summaryOf({ text }: OutputItem): JsonObject[] {
  return text === "" ? [] : [{ type: "summary_text", text }];
}

function sealedOf({ sealed }: OutputItem): JsonObject {
  return sealed === undefined ? {} : { encrypted_content: sealed };
}

function searchAction({ queries, results }: OutputItem): JsonObject {
  return {
    type: "search",
    query: queries[0] ?? "",
    queries: [...queries],
    sources: results.map(({ url }) => ({ type: "url", url })),
  };
}

/** The client's tools that have an argument which OpenAI would encrypt, whether declared at the top or in the input. */
function encryptedTools(body: JsonObject): Set<string> {
  const found = new Set<string>();
  const visit = (tools: Json | undefined, namespace: string | undefined) => {
    for (const tool of Array.isArray(tools) ? tools : []) {
      if (!isObject(tool) || typeof tool.name !== "string") continue;
      if (tool.type === "namespace") visit(tool.tools, tool.name);
      else if (hasEncryptedArgument(tool.parameters)) found.add(toolKey(namespace, tool.name));
    }
  };
  visit(body.tools, undefined);
  for (const item of Array.isArray(body.input) ? body.input : [])
    if (isObject(item) && (item.type === "additional_tools" || item.type === "tool_search_output"))
      visit(item.tools, undefined);
  return found;
}

function toolKey(namespace: string | undefined, name: string): string {
  return JSON.stringify([namespace ?? null, name]);
}
