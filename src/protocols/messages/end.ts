/** The end of a `messages` stream: `message_stop` after a stop reason, or an `error` event (providers/claude.md §3.3). */
import { isObject, parseJson, text } from "../../json.ts";
import type { EndState, EndWatcher } from "../sse/end.ts";
import { eventData, includesText, isErrorEvent, needleOf } from "../sse/event.ts";

const STOP = needleOf("message_stop");
const DELTA = needleOf("message_delta");
const ERROR = needleOf('"error"');
const MISSING = new TextEncoder().encode('event: message_stop\ndata: {"type":"message_stop"}\n\n');

export function watchMessages(): EndWatcher {
  let stopReason = false;
  return {
    see(event): EndState {
      if (isErrorEvent(event)) return "failed";
      if (!includesText(event, STOP) && !includesText(event, DELTA) && !includesText(event, ERROR))
        return "open";
      const value = parseJson(eventData(event) ?? "");
      if (!isObject(value)) return "open";
      switch (value.type) {
        case "message_stop":
          return stopReason ? "end" : "unfinished";
        case "message_delta":
          if (isObject(value.delta) && text(value.delta.stop_reason) !== undefined) stopReason = true;
          return "open";
        case "error":
          return "unnamed";
        case undefined:
          return value.error == null ? "open" : "unnamed";
        default:
          return "open";
      }
    },
    missingTerminator: () => (stopReason ? MISSING : null),
  };
}
