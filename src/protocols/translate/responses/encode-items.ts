/** Writes the conversation as Responses input items. */
import type { JsonObject } from "../../../json.ts";
import { restoreCarrier } from "../carriers/carrier.ts";
import type { Losses } from "../losses.ts";
import type {
  DocumentPart,
  ImagePart,
  Item,
  MessageItem,
  Part,
  ReasoningItem,
  ToolCallItem,
  ToolResultItem,
} from "../model.ts";
import { wrapCustomInput } from "../tools/custom.ts";
import type { ToolNames } from "../tools/names.ts";
import type { TargetTraits } from "../traits.ts";
import { mediaUrl } from "../values/media.ts";
import { searchDigest } from "../values/search.ts";

/** The first line of what a tool returned that failed: Responses has no other way to say so. */
export const FAILED_TOOL = "Tool failed:";

/** The API refuses a file without a name. */
const FILE_NAME = "document.pdf";

/** `items`: as `pairCalls` orders them. */
export function encodeItems(
  items: readonly Item[],
  names: ToolNames,
  traits: TargetTraits,
  losses: Losses,
): JsonObject[] {
  const writer = new ItemWriter(names, traits, losses);
  return items.flatMap((item) => writer.write(item));
}

class ItemWriter {
  readonly #names: ToolNames;
  readonly #traits: TargetTraits;
  readonly #losses: Losses;
  /** Ids of calls that were written as custom ones: their results are as well. */
  readonly #custom = new Set<string>();

  constructor(names: ToolNames, traits: TargetTraits, losses: Losses) {
    this.#names = names;
    this.#traits = traits;
    this.#losses = losses;
  }

  write(item: Item): JsonObject[] {
    switch (item.type) {
      case "message":
        return this.#message(item);
      case "reasoning":
        return this.#reasoning(item);
      case "call":
        return [this.#call(item)];
      case "result":
        return [this.#result(item)];
      case "search":
        return [messageOf("assistant", [{ type: "output_text", text: searchDigest(item) }])];
    }
  }

  #message({ role, parts }: MessageItem): JsonObject[] {
    const content = parts.flatMap((part) => this.#part(part, role));
    return content.length === 0 ? [] : [messageOf(role, content)];
  }

  #part(part: Part, role: MessageItem["role"]): JsonObject[] {
    switch (part.type) {
      case "text":
        return [{ type: role === "assistant" ? "output_text" : "input_text", text: part.text }];
      case "refusal":
        return [{ type: role === "assistant" ? "refusal" : "input_text", ...refusalWords(role, part.text) }];
      case "image":
        return [imageOf(part)];
      case "document":
        return [fileOf(part)];
      case "audio":
        this.#losses.refuse(part.at, "it takes no audio", "Send the words as text.");
        return [];
    }
  }

  /** Only what this account and model sealed; the text alone means nothing to them. */
  #reasoning({ carrier, at }: ReasoningItem): JsonObject[] {
    const payload = restoreCarrier(carrier, this.#traits.owner, "responses");
    if (payload === undefined) {
      this.#losses.change(at, "dropped:reasoning");
      return [];
    }
    const summary = payload.summary.map((words) => ({ type: "summary_text", text: words }));
    return [{ type: "reasoning", summary, encrypted_content: payload.encrypted }];
  }

  #call({ kind, id, namespace, name, input }: ToolCallItem): JsonObject {
    const place = namespace === undefined ? {} : { namespace };
    const known = namespace === undefined ? this.#names.alias(undefined, name) : name;
    if (kind === "custom" && this.#traits.customTools) {
      this.#custom.add(id);
      return { type: "custom_tool_call", call_id: id, ...place, name: known, input };
    }
    const args = kind === "custom" ? wrapCustomInput(input) : input;
    return { type: "function_call", call_id: id, ...place, name: known, arguments: args };
  }

  #result({ callId, parts, isError }: ToolResultItem): JsonObject {
    const type = this.#custom.has(callId) ? "custom_tool_call_output" : "function_call_output";
    const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
    if (texts.length === parts.length) {
      const output = [...(isError ? [FAILED_TOOL] : []), ...texts].join("\n");
      return { type, call_id: callId, output };
    }
    const output = parts.flatMap((part) => this.#part(part, "user"));
    if (isError) output.unshift({ type: "input_text", text: FAILED_TOOL });
    return { type, call_id: callId, output };
  }
}

function messageOf(role: MessageItem["role"], content: JsonObject[]): JsonObject {
  return { type: "message", role, content };
}

function refusalWords(role: MessageItem["role"], words: string): JsonObject {
  return role === "assistant" ? { refusal: words } : { text: words };
}

function imageOf({ source }: ImagePart): JsonObject {
  return { type: "input_image", image_url: mediaUrl(source) };
}

function fileOf({ source, name }: DocumentPart): JsonObject {
  if (source.kind === "url") return { type: "input_file", file_url: source.url };
  return { type: "input_file", filename: name ?? FILE_NAME, file_data: mediaUrl(source) };
}
