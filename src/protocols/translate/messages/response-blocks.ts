/** What a Messages stream and a Messages response in one piece say alike. */
import type { JsonObject } from "../../../json.ts";
import { CARRIER_MARK } from "../carriers/carrier.ts";
import type { SearchResult, StopReason } from "../model.ts";
import { portableId } from "../tools/ids.ts";

/**
 * The stop reason for a client. `tool_use` only if a call is whole and the response was not cut: a cut call must not run.
 * Some providers do not say that they called a tool.
 */
export function stopReason(reason: StopReason, hasCall: boolean): string {
  switch (reason) {
    case "end":
    case "tool":
      return hasCall ? "tool_use" : "end_turn";
    case "sequence":
      return "stop_sequence";
    case "length":
      return "max_tokens";
    case "context":
      return "model_context_window_exceeded";
    case "pause":
      return "pause_turn";
    case "refusal":
      return "refusal";
  }
}

/** Stands where Anthropic's sealed results would: what Kleis cuts before a request goes to Anthropic. */
const NO_CONTENT = `${CARRIER_MARK}search`;

/** A web search as the two blocks by which clients count searches. */
export function searchBlocks(
  id: string,
  queries: readonly string[],
  results: readonly SearchResult[],
): JsonObject[] {
  const toolUseId = `srvtoolu_${portableId(id)}`;
  const input = queries.length === 0 ? {} : { query: queries.join("; ") };
  const found = results.map(({ url, title }) => ({
    type: "web_search_result",
    url,
    title,
    encrypted_content: NO_CONTENT,
    page_age: null,
  }));
  return [
    { type: "server_tool_use", id: toolUseId, name: "web_search", input },
    { type: "web_search_tool_result", tool_use_id: toolUseId, content: found },
  ];
}
