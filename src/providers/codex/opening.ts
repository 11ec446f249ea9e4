/**
 * What a conversation begins with: its instructions and its input items up to the end of the first user message. Every
 * turn sends these again, so they name a conversation whose client does not (providers/codex.md §2.1). Tools do not count, in
 * `tools` as in `additional_tools`: they may join later. Nor does how the same words are written: `input` or `content` as
 * a string or as a list, items with or without ids and cache hints.
 */
import { isObject, type Json, type JsonObject, text } from "../../json.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { isMessage, isOfModel, isText } from "./instructions.ts";
import { CACHE_BREAKPOINT } from "./profile.ts";

/** Members of an item that may change between turns. */
const UNSTABLE: ReadonlySet<string> = new Set(["id", "status", CACHE_BREAKPOINT]);

/** Adds the opening of a conversation to its fingerprint. Takes time for as much as that has room for, at most. */
export function addOpening({ instructions, input }: JsonObject, to: Fingerprint): void {
  to.add(text(instructions) ?? "");
  const items: (Json | undefined)[] = Array.isArray(input) ? input : [{ role: "user", content: input }];
  const end = endOf(items);
  for (let at = 0; at < end && !to.isFull; at++) {
    const item = items[at];
    if (!isObject(item) || item.type === "additional_tools") continue;
    if (isMessage(item)) addMessage(item, to);
    else addValue(item, to);
  }
}

/** Where the opening ends: after the first user message; without one, before the model's first item. */
function endOf(input: readonly (Json | undefined)[]): number {
  const user = input.findIndex((item) => isObject(item) && isMessage(item) && item.role === "user");
  if (user >= 0) return user + 1;
  const model = input.findIndex((item) => isObject(item) && isOfModel(item));
  return model >= 0 ? model : input.length;
}

function addMessage({ role, content }: JsonObject, to: Fingerprint): void {
  to.sign("message");
  // The backend knows no role `system`: these messages go upstream as developer's.
  to.add(role === "system" ? "developer" : (text(role) ?? ""));
  const parts = Array.isArray(content) ? content : [content];
  for (let at = 0; at < parts.length && !to.isFull; at++) {
    const part = parts[at];
    const isWords = isObject(part) && isText(part.type) && typeof part.text === "string";
    addValue(isWords ? part.text : part, to);
  }
}

function addValue(value: Json | undefined, to: Fingerprint): void {
  if (typeof value === "string") {
    to.add(value);
  } else if (Array.isArray(value)) {
    to.sign("[");
    for (let at = 0; at < value.length && !to.isFull; at++) addValue(value[at], to);
    to.sign("]");
  } else if (isObject(value)) {
    to.sign("{");
    for (const name in value) {
      if (to.isFull) break;
      if (UNSTABLE.has(name)) continue;
      to.add(name);
      addValue(value[name], to);
    }
    to.sign("}");
  } else {
    to.sign(`=${value}`);
  }
}
