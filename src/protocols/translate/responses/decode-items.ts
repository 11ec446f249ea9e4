/**
 * Reads the input of a Responses request, item by item (docs/providers/codex.md §2.2): item i of the model depends on the
 * input up to i alone.
 */
import { isObject, type Json, type JsonObject, text } from "../../../json.ts";
import { isReference } from "../../responses/references.ts";
import { readCarrier } from "../carriers/carrier.ts";
import type { DroppedField } from "../changes.ts";
import { type BodyPath, join, type Losses, listAt, malformed, objectAt, stringAt } from "../losses.ts";
import type { CallKind, Item, SearchResult, TextPart, Tool } from "../model.ts";
import { decodeContent, decodeOutput, decodeTexts } from "./decode-parts.ts";
import { decodeTools, TOOL_SEARCH } from "./decode-tools.ts";

/** Calls that only OpenAI's models make and only OpenAI can continue, by the beginning of their type. */
const VENDOR_ONLY: readonly [prefix: string, field: DroppedField][] = [
  ["image_generation_call", "image_generation"],
  ["mcp_", "mcp"],
  ["code_interpreter_call", "code_interpreter"],
  ["computer_call", "computer"],
  ["file_search_call", "file_search"],
];

/** Calls that the client runs and that are no functions: their action is the arguments. */
const CLIENT_CALLS: ReadonlyMap<string, { readonly name: string; readonly member: string }> = new Map([
  ["local_shell_call", { name: "local_shell", member: "action" }],
  ["shell_call", { name: "shell", member: "action" }],
  ["apply_patch_call", { name: "apply_patch", member: "operation" }],
]);

export interface DecodedInput {
  /** System and developer texts before everything else. */
  readonly system: readonly TextPart[];
  readonly items: readonly Item[];
  /** Tools that items add, in order. */
  readonly tools: readonly Tool[];
}

export function decodeInput(input: Json | undefined, losses: Losses): DecodedInput {
  const reader = new InputReader(losses);
  if (typeof input === "string") {
    if (input !== "") reader.add({ role: "user", content: input }, "input");
  } else if (input !== undefined && input !== null) {
    listAt(input, "input").forEach((item, index) => {
      const at = join("input", index);
      reader.add(objectAt(item, at), at);
    });
  }
  return reader;
}

class InputReader implements DecodedInput {
  readonly system: TextPart[] = [];
  readonly items: Item[] = [];
  readonly tools: Tool[] = [];
  readonly #losses: Losses;
  /** Nothing but system and developer texts so far. */
  #isOpening = true;

  constructor(losses: Losses) {
    this.#losses = losses;
  }

  add(item: JsonObject, at: BodyPath): void {
    const type = text(item.type) ?? (item.role === undefined ? "" : "message");
    // Tools may be added before the system text, and are no part of the conversation.
    if (type === "additional_tools") {
      this.tools.push(...decodeTools(item.tools, join(at, "tools"), this.#losses));
      return;
    }
    if (type === "message") {
      this.#message(item, at);
      return;
    }
    if (isReference(item)) {
      this.#losses.change(at, "dropped:item_reference");
      return;
    }
    this.#isOpening = false;
    this.#other(type, item, at);
  }

  #message(item: JsonObject, at: BodyPath): void {
    const { role } = item;
    const content = join(at, "content");
    if (role === "system" || role === "developer") {
      const parts = decodeTexts(item.content, content, this.#losses);
      if (this.#isOpening) this.system.push(...parts.filter(isNotBlank));
      else if (parts.length > 0) this.items.push({ type: "message", role: "developer", parts, at });
      return;
    }
    if (role !== "user" && role !== "assistant")
      malformed(join(at, "role"), 'must be "user", "assistant", "system" or "developer"');
    this.#isOpening = false;
    const parts = decodeContent(item.content, content, this.#losses);
    if (parts.length > 0) this.items.push({ type: "message", role, parts, at });
  }

  #other(type: string, item: JsonObject, at: BodyPath): void {
    switch (type) {
      case "reasoning":
        this.items.push(reasoningOf(item, at));
        return;
      case "function_call":
        this.#call("function", item, at, stringAt(item.arguments, join(at, "arguments")));
        return;
      case "custom_tool_call":
        this.#call("custom", item, at, stringAt(item.input, join(at, "input")));
        return;
      case "tool_search_call":
        this.#searchCall(item, at);
        return;
      case "tool_search_output":
        this.#searchOutput(item, at);
        return;
      case "web_search_call":
        this.items.push(webSearchOf(item, at));
        return;
      case "agent_message":
        this.#agentMessage(item, at);
        return;
    }
    const call = CLIENT_CALLS.get(type);
    if (call !== undefined) this.#clientCall(call, item, at);
    else if (type.startsWith("compaction")) this.#refuseCompaction(item, at);
    else if (type.endsWith("_call_output") && !isVendorOnly(type)) this.#output(item, at);
    else
      this.#losses.change(
        at,
        `dropped:${VENDOR_ONLY.find(([begin]) => type.startsWith(begin))?.[1] ?? "unknown"}`,
      );
  }

  #call(kind: CallKind, item: JsonObject, at: BodyPath, input: string): void {
    const name = text(item.name) ?? malformed(join(at, "name"), "must be a string that is not empty");
    this.items.push({
      type: "call",
      kind,
      id: callId(item, at),
      namespace: text(item.namespace),
      name,
      input,
      at,
    });
  }

  #clientCall({ name, member }: { name: string; member: string }, item: JsonObject, at: BodyPath): void {
    const input = JSON.stringify(item[member] ?? {});
    this.items.push({ type: "call", kind: "function", id: callId(item, at), name, input, at });
  }

  #searchCall(item: JsonObject, at: BodyPath): void {
    // A search that OpenAI ran has no result of the client's.
    if (text(item.call_id) === undefined) {
      this.#losses.change(at, "dropped:tool_search");
      return;
    }
    const { arguments: given } = item;
    const input = typeof given === "string" ? given : JSON.stringify(given ?? {});
    this.items.push({ type: "call", kind: "search", id: callId(item, at), name: TOOL_SEARCH, input, at });
  }

  /** The tools that were found are tools from here on; the model is told their names. */
  #searchOutput(item: JsonObject, at: BodyPath): void {
    const found = decodeTools(item.tools, join(at, "tools"), this.#losses);
    this.tools.push(...found);
    if (text(item.call_id) === undefined) return;
    const names = found.flatMap((tool) => (tool.type === "web_search" ? [] : [toolTitle(tool)]));
    const words = names.length === 0 ? "No tools were found." : `Found tools: ${names.join(", ")}`;
    const parts = [{ type: "text", text: words, at } as const];
    this.items.push({ type: "result", callId: callId(item, at), parts, isError: false, at });
  }

  #output(item: JsonObject, at: BodyPath): void {
    const parts = decodeOutput(item.output, join(at, "output"), this.#losses);
    this.items.push({ type: "result", callId: callId(item, at), parts, isError: false, at });
  }

  /** What another agent of the client's wrote: the user's words, with the author before them. */
  #agentMessage(item: JsonObject, at: BodyPath): void {
    const content = Array.isArray(item.content) ? item.content : [];
    const sealed = content.findIndex((part) => isObject(part) && part.type === "encrypted_content");
    if (sealed !== -1) {
      this.#losses.refuse(
        join(join(at, "content"), sealed),
        "only OpenAI's models can read it",
        "Start a new session, or stay on an OpenAI model.",
      );
      return;
    }
    const parts = decodeContent(item.content, join(at, "content"), this.#losses);
    const author = text(item.author) ?? text(item.sender) ?? "another agent";
    const heading: TextPart = { type: "text", text: `Message from ${author}:`, at };
    if (parts.length > 0) this.items.push({ type: "message", role: "user", parts: [heading, ...parts], at });
  }

  #refuseCompaction(item: JsonObject, at: BodyPath): void {
    if (text(item.encrypted_content) === undefined) {
      this.#losses.change(at, "dropped:unknown");
      return;
    }
    this.#losses.refuse(
      at,
      "only OpenAI's models can read a conversation that they compacted",
      "Start a new session, or compact on this model.",
    );
  }
}

function isVendorOnly(type: string): boolean {
  return VENDOR_ONLY.some(([begin]) => type.startsWith(begin));
}

function isNotBlank({ text: words }: TextPart): boolean {
  return words.trim() !== "";
}

function toolTitle({ namespace, name }: { namespace?: string | undefined; name: string }): string {
  return namespace === undefined ? name : `${namespace}.${name}`;
}

function callId(item: JsonObject, at: BodyPath): string {
  return (
    text(item.call_id) ??
    text(item.id) ??
    malformed(join(at, "call_id"), "must be a string that is not empty")
  );
}

function reasoningOf(item: JsonObject, at: BodyPath): Item {
  const parts = [item.summary, item.content].flatMap((list) => (Array.isArray(list) ? list : []));
  const words = parts.flatMap((part) => (isObject(part) && typeof part.text === "string" ? [part.text] : []));
  return {
    type: "reasoning",
    text: words.join("\n\n"),
    carrier: readCarrier(text(item.encrypted_content)),
    at,
  };
}

function webSearchOf(item: JsonObject, at: BodyPath): Item {
  return { type: "search", ...searchOf(item), at };
}

/** What a `web_search_call` looked for and found. */
export function searchOf({ action }: JsonObject): { queries: string[]; results: SearchResult[] } {
  if (!isObject(action)) return { queries: [], results: [] };
  const many = Array.isArray(action.queries) ? action.queries : [action.query];
  const queries = many.filter((query) => typeof query === "string" && query !== "") as string[];
  const sources = Array.isArray(action.sources) ? action.sources : [action];
  const results = sources.flatMap((source) => {
    const url = isObject(source) ? text(source.url) : undefined;
    return url === undefined
      ? []
      : [{ url, title: (isObject(source) ? text(source.title) : undefined) ?? "" }];
  });
  return { queries, results };
}
