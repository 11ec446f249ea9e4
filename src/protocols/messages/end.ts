/** The end of a `messages` stream: `message_stop` after a stop reason, or an `error` event (providers/claude.md §3.3). */
import { isObject, parseJson } from "../../json.ts";
import type { EndState, EndWatcher } from "../sse/end.ts";
import { eventData, includesText, needleOf } from "../sse/event.ts";

const STOP = needleOf("message_stop");
const DELTA = needleOf("message_delta");
const ERROR = needleOf('"error"');
const MISSING = new TextEncoder().encode('event: message_stop\ndata: {"type":"message_stop"}\n\n');

export function watchMessages(): EndWatcher {
  let stopReason = false;
  return {
    see(event): EndState {
      if (!includesText(event, STOP) && !includesText(event, DELTA) && !includesText(event, ERROR))
        return "open";
      const value = parseJson(eventData(event) ?? "");
      if (!isObject(value)) return "open";
      if (value.type === "message_stop") return stopReason ? "end" : "unfinished";
      if (value.type === "error") return "failed";
      if (value.type === "message_delta" && isObject(value.delta) && value.delta.stop_reason != null)
        stopReason = true;
      return "open";
    },
    missingEnd: () => (stopReason ? MISSING : null),
  };
}
