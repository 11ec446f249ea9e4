/**
 * The end of a `responses` stream: completed, incomplete or failed (providers/codex.md §2.3). An `error` event only
 * announces: the provider's `response.failed`, which Codex CLI reads, usually comes right behind it.
 */
import { isObject, parseJson } from "../../json.ts";
import type { EndState, EndWatcher } from "../sse/end.ts";
import { eventData, includesText, isErrorEvent, needleOf } from "../sse/event.ts";
import { isFailure } from "./failure.ts";

const RESPONSE = needleOf('"response.');
const ERROR = needleOf('"error"');
const ENDS = ["completed", "incomplete", "failed", "done"].map((name) => needleOf(`response.${name}`));

export function watchResponses(): EndWatcher {
  let announced = false;
  return {
    see(event): EndState {
      const named = isErrorEvent(event);
      const mayEnd = includesText(event, RESPONSE) && ENDS.some((needle) => includesText(event, needle));
      if (!named && !mayEnd && !includesText(event, ERROR)) return "open";
      const value = parseJson(eventData(event) ?? "");
      switch (isObject(value) ? value.type : undefined) {
        case "response.failed":
          return "end";
        case "response.completed":
        case "response.incomplete":
        case "response.done":
          // Behind an announced error these would be a second end.
          return announced ? "failing" : "end";
      }
      if (!named && !(isObject(value) && isFailure(value))) return "open";
      announced = true;
      return "failing";
    },
    missingEnd: () => null,
  };
}
