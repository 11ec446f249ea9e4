/** Reads the content of Responses messages and tool outputs. */
import { isObject, type Json, type JsonObject, text } from "../../../json.ts";
import { type BodyPath, join, type Losses, malformed, objectAt, stringAt } from "../losses.ts";
import type { DocumentPart, ImagePart, Part, ResultPart, TextPart } from "../model.ts";
import { fileSource, mediaSource, plainText } from "../values/media.ts";

/** The parts of a message of the user or the assistant; a string is one text. Empty texts are left out. */
export function decodeContent(content: Json | undefined, path: BodyPath, losses: Losses): Part[] {
  if (typeof content === "string") return textParts(content, path);
  if (content === undefined || content === null) return [];
  if (!Array.isArray(content)) return malformed(path, "must be a string or a list of parts");
  return content.flatMap((value, index) => {
    const at = join(path, index);
    return decodePart(objectAt(value, at), at, losses);
  });
}

/** The texts of a system or developer message; parts of another type are declared. */
export function decodeTexts(content: Json | undefined, path: BodyPath, losses: Losses): TextPart[] {
  return decodeContent(content, path, losses).flatMap((part) => {
    if (part.type === "text") return [part];
    losses.change(part.at, "dropped:unknown");
    return [];
  });
}

/** What a tool returned: a string, or parts. */
export function decodeOutput(output: Json | undefined, path: BodyPath, losses: Losses): ResultPart[] {
  const isParts = Array.isArray(output) && output.every((part) => isObject(part) && text(part.type));
  if (output === undefined || output === null || typeof output === "string" || isParts)
    return decodeContent(output, path, losses).map((part) =>
      part.type === "refusal" ? { type: "text", text: part.text, at: part.at } : part,
    );
  // Shells and patches answer with objects of their own.
  return textParts(JSON.stringify(output), path);
}

function decodePart(part: JsonObject, at: BodyPath, losses: Losses): Part[] {
  switch (part.type) {
    case "input_text":
    case "output_text":
    case "text":
      return textParts(stringAt(part.text, join(at, "text")), at);
    case "refusal":
      return part.refusal === ""
        ? []
        : [{ type: "refusal", text: stringAt(part.refusal, join(at, "refusal")), at }];
    case "input_image":
      return imagePart(part, at, losses);
    case "input_file":
      return filePart(part, at, losses);
    case "input_audio":
      return [audioPart(part, at)];
    default:
      losses.change(at, "dropped:unknown");
      return [];
  }
}

function textParts(value: string, at: BodyPath): TextPart[] {
  return value === "" ? [] : [{ type: "text", text: value, at }];
}

function imagePart(part: JsonObject, at: BodyPath, losses: Losses): ImagePart[] {
  if (part.file_id !== undefined && part.file_id !== null) return refuseFile(join(at, "file_id"), losses);
  const { image_url: given } = part;
  const url = text(isObject(given) ? given.url : given);
  if (url === undefined) return malformed(join(at, "image_url"), "must be a URL or a data URL");
  return [{ type: "image", source: mediaSource(url), at }];
}

function filePart(part: JsonObject, at: BodyPath, losses: Losses): (DocumentPart | TextPart)[] {
  if (part.file_id !== undefined && part.file_id !== null) return refuseFile(join(at, "file_id"), losses);
  const name = text(part.filename);
  const url = text(part.file_url);
  if (url !== undefined) return [{ type: "document", source: { kind: "url", url }, name, at }];
  const data = text(part.file_data);
  if (data === undefined) return malformed(at, "must have `file_data`, `file_url` or `file_id`");
  const file: DocumentPart = { type: "document", source: fileSource(data), name, at };
  const words = plainText(file);
  return words === undefined ? [file] : textParts(words, at);
}

function audioPart(part: JsonObject, at: BodyPath): Part {
  const audio = isObject(part.input_audio) ? part.input_audio : part;
  const data = stringAt(audio.data, join(at, "input_audio.data"));
  return { type: "audio", data, format: text(audio.format) ?? "wav", at };
}

function refuseFile(path: BodyPath, losses: Losses): [] {
  losses.refuse(path, "an uploaded file is known to OpenAI alone", "Send the file itself as a data URL.");
  return [];
}
