/** Gives the backend's older last event, `response.done`, the name that every client waits for (providers/codex.md §2.3). */
import { isObject, parseJson } from "../../json.ts";
import {
  type EventRewriter,
  eventData,
  includesText,
  needleOf,
  withEdits,
} from "../../protocols/sse/event.ts";
import { OLDER_END } from "./profile.ts";

const EVENT_LINE = new RegExp(`^(event: ?)${OLDER_END.replace(".", "\\.")}$`, "m");
const DONE = needleOf(OLDER_END);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function createPlanRewriter(): EventRewriter {
  return {
    rewrite(event) {
      if (!includesText(event, DONE)) return event;
      const data = eventData(event) ?? "";
      const value = parseJson(data);
      if (!isObject(value) || value.type !== OLDER_END) return event;
      const type = lastEventName(isObject(value.response) ? value.response.status : undefined);
      const renamed = decoder.decode(event).replace(EVENT_LINE, `$1${type}`);
      return withEdits(encoder.encode(renamed), data, [{ op: "set", path: ["type"], value: type }]);
    },
  };
}

/** The public name of the last event, by the response's status; a plain end is a completion. */
function lastEventName(status: unknown): string {
  return status === "incomplete" || status === "failed" ? `response.${status}` : "response.completed";
}
