/**
 * The end of a `chat` stream: `[DONE]` after a finish reason, or an error (providers/codex.md §4). Where the provider may
 * leave out `[DONE]`, the response is complete when each of its choices has a reason.
 */
import { isObject, parseJson } from "../../json.ts";
import type { EndState, EndWatcher } from "../sse/end.ts";
import { eventData, includesText, isErrorEvent, needleOf } from "../sse/event.ts";
import { Choices } from "./choices.ts";

const DONE = needleOf("[DONE]");
const ERROR = needleOf('"error"');
const MISSING = new TextEncoder().encode("data: [DONE]\n\n");

export function watchChat(): EndWatcher {
  const choices = new Choices();
  return {
    see(event): EndState {
      if (isErrorEvent(event)) return "failed";
      const mayEnd = includesText(event, DONE) || includesText(event, ERROR);
      if (!mayEnd && !choices.mayConcern(event)) return "open";
      const data = eventData(event);
      if (data === null) return "open";
      if (data.trim() === "[DONE]") return choices.hasReason ? "end" : "unfinished";
      const value = parseJson(data);
      if (!isObject(value)) return "open";
      if (Array.isArray(value.choices)) for (const choice of value.choices) choices.see(choice);
      return value.error != null ? "failed" : "open";
    },
    missingTerminator: () => (choices.areFinished ? MISSING : null),
  };
}
