/**
 * A client that asked for `copilot/gpt-5.6-sol` reads `copilot/gpt-5.6-sol` in the response too: where Kleis changed the
 * model's id in the request, it restores it in the response. Where it did not, no byte is read.
 */
import { isObject, type JsonObject, parseJson } from "../../json.ts";
import { applyEdits } from "../../protocols/json-edit.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import {
  type EventRewriter,
  eventData,
  includesText,
  needleOf,
  withEdits,
} from "../../protocols/sse/event.ts";

/** The member that holds the object with `model`, per protocol; null: the event itself. */
const HOLDER: Record<Protocol, string | null> = { chat: null, responses: "response", messages: "message" };

const MODEL = needleOf('"model"');

export function restoreModel(protocol: Protocol, requested: string): EventRewriter {
  const holder = HOLDER[protocol];
  return {
    rewrite(event) {
      if (!includesText(event, MODEL)) return event;
      const data = eventData(event);
      const value = data === null ? undefined : parseJson(data);
      if (data === null || !isObject(value)) return event;
      const held = holder === null ? value : value[holder];
      if (!isObject(held) || typeof held.model !== "string" || held.model === requested) return event;
      const path = holder === null ? ["model"] : [holder, "model"];
      return withEdits(event, data, [{ op: "set", path, value: requested }]);
    },
  };
}

/** The same for a JSON response; the bytes as they are when there is nothing to restore. */
export function restoreModelInJson(bytes: Uint8Array<ArrayBuffer>, value: JsonObject, requested: string) {
  if (typeof value.model !== "string" || value.model === requested) return bytes;
  return applyEdits(bytes, [{ op: "set", path: ["model"], value: requested }]);
}
