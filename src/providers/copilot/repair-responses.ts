/**
 * Steady ids in a Responses stream: Copilot encrypts item and response ids anew for every event, which strict
 * clients take for unknown items (providers/copilot.md §4.2). `encrypted_content` and `call_id` stay as they come.
 */
import { isObject, type Json, type JsonObject, parseJson, text } from "../../json.ts";
import {
  type EventRewriter,
  eventData,
  includesText,
  needleOf,
  withData,
} from "../../protocols/sse/event.ts";

const HOLDS_ID = ['"item_id"', '"item"', '"response"'].map(needleOf);

/** A rewriter for one stream: the first id seen at an output index is that item's id from then on. */
export function responsesRepair(): EventRewriter {
  const items = new Map<number, string>();
  let response: string | undefined;

  /** Makes a member the steady id of its output index; returns whether that changed it. */
  function steady(holder: JsonObject, member: "id" | "item_id", index: Json | undefined): boolean {
    const id = text(holder[member]);
    if (id === undefined || typeof index !== "number") return false;
    const first = items.get(index);
    if (first === undefined) items.set(index, id);
    if (first === undefined || first === id) return false;
    holder[member] = first;
    return true;
  }

  function steadyResponse(value: JsonObject): boolean {
    let changed = false;
    const id = text(value.id);
    response ??= id;
    if (id !== undefined && response !== undefined && id !== response) {
      value.id = response;
      changed = true;
    }
    if (!Array.isArray(value.output)) return changed;
    for (const [index, item] of value.output.entries()) {
      if (isObject(item)) changed = steady(item, "id", index) || changed;
    }
    return changed;
  }

  return {
    rewrite(event) {
      if (!HOLDS_ID.some((needle) => includesText(event, needle))) return event;
      const data = eventData(event);
      const value = data === null ? undefined : parseJson(data);
      if (!isObject(value)) return event;
      let changed = steady(value, "item_id", value.output_index);
      if (isObject(value.item)) changed = steady(value.item, "id", value.output_index) || changed;
      if (isObject(value.response)) changed = steadyResponse(value.response) || changed;
      return changed ? withData(event, JSON.stringify(value)) : event;
    },
  };
}
