/** Single blocks of a Messages request. */
import { isObject, type JsonObject, parseJson } from "../../../json.ts";
import { type CarrierOwner, restoreCarrier } from "../carriers/carrier.ts";
import type { Losses } from "../losses.ts";
import type {
  CacheMark,
  DocumentPart,
  MediaSource,
  Part,
  ReasoningItem,
  SearchItem,
  ToolCallItem,
  ToolResultItem,
} from "../model.ts";
import { wrapCustomInput } from "../tools/custom.ts";
import type { ToolNames } from "../tools/names.ts";
import { cacheControl } from "../values/cache.ts";
import { plainText } from "../values/media.ts";
import { searchDigest } from "../values/search.ts";
import { isBlank } from "./restore-thinking.ts";

export class BlockWriter {
  readonly #names: ToolNames;
  readonly #owner: CarrierOwner;
  readonly #losses: Losses;

  constructor(names: ToolNames, owner: CarrierOwner, losses: Losses) {
    this.#names = names;
    this.#owner = owner;
    this.#losses = losses;
  }

  /** Without those that are blank, which Claude refuses. */
  parts(parts: readonly Part[]): JsonObject[] {
    return parts.map((part) => this.#part(part)).filter((block) => block !== undefined);
  }

  search(item: SearchItem): JsonObject {
    return { type: "text", text: searchDigest(item) };
  }

  /** Developer text for a model that takes it in the user's messages alone. */
  reminders(parts: readonly Part[]): JsonObject[] {
    return parts.flatMap((part) =>
      part.type === "text"
        ? [marked({ type: "text", text: `<system-reminder>\n${part.text}\n</system-reminder>` }, part.cache)]
        : [],
    );
  }

  reasoning({ carrier }: ReasoningItem): JsonObject[] {
    const payload = restoreCarrier(carrier, this.#owner, "messages");
    if (payload === undefined) return [];
    return "redacted" in payload
      ? [{ type: "redacted_thinking", data: payload.redacted }]
      : [{ type: "thinking", thinking: payload.text, signature: payload.signature }];
  }

  call({ kind, id, namespace, name, input }: ToolCallItem): JsonObject {
    const args = kind === "custom" ? wrapCustomInput(input) : input;
    return { type: "tool_use", id, name: this.#names.alias(namespace, name), input: argumentsOf(args) };
  }

  result({ callId, parts, isError, cache }: ToolResultItem): JsonObject {
    const blocks = this.parts(parts);
    const mark = blocks.findLast((block) => block.cache_control !== undefined)?.cache_control;
    // Breakpoints inside a result would count as well: the result itself has the last of them.
    for (const block of blocks) delete block.cache_control;
    const result: JsonObject = { type: "tool_result", tool_use_id: callId };
    if (blocks.length > 0) result.content = blocks;
    if (isError) result.is_error = true;
    if (cache !== undefined) result.cache_control = cacheControl(cache);
    else if (mark !== undefined) result.cache_control = mark;
    return result;
  }

  #part(part: Part): JsonObject | undefined {
    if (isBlank(part)) return undefined;
    switch (part.type) {
      case "text":
        return marked({ type: "text", text: part.text }, part.cache);
      case "refusal":
        return { type: "text", text: part.text };
      case "image":
        return marked({ type: "image", source: mediaSource(part.source) }, part.cache);
      case "document":
        return this.#document(part);
      case "audio":
        this.#losses.refuse(
          part.at,
          "Claude does not listen",
          "Leave the audio out, or choose a model that takes audio.",
        );
        return undefined;
    }
  }

  #document(part: DocumentPart): JsonObject | undefined {
    const { source, name, cache, at } = part;
    const title = name === undefined ? {} : { title: name };
    if (source.kind === "url" || source.mediaType === "application/pdf")
      return marked({ type: "document", source: mediaSource(source), ...title }, cache);
    const text = plainText(part);
    if (text === undefined || text.trim() === "") {
      this.#losses.refuse(
        at,
        `Claude reads PDF and text, not \`${source.mediaType}\``,
        "Send the file as PDF or as text.",
      );
      return undefined;
    }
    return marked(
      { type: "document", source: { type: "text", media_type: "text/plain", data: text }, ...title },
      cache,
    );
  }
}

function marked(block: JsonObject, cache: CacheMark | undefined): JsonObject {
  return cache === undefined ? block : { ...block, cache_control: cacheControl(cache) };
}

function mediaSource(source: MediaSource): JsonObject {
  return source.kind === "url"
    ? { type: "url", url: source.url }
    : { type: "base64", media_type: source.mediaType, data: source.data };
}

/** Claude takes an object alone. */
export function argumentsOf(args: string): JsonObject {
  if (args.trim() === "") return {};
  const value = parseJson(args);
  return isObject(value) ? value : { _raw: value ?? args };
}
