/** The end of a `chat` stream: `[DONE]` after a finish reason, or an error chunk (providers/codex.md §4). */
import { isObject, parseJson } from "../../json.ts";
import type { EndState, EndWatcher } from "../sse/end.ts";
import { eventData, includesText, needleOf } from "../sse/event.ts";

const DONE = needleOf("[DONE]");
/** Nearly every chunk holds `"finish_reason":null`; only a string, or unusual spacing, is worth parsing for. */
const FINISH = [needleOf('"finish_reason":"'), needleOf('"finish_reason" '), needleOf('"finish_reason": ')];
const ERROR = needleOf('"error"');
const MISSING = new TextEncoder().encode("data: [DONE]\n\n");

export function watchChat(): EndWatcher {
  let finished = false;
  return {
    see(event): EndState {
      const mayFinish = !finished && FINISH.some((needle) => includesText(event, needle));
      const mayEnd = includesText(event, DONE);
      if (!mayFinish && !mayEnd && !includesText(event, ERROR)) return "open";
      const data = eventData(event);
      if (data === null) return "open";
      if (data.trim() === "[DONE]") return finished ? "end" : "unfinished";
      const value = parseJson(data);
      if (!isObject(value)) return "open";
      if (
        Array.isArray(value.choices) &&
        value.choices.some((choice) => isObject(choice) && choice.finish_reason != null)
      ) {
        finished = true;
      }
      return value.error != null ? "failed" : "open";
    },
    missingEnd: () => (finished ? MISSING : null),
  };
}
