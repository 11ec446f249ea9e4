/** Takes the stray `data: [DONE]` out of a Messages stream, which ends with `message_stop` (providers/copilot.md §4.3). */
import { type EventRewriter, eventData, includesText, needleOf } from "../../protocols/sse/event.ts";

const DONE = needleOf("[DONE]");

export function messagesRepair(): EventRewriter {
  return {
    rewrite(event) {
      return includesText(event, DONE) && eventData(event)?.trim() === "[DONE]" ? null : event;
    },
  };
}
