/**
 * The end of a `responses` stream: completed, incomplete or failed (providers/codex.md §2.3). An `error` event only
 * announces: `response.failed`, which is all that Codex CLI reads, has to follow. Where the provider leaves it out, it is
 * made of the announced error.
 */
import { isObject, parseJson, text } from "../../json.ts";
import type { EndState, EndWatcher } from "../sse/end.ts";
import { eventData, includesText, isErrorEvent, needleOf } from "../sse/event.ts";
import { failedEvent } from "../stream-errors.ts";
import { isFailure, streamFailure } from "./failure.ts";

const RESPONSE = needleOf('"response.');
const ERROR = needleOf('"error"');
const CREATED = needleOf("response.created");
const ENDS = ["completed", "incomplete", "failed", "done"].map((name) => needleOf(`response.${name}`));

export function watchResponses(): EndWatcher {
  /** The data of the error event. */
  let announced: string | null = null;
  let responseId: string | undefined;
  return {
    see(event): EndState {
      const named = isErrorEvent(event);
      if (responseId === undefined && includesText(event, CREATED)) responseId = idOf(eventData(event));
      const mayEnd = includesText(event, RESPONSE) && ENDS.some((needle) => includesText(event, needle));
      if (!named && !mayEnd && !includesText(event, ERROR)) return "open";
      const value = parseJson(eventData(event) ?? "");
      switch (isObject(value) ? value.type : undefined) {
        case "response.failed":
          return "end";
        case "response.completed":
        case "response.incomplete":
        case "response.done":
          // After an announced error these would be a second end.
          return announced === null ? "end" : "failing";
      }
      if (!named && !(isObject(value) && isFailure(value))) return "open";
      announced ??= eventData(event) ?? "";
      return "failing";
    },
    missingTerminator: () => null,
    missingFailure: () =>
      new TextEncoder().encode(failedEvent(streamFailure(announced ?? ""), { responseId })),
    get responseId() {
      return responseId;
    },
  };
}

function idOf(data: string | null): string | undefined {
  const value = parseJson(data ?? "");
  return isObject(value) && isObject(value.response) ? text(value.response.id) : undefined;
}
