/** The client's own prompt: its `instructions`, or what stands for them among the input items (providers/codex.md §2.2). */
import { KleisError } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import { isReference } from "../../protocols/responses/references.ts";

/** A system or developer message: where it stands and all of its text. */
export interface Prompt {
  index: number;
  text: string;
  /** The places of the parts that are text, where others (images) stay behind; null where the whole message is text. */
  parts: number[] | null;
}

/** The `instructions` of a request; undefined when it has none, or blanks. Throws `invalid_request` for what is no text. */
export function instructionsOf({ instructions }: JsonObject): string | undefined {
  if (typeof instructions === "string") return instructions.trim() === "" ? undefined : instructions;
  if (instructions === undefined || instructions === null) return undefined;
  throw new KleisError("invalid_request", "`instructions` must be a string.", { param: "instructions" });
}

/**
 * The first system or developer message that has text. Only the opening of the conversation counts, up to
 * the model's first item: a message that joins later must not change the instructions that earlier turns had, or the
 * whole conversation would fall out of the prompt cache. For the same reason the opening alone decides whether it can
 * move up: where it holds nothing else to answer, the prompt stays.
 */
export function promptIn(items: readonly JsonObject[]): Prompt | null {
  const end = items.findIndex(isOfModel);
  const opening = end === -1 ? items : items.slice(0, end);
  for (const [index, item] of opening.entries()) {
    if (!isMessage(item) || (item.role !== "system" && item.role !== "developer")) continue;
    const prompt = textOf(item.content);
    if (prompt === null || prompt.text.trim() === "") continue;
    const isAlone = opening.every((other) => other === item || other.type === "additional_tools");
    return isAlone && prompt.parts === null ? null : { index, ...prompt };
  }
  return null;
}

/** True for an item that is a message, which need not say so. */
export function isMessage(item: JsonObject): boolean {
  return item.type === undefined || item.type === "message";
}

/** True for what only a model's turn leaves behind: its messages, reasoning and calls. */
export function isOfModel(item: JsonObject): boolean {
  if (isReference(item)) return true;
  if (isMessage(item)) return item.role === "assistant";
  return item.type === "reasoning" || (typeof item.type === "string" && /_call(_output)?$/.test(item.type));
}

/** All text of a message's content, and where it stands; null for content of no known form. */
function textOf(content: Json | undefined): Omit<Prompt, "index"> | null {
  if (typeof content === "string") return { text: content, parts: null };
  if (!Array.isArray(content)) return null;
  const texts: string[] = [];
  const parts: number[] = [];
  for (const [place, part] of content.entries()) {
    if (!isObject(part) || !isText(part.type) || typeof part.text !== "string") continue;
    texts.push(part.text);
    parts.push(place);
  }
  return { text: texts.join("\n"), parts: parts.length === content.length ? null : parts };
}

/** `text` is what the part is called in chat, and some clients write it here too. */
export function isText(type: Json | undefined): boolean {
  return type === "input_text" || type === "text";
}
