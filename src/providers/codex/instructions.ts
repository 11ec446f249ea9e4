/** Finds the client's own prompt among the input items, for a backend that wants it as `instructions` (codex.md §2.2). */
import { isObject, type Json, type JsonObject } from "../../json.ts";

/** A system or developer message: where it stands and all of its text. */
export interface Prompt {
  index: number;
  text: string;
}

/**
 * The first system or developer message that is nothing but text. Only the opening of the conversation counts, up to
 * the model's first item: a message that joins later must not change the instructions that earlier turns had, or the
 * whole conversation would fall out of the prompt cache.
 */
export function promptIn(items: readonly JsonObject[]): Prompt | null {
  for (const [index, item] of items.entries()) {
    if (isOfModel(item)) return null;
    if (!isMessage(item) || (item.role !== "system" && item.role !== "developer")) continue;
    const whole = textOf(item.content);
    if (whole !== null) return { index, text: whole };
  }
  return null;
}

function isMessage(item: JsonObject): boolean {
  return item.type === undefined || item.type === "message";
}

/** An earlier item of the model's by its id alone, which the backend would look up and not find (the type may be left out). */
export function isReference(item: JsonObject): boolean {
  if (item.type === undefined || item.type === null) return item.role === undefined && item.id !== undefined;
  return item.type === "item_reference";
}

/** True for what only a model's turn leaves behind: its messages, reasoning and calls. */
function isOfModel(item: JsonObject): boolean {
  if (isReference(item)) return true;
  if (isMessage(item)) return item.role === "assistant";
  return item.type === "reasoning" || (typeof item.type === "string" && /_call(_output)?$/.test(item.type));
}

/** The text of a message's content; null when it is empty or holds anything but text, which must not get lost. */
function textOf(content: Json | undefined): string | null {
  if (typeof content === "string") return content === "" ? null : content;
  if (!Array.isArray(content)) return null;
  const texts: string[] = [];
  for (const part of content) {
    if (!isObject(part) || part.type !== "input_text" || typeof part.text !== "string") return null;
    texts.push(part.text);
  }
  const whole = texts.join("\n");
  return whole === "" ? null : whole;
}
