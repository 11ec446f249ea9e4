/**
 * Writes the conversation as chat messages. A turn of the assistant is one message; what the protocol's tool messages cannot
 * hold (images, files) follows in one message of the user, after the last result of the turn.
 */

import type { JsonObject } from "../../../json.ts";
import { CHAT_CACHE_MARK } from "../../wire-names.ts";
import { restoreCarrier } from "../carriers/carrier.ts";
import type { Losses } from "../losses.ts";
import type {
  CacheMark,
  Item,
  MessageItem,
  Part,
  ReasoningItem,
  ResultPart,
  TextPart,
  ToolCallItem,
  ToolResultItem,
} from "../model.ts";
import { wrapCustomInput } from "../tools/custom.ts";
import type { ToolNames } from "../tools/names.ts";
import { isOfAssistant } from "../tools/turns.ts";
import type { TargetTraits } from "../traits.ts";
import { mediaUrl } from "../values/media.ts";
import { searchDigest } from "../values/search.ts";

/** The first line of what a tool returned that failed: chat has no other way to say so. */
const FAILED_TOOL = "Tool failed:";

/** `items`: as `pairCalls` orders them. */
export function encodeMessages(
  system: readonly TextPart[],
  items: readonly Item[],
  names: ToolNames,
  traits: TargetTraits,
  losses: Losses,
): JsonObject[] {
  const writer = new MessageWriter(names, traits, losses);
  if (system.length > 0) writer.system(system);
  for (const item of items) writer.add(item);
  return writer.finish();
}

class MessageWriter {
  readonly #names: ToolNames;
  readonly #traits: TargetTraits;
  readonly #losses: Losses;
  readonly #out: JsonObject[] = [];
  /** The assistant's message that is being put together. */
  #turn: { texts: string[]; reasoning: JsonObject; calls: JsonObject[] } | undefined;
  /** Media of the results of this turn, labelled by their calls. */
  #media: JsonObject[] = [];

  constructor(names: ToolNames, traits: TargetTraits, losses: Losses) {
    this.#names = names;
    this.#traits = traits;
    this.#losses = losses;
  }

  system(parts: readonly TextPart[]): void {
    const content = parts.map(({ text }) => text).join("\n\n");
    this.#out.push({ role: "system", content, ...this.#marks(parts) });
  }

  add(item: Item): void {
    if (!isOfAssistant(item)) this.#endTurn();
    if (item.type !== "result") this.#endResults();
    switch (item.type) {
      case "message":
        if (item.role === "assistant") this.#says(item);
        else this.#message(item);
        return;
      case "search":
        this.#assistant().texts.push(searchDigest(item));
        return;
      case "reasoning":
        this.#reasoning(item);
        return;
      case "call":
        this.#assistant().calls.push(this.#call(item));
        return;
      case "result":
        this.#result(item);
        return;
    }
  }

  finish(): JsonObject[] {
    this.#endTurn();
    this.#endResults();
    return this.#out;
  }

  #assistant() {
    this.#turn ??= { texts: [], reasoning: {}, calls: [] };
    return this.#turn;
  }

  #endTurn(): void {
    if (this.#turn === undefined) return;
    const { texts, reasoning, calls } = this.#turn;
    this.#turn = undefined;
    if (texts.length === 0 && calls.length === 0) return;
    this.#out.push({
      role: "assistant",
      content: texts.length === 0 ? null : texts.join("\n\n"),
      ...reasoning,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    });
  }

  #endResults(): void {
    if (this.#media.length === 0) return;
    this.#out.push({ role: "user", content: this.#media });
    this.#media = [];
  }

  #says({ parts }: MessageItem): void {
    const { texts } = this.#assistant();
    for (const part of parts) {
      if (part.type === "text" || part.type === "refusal") texts.push(part.text);
      else this.#losses.change(part.at, "dropped:unknown");
    }
  }

  #message({ role, parts }: MessageItem): void {
    const marks = this.#marks(parts);
    if (role === "developer") {
      const content = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
      this.#out.push({ role: "system", content, ...marks });
      return;
    }
    const [only, ...others] = parts;
    const isText = only?.type === "text" && others.length === 0;
    const content = isText ? only.text : parts.flatMap((part) => this.#part(part));
    if (content.length > 0) this.#out.push({ role: "user", content, ...marks });
  }

  #part(part: Part): JsonObject[] {
    switch (part.type) {
      case "text":
      case "refusal":
        return [{ type: "text", text: part.text }];
      case "image":
        return [{ type: "image_url", image_url: { url: mediaUrl(part.source) } }];
      case "audio":
        return [{ type: "input_audio", input_audio: { data: part.data, format: part.format } }];
      case "document": {
        const { source, name = "document.pdf", at } = part;
        if (source.kind === "base64")
          return [{ type: "file", file: { filename: name, file_data: mediaUrl(source) } }];
        this.#losses.refuse(at, "it takes no document by its URL", "Send the document itself as a data URL.");
        return [];
      }
    }
  }

  /** Only what this account and model made; shown reasoning alone means nothing to them. */
  #reasoning({ carrier, at }: ReasoningItem): void {
    const payload = restoreCarrier(carrier, this.#traits.owner, "chat");
    if (payload === undefined) {
      this.#losses.change(at, "dropped:reasoning");
      return;
    }
    const { opaque, text } = payload;
    this.#assistant().reasoning = {
      ...(text === "" ? {} : { reasoning_text: text }),
      reasoning_opaque: opaque,
    };
  }

  #call({ kind, id, namespace, name, input }: ToolCallItem): JsonObject {
    const alias = this.#names.alias(namespace, name);
    if (kind === "custom" && this.#traits.customTools)
      return { id, type: "custom", custom: { name: alias, input } };
    const args = kind === "custom" ? wrapCustomInput(input) : input;
    return { id, type: "function", function: { name: alias, arguments: args } };
  }

  #result({ callId, parts, isError, cache }: ToolResultItem): void {
    const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
    const media = parts.filter(isMedia);
    const lines = [...(isError ? [FAILED_TOOL] : []), ...texts];
    if (lines.length === 0 && media.length > 0) lines.push("The result follows in the next message.");
    this.#out.push({
      role: "tool",
      tool_call_id: callId,
      content: lines.join("\n"),
      ...this.#marks(cache === undefined ? [] : [{ type: "result", cache }]),
    });
    if (media.length === 0) return;
    this.#media.push({ type: "text", text: `Result of the tool call ${callId}:` });
    this.#media.push(...media.flatMap((part) => this.#part(part)));
  }

  #marks(parts: readonly (Part | { readonly type: "result"; readonly cache: CacheMark })[]): JsonObject {
    const isMarked =
      this.#traits.cacheMarks && parts.some((part) => "cache" in part && part.cache !== undefined);
    return isMarked ? { [CHAT_CACHE_MARK]: { type: "ephemeral" } } : {};
  }
}

function isMedia(part: ResultPart): boolean {
  return part.type !== "text";
}
