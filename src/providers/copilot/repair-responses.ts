/**
 * Steady ids in a Responses stream: Copilot encrypts item and response ids differently in every event, which strict
 * clients take for unknown items (providers/copilot.md §4.2). `encrypted_content` and `call_id` stay as they come.
 */
import { isObject, type Json, type JsonObject, parseJson, text } from "../../json.ts";
import type { Path } from "../../protocols/body.ts";
import type { Splice } from "../../protocols/json-edit.ts";
import {
  type EventRewriter,
  eventData,
  includesText,
  needleOf,
  withData,
  withEdits,
} from "../../protocols/sse/event.ts";

const HOLDS_ID = ['"item_id"', '"item"', '"response"'].map(needleOf);

/** A rewriter for one stream: the first id seen at an output index is that item's id from then on. */
export function responsesRepair(): EventRewriter {
  const items = new Map<number, string>();
  let response: string | undefined;

  /** The steady id of an output index where another is given; null where the given one may stay. */
  function steady(given: Json | undefined, index: Json | undefined): string | null {
    const id = text(given);
    if (id === undefined || typeof index !== "number") return null;
    const first = items.get(index);
    if (first === undefined) items.set(index, id);
    return first === undefined || first === id ? null : first;
  }

  function steadyResponse(value: JsonObject): Splice[] {
    const id = text(value.id);
    response ??= id;
    const own = id === undefined || id === response ? [] : setting(["response", "id"], response ?? null);
    const output = Array.isArray(value.output) ? value.output : [];
    const ofItems = output.flatMap((item, index) =>
      isObject(item) ? setting(["response", "output", index, "id"], steady(item.id, index)) : [],
    );
    return [...own, ...ofItems];
  }

  return {
    rewrite(event) {
      if (!HOLDS_ID.some((needle) => includesText(event, needle))) return event;
      const data = eventData(event);
      const value = data === null ? undefined : parseJson(data);
      if (data === null || !isObject(value)) return event;
      const { output_index: place, item } = value;
      const id = steady(value.item_id, place);
      // Nearly all events are deltas: flat, nothing but texts and small numbers, and cheaper to rebuild than to splice.
      if (!isObject(item) && !isObject(value.response))
        return id === null ? event : withData(event, JSON.stringify({ ...value, item_id: id }));
      const edits = setting(["item_id"], id);
      if (isObject(item)) edits.push(...setting(["item", "id"], steady(item.id, place)));
      if (isObject(value.response)) edits.push(...steadyResponse(value.response));
      return withEdits(event, data, edits);
    },
  };
}

function setting(path: Path, id: string | null): Splice[] {
  return id === null ? [] : [{ op: "set", path, value: id }];
}
