/** The messages of a Messages request as items, in the order of their blocks. */
import { isObject, type Json, type JsonObject } from "../../../json.ts";
import { readCarrier } from "../carriers/carrier.ts";
import {
  type BodyPath,
  booleanIn,
  join,
  type Losses,
  listAt,
  malformed,
  objectAt,
  stringAt,
  stringIn,
} from "../losses.ts";
import type { CacheMark, Item, MediaSource, MessageItem, Part, ResultPart, SearchResult } from "../model.ts";
import { cacheMark } from "../values/cache.ts";
import type { ToolList } from "./decode-tools.ts";

const MESSAGE_FIELDS: ReadonlySet<string> = new Set(["role", "content", "output_config", "clear_at"]);

/** Blocks of tools that Anthropic runs, web search apart. */
const SERVER_BLOCK = /^(server_tool_use|mcp_tool_use|mcp_tool_listing|[a-z_]+_tool_result)$/;

/** The name of Claude Code's own tool search, whose results define tools (2.1.330). */
const TOOL_SEARCH = "ToolSearch";

/** Members of the blocks that are read; what is not here, and not in `SHARED_FIELDS`, is declared. */
const BLOCK_FIELDS: Readonly<Record<string, readonly string[]>> = {
  text: ["text", "citations"],
  image: ["source"],
  document: ["source", "title", "context", "citations"],
  search_result: ["source", "title", "content", "citations"],
  thinking: ["thinking", "signature"],
  redacted_thinking: ["data"],
  tool_use: ["id", "name", "input", "caller"],
  tool_result: ["tool_use_id", "content", "is_error"],
  compaction: ["content", "encrypted_content", "signature", "tool_changes"],
  tool_addition: ["tool"],
  tool_reference: ["tool_name"],
};
const SHARED_FIELDS: readonly string[] = ["type", "cache_control"];
const KNOWN_FIELDS: ReadonlyMap<Json | undefined, ReadonlySet<string>> = new Map(
  Object.entries(BLOCK_FIELDS).map(([type, names]) => [type, new Set([...SHARED_FIELDS, ...names])]),
);

export class Conversation {
  readonly items: Item[] = [];
  /** The last effort that a message of role `system` set. */
  effort: Json | undefined;
  readonly #tools: ToolList;
  readonly #losses: Losses;
  /** Queries of web searches whose results have not come yet, by id. */
  readonly #searches = new Map<string, { queries: string[]; at: BodyPath }>();
  /** Ids of calls of the client's tool search. */
  readonly #toolSearches = new Set<string>();
  /** The message that further parts join. */
  #open: { role: MessageItem["role"]; parts: Part[]; at: BodyPath } | undefined;

  constructor(tools: ToolList, losses: Losses) {
    this.#tools = tools;
    this.#losses = losses;
  }

  addAll(messages: readonly Json[]): void {
    messages.forEach((message, index) => {
      this.#message(objectAt(message, join("messages", index)), join("messages", index));
    });
    const last = messages.at(-1);
    if (isObject(last) && last.role === "assistant")
      this.#losses.change(join("messages", messages.length - 1), "dropped:prefill");
  }

  #message(message: JsonObject, at: BodyPath): void {
    this.#losses.unknown(message, MESSAGE_FIELDS, at);
    const { role } = message;
    if (role !== "user" && role !== "assistant" && role !== "system")
      malformed(join(at, "role"), "must be `user`, `assistant` or `system`");
    if (isObject(message.output_config)) this.effort = message.output_config.effort ?? this.effort;
    const content = message.content ?? [];
    if (typeof content === "string") this.#text(role, content, undefined, at);
    else
      listAt(content, join(at, "content")).forEach((value, index) => {
        const path = join(join(at, "content"), index);
        const block = this.#block(value, path);
        if (role === "system") this.#systemBlock(block, path);
        else if (role === "user") this.#userBlock(block, path);
        else this.#assistantBlock(block, path);
      });
    this.#finishSearches();
    this.#close();
  }

  #block(value: Json | undefined, at: BodyPath): JsonObject {
    const block = objectAt(value, at);
    const known = KNOWN_FIELDS.get(block.type);
    if (known !== undefined) this.#losses.unknown(block, known, at);
    return block;
  }

  #systemBlock(block: JsonObject, at: BodyPath): void {
    switch (block.type) {
      case "text":
        this.#text("system", stringAt(block.text, join(at, "text")), block, at);
        break;
      case "tool_addition":
        this.#tools.addition(block.tool, join(at, "tool"));
        break;
      case "tool_removal":
        this.#losses.change(at, "dropped:tool_removal");
        break;
      default:
        this.#losses.change(at, "dropped:unknown");
    }
  }

  #userBlock(block: JsonObject, at: BodyPath): void {
    if (block.type === "tool_result") {
      this.#result(block, at);
      return;
    }
    const parts = this.#part(block, at);
    if (parts === undefined) this.#either(block, "user", at);
    else for (const part of parts) this.#add("user", part, at);
  }

  #assistantBlock(block: JsonObject, at: BodyPath): void {
    switch (block.type) {
      case "text":
        this.#text("assistant", stringAt(block.text, join(at, "text")), block, at);
        break;
      case "thinking":
        this.#reasoning(stringIn(block, "thinking", at) ?? "", stringIn(block, "signature", at), at);
        break;
      case "redacted_thinking":
        this.#reasoning("", stringIn(block, "data", at), at);
        break;
      case "tool_use":
        this.#call(block, at);
        break;
      case "fallback":
        // Says which model wrote what follows.
        break;
      default:
        this.#either(block, "assistant", at);
    }
  }

  /** Blocks that may stand in a message of either role. */
  #either(block: JsonObject, role: "user" | "assistant", at: BodyPath): void {
    const type = stringAt(block.type, join(at, "type"));
    if (type === "compaction") this.#compaction(block, role, at);
    else if (type === "server_tool_use" && block.name === "web_search") this.#search(block, at);
    else if (type === "web_search_tool_result") this.#found(block, at);
    else if (type === "container_upload") this.#losses.change(at, "dropped:container_upload");
    else if (SERVER_BLOCK.test(type)) this.#losses.change(at, "dropped:server_tool_use");
    else this.#losses.change(at, "dropped:unknown");
  }

  #text(
    role: "user" | "assistant" | "system",
    text: string,
    block: JsonObject | undefined,
    at: BodyPath,
  ): void {
    if (text === "") return;
    const part: Part = { type: "text", text, cache: cacheMark(block?.cache_control), at };
    this.#add(role === "system" ? "developer" : role, part, at);
  }

  #add(role: MessageItem["role"], part: Part, at: BodyPath): void {
    if (this.#open === undefined) {
      this.#open = { role, parts: [], at };
      this.items.push({ type: "message", ...this.#open });
    }
    this.#open.parts.push(part);
  }

  #close(): void {
    this.#open = undefined;
  }

  #push(item: Item): void {
    this.#close();
    this.items.push(item);
  }

  #reasoning(text: string, opaque: string | undefined, at: BodyPath): void {
    this.#push({ type: "reasoning", text, carrier: readCarrier(opaque), at });
  }

  #call(block: JsonObject, at: BodyPath): void {
    const id = stringAt(block.id, join(at, "id"));
    const name = stringAt(block.name, join(at, "name"));
    if (name === TOOL_SEARCH) this.#toolSearches.add(id);
    const input = JSON.stringify(block.input ?? {});
    this.#push({ type: "call", kind: "function", id, name, input, at });
  }

  #result(block: JsonObject, at: BodyPath): void {
    const callId = stringAt(block.tool_use_id, join(at, "tool_use_id"));
    const parts = this.#resultParts(block.content, join(at, "content"));
    if (this.#toolSearches.has(callId))
      for (const part of parts) if (part.type === "text") this.#tools.found(part.text, part.at);
    this.#push({
      type: "result",
      callId,
      parts,
      isError: booleanIn(block, "is_error", at) ?? false,
      cache: cacheMark(block.cache_control),
      at,
    });
  }

  #resultParts(content: Json | undefined, at: BodyPath): ResultPart[] {
    if (content === undefined || content === null || content === "") return [];
    if (typeof content === "string") return [{ type: "text", text: content, at }];
    return listAt(content, at).flatMap((value, index) => {
      const path = join(at, index);
      const block = this.#block(value, path);
      if (block.type === "tool_reference") {
        const name = stringAt(block.tool_name, join(path, "tool_name"));
        return [{ type: "text", text: `Found the tool \`${name}\`.`, at: path }];
      }
      const parts = this.#part(block, path);
      if (parts === undefined) this.#losses.change(path, "dropped:unknown");
      return parts ?? [];
    });
  }

  /** What a user and a tool may both show; undefined for other blocks. */
  #part(block: JsonObject, at: BodyPath): ResultPart[] | undefined {
    const cache = cacheMark(block.cache_control);
    switch (block.type) {
      case "text": {
        const text = stringAt(block.text, join(at, "text"));
        return text === "" ? [] : [{ type: "text", text, cache, at }];
      }
      case "image": {
        const source = this.#source(block.source, join(at, "source"));
        return source === undefined ? [] : [{ type: "image", source, cache, at }];
      }
      case "document":
        return this.#document(block, cache, at);
      case "search_result":
        return this.#searchResult(block, cache, at);
      default:
        return undefined;
    }
  }

  #document(block: JsonObject, cache: CacheMark | undefined, at: BodyPath): ResultPart[] {
    this.#citations(block, at);
    const name = stringIn(block, "title", at);
    const context = stringIn(block, "context", at);
    const heading = [name, context].filter((line) => line).join("\n");
    const source = objectAt(block.source, join(at, "source"));
    const path = join(at, "source");
    if (source.type === "text" || source.type === "content") {
      const parts =
        source.type === "text"
          ? [stringAt(source.data, join(path, "data"))].map(
              (text): ResultPart => ({ type: "text", text, at }),
            )
          : this.#resultParts(source.content, join(path, "content"));
      return withHeading(heading, parts, cache, at);
    }
    const media = this.#source(source, path);
    const document: ResultPart[] =
      media === undefined ? [] : [{ type: "document", source: media, name, cache, at }];
    return context === undefined ? document : [{ type: "text", text: context, at }, ...document];
  }

  #searchResult(block: JsonObject, cache: CacheMark | undefined, at: BodyPath): ResultPart[] {
    this.#citations(block, at);
    const heading = [stringIn(block, "title", at), stringIn(block, "source", at)].filter((line) => line);
    return withHeading(heading.join("\n"), this.#resultParts(block.content, join(at, "content")), cache, at);
  }

  #citations({ citations }: JsonObject, at: BodyPath): void {
    if (isObject(citations) && citations.enabled === true) this.#losses.change(at, "dropped:citations");
  }

  #source(value: Json | undefined, at: BodyPath): MediaSource | undefined {
    const source = objectAt(value, at);
    switch (source.type) {
      case "base64":
        return {
          kind: "base64",
          mediaType: stringAt(source.media_type, join(at, "media_type")),
          data: stringAt(source.data, join(at, "data")),
        };
      case "url":
        return { kind: "url", url: stringAt(source.url, join(at, "url")) };
      case "file":
        this.#losses.refuse(
          join(at, "file_id"),
          "a file that was uploaded to Anthropic cannot be read elsewhere",
          "Send the file itself as base64.",
        );
        return undefined;
      default:
        return malformed(join(at, "type"), "must be `base64`, `url` or `file`");
    }
  }

  #compaction(block: JsonObject, role: "user" | "assistant", at: BodyPath): void {
    const summary = stringIn(block, "content", at);
    if (summary !== undefined) this.#text(role, summary, block, at);
    else if (stringIn(block, "encrypted_content", at) !== undefined)
      this.#losses.refuse(
        at,
        "only Claude can read this summary of earlier messages",
        "Start a new session, or compact the conversation with this model.",
      );
  }

  #search(block: JsonObject, at: BodyPath): void {
    const query = isObject(block.input) && typeof block.input.query === "string" ? [block.input.query] : [];
    this.#searches.set(stringAt(block.id, join(at, "id")), { queries: query, at });
  }

  #found(block: JsonObject, at: BodyPath): void {
    const id = stringAt(block.tool_use_id, join(at, "tool_use_id"));
    const queries = this.#searches.get(id)?.queries ?? [];
    this.#searches.delete(id);
    this.#push({ type: "search", queries, results: searchResults(block.content), at });
  }

  /** Searches without results, for example of a turn that was paused. */
  #finishSearches(): void {
    for (const { queries, at } of this.#searches.values())
      this.#push({ type: "search", queries, results: [], at });
    this.#searches.clear();
  }
}

/** The results of a `web_search_tool_result` block; none where it holds an error. */
export function searchResults(content: Json | undefined): SearchResult[] {
  if (!Array.isArray(content)) return [];
  return content.flatMap((result) =>
    isObject(result) && typeof result.url === "string"
      ? [{ url: result.url, title: typeof result.title === "string" ? result.title : "" }]
      : [],
  );
}

function withHeading(
  heading: string,
  parts: ResultPart[],
  cache: CacheMark | undefined,
  at: BodyPath,
): ResultPart[] {
  const whole: ResultPart[] = heading === "" ? parts : [{ type: "text", text: heading, at }, ...parts];
  const last = whole.at(-1);
  if (cache === undefined || last === undefined || last.type === "audio") return whole;
  return [...whole.slice(0, -1), { ...last, cache }];
}
