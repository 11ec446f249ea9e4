/** Reads the messages of a Chat Completions request, one after the other. */
import { isObject, type Json, type JsonObject, text } from "../../../json.ts";
import { readCarrier } from "../carriers/carrier.ts";
import { type BodyPath, join, type Losses, listAt, malformed, objectAt, stringAt } from "../losses.ts";
import type { CacheMark, DocumentPart, Item, Part, ResultPart, TextPart } from "../model.ts";
import { cacheMark } from "../values/cache.ts";
import { fileSource, mediaSource, plainText } from "../values/media.ts";

/** Members in which servers show reasoning; alone, none of them can be sent on. */
const SHOWN = ["reasoning_content", "reasoning_text", "reasoning"] as const;

export interface DecodedMessages {
  /** System and developer texts before everything else. */
  readonly system: readonly TextPart[];
  readonly items: readonly Item[];
}

export function decodeMessages(messages: Json | undefined, losses: Losses): DecodedMessages {
  const system: TextPart[] = [];
  const items: Item[] = [];
  listAt(messages, "messages").forEach((value, index) => {
    const at = join("messages", index);
    const message = objectAt(value, at);
    const { role } = message;
    if (role === "system" || role === "developer") {
      const parts = decodeContent(message.content, join(at, "content"), losses).filter(isText);
      if (items.length === 0) system.push(...parts.filter((part) => part.text.trim() !== ""));
      else if (parts.length > 0) items.push({ type: "message", role: "developer", parts, at });
    } else items.push(...decodeMessage(message, at, losses));
  });
  return { system, items };
}

function decodeMessage(message: JsonObject, at: BodyPath, losses: Losses): Item[] {
  const content = join(at, "content");
  switch (message.role) {
    case "user": {
      const parts = decodeContent(message.content, content, losses);
      return parts.length === 0 ? [] : [{ type: "message", role: "user", parts, at }];
    }
    case "assistant":
      return assistantItems(message, at, losses);
    case "tool":
      return [
        {
          type: "result",
          callId:
            text(message.tool_call_id) ??
            malformed(join(at, "tool_call_id"), "must be a string that is not empty"),
          parts: decodeContent(message.content, content, losses).map(asResult),
          isError: false,
          at,
        },
      ];
    case "function":
      losses.refuse(at, "calls of `functions` are not translated", "Use `tools`.");
      return [];
    default:
      return malformed(join(at, "role"), 'must be "system", "developer", "user", "assistant" or "tool"');
  }
}

function asResult(part: Part): ResultPart {
  return part.type === "refusal" ? { type: "text", text: part.text, at: part.at } : part;
}

function assistantItems(message: JsonObject, at: BodyPath, losses: Losses): Item[] {
  for (const name of ["function_call", "audio"])
    if (message[name] !== undefined && message[name] !== null)
      losses.refuse(
        join(at, name),
        "it is not translated",
        name === "audio" ? "Send the words as text." : "Use `tools`.",
      );
  const parts = decodeContent(message.content, join(at, "content"), losses);
  const refusal = text(message.refusal);
  if (refusal !== undefined) parts.push({ type: "refusal", text: refusal, at: join(at, "refusal") });
  const calls = message.tool_calls ?? [];
  return [
    ...reasoningItems(message, at),
    ...(parts.length === 0 ? [] : [{ type: "message", role: "assistant", parts, at } as const]),
    ...listAt(calls, join(at, "tool_calls")).flatMap((value, index): Item[] => {
      const place = join(join(at, "tool_calls"), index);
      return callItem(objectAt(value, place), place);
    }),
  ];
}

function reasoningItems(message: JsonObject, at: BodyPath): Item[] {
  const shown = SHOWN.map((name) => text(message[name])).find((words) => words !== undefined);
  const details = Array.isArray(message.reasoning_details) ? message.reasoning_details : [];
  const carriers = details.flatMap((detail) => {
    const carrier = isObject(detail) ? readCarrier(text(detail.data)) : undefined;
    return carrier === undefined ? [] : [carrier];
  });
  const place = join(at, "reasoning_details");
  if (carriers.length > 0)
    return carriers.map((carrier, index) => ({
      type: "reasoning",
      // Shown is the reasoning of the whole message; a carrier that needs its own text has it inside.
      text: index === 0 ? (shown ?? "") : "",
      carrier,
      at: place,
    }));
  const isSealed = details.length > 0 || text(message.reasoning_opaque) !== undefined;
  return shown === undefined && !isSealed
    ? []
    : [{ type: "reasoning", text: shown ?? "", carrier: undefined, at: place }];
}

function callItem(call: JsonObject, at: BodyPath): Item[] {
  const id = text(call.id) ?? malformed(join(at, "id"), "must be a string that is not empty");
  const isCustom = call.type === "custom";
  const member = isCustom ? "custom" : "function";
  const place = join(at, member);
  const tool = objectAt(call[member], place);
  const name = text(tool.name) ?? malformed(join(place, "name"), "must be a string that is not empty");
  const input = isCustom
    ? stringAt(tool.input, join(place, "input"))
    : stringAt(tool.arguments ?? "", join(place, "arguments"));
  return [{ type: "call", kind: isCustom ? "custom" : "function", id, name, input, at }];
}

function decodeContent(content: Json | undefined, path: BodyPath, losses: Losses): Part[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [{ type: "text", text: content, at: path }];
  if (!Array.isArray(content)) return malformed(path, "must be a string or a list of parts");
  return content.flatMap((value, index) => {
    const at = join(path, index);
    return decodePart(objectAt(value, at), at, losses);
  });
}

function decodePart(part: JsonObject, at: BodyPath, losses: Losses): Part[] {
  const cache = cacheMark(part.cache_control);
  switch (part.type) {
    case "text": {
      const words = stringAt(part.text, join(at, "text"));
      return words === "" ? [] : [{ type: "text", text: words, cache, at }];
    }
    case "refusal":
      return [{ type: "refusal", text: stringAt(part.refusal, join(at, "refusal")), at }];
    case "image_url": {
      const { image_url: image } = part;
      const url = text(isObject(image) ? image.url : image);
      if (url === undefined) return malformed(join(at, "image_url.url"), "must be a URL or a data URL");
      return [{ type: "image", source: mediaSource(url), cache, at }];
    }
    case "file":
      return filePart(objectAt(part.file, join(at, "file")), cache, at, losses);
    case "input_audio": {
      const audio = objectAt(part.input_audio, join(at, "input_audio"));
      const data = stringAt(audio.data, join(at, "input_audio.data"));
      return [{ type: "audio", data, format: text(audio.format) ?? "wav", at }];
    }
    default:
      losses.change(at, "dropped:unknown");
      return [];
  }
}

function filePart(file: JsonObject, cache: CacheMark | undefined, at: BodyPath, losses: Losses): Part[] {
  if (file.file_id !== undefined && file.file_id !== null) {
    losses.refuse(
      join(at, "file.file_id"),
      "an uploaded file is known to OpenAI alone",
      "Send the file itself in `file_data`.",
    );
    return [];
  }
  const data = stringAt(file.file_data, join(at, "file.file_data"));
  const part: DocumentPart = {
    type: "document",
    source: fileSource(data),
    name: text(file.filename),
    cache,
    at,
  };
  const words = plainText(part);
  if (words === undefined) return [part];
  return words === "" ? [] : [{ type: "text", text: words, cache, at }];
}

function isText(part: Part): part is TextPart {
  return part.type === "text";
}
