/**
 * The end of a `responses` stream: completed, incomplete or failed (providers/codex.md §2.3). An `error` event only
 * announces: the provider's `response.failed`, which Codex CLI reads, usually comes right behind it.
 */
import { isObject, parseJson } from "../../json.ts";
import type { EndState, EndWatcher } from "../sse/end.ts";
import { eventData, includesText, needleOf } from "../sse/event.ts";

const RESPONSE = needleOf('"response.');
const ERROR = needleOf('"error"');
const ENDS = ["completed", "incomplete", "failed", "done"].map((name) => needleOf(`response.${name}`));

export function watchResponses(): EndWatcher {
  let announced = false;
  return {
    see(event): EndState {
      const mayEnd = includesText(event, RESPONSE) && ENDS.some((needle) => includesText(event, needle));
      if (!mayEnd && !includesText(event, ERROR)) return "open";
      const value = parseJson(eventData(event) ?? "");
      if (!isObject(value)) return "open";
      switch (value.type) {
        case "response.failed":
          return "end";
        case "response.completed":
        case "response.incomplete":
        case "response.done":
          // Behind an announced error these would be a second end.
          return announced ? "failing" : "end";
        case "error":
          announced = true;
          return "failing";
        default:
          return "open";
      }
    },
    missingEnd: () => null,
  };
}
