/**
 * Carriers in a request that is *not* translated: a user may switch to a model whose provider speaks the client's protocol
 * amid a session, and that provider refuses reasoning and search results which it did not seal itself.
 */
import { isObject, type Json, type JsonObject } from "../../../json.ts";
import type { Edit, Path } from "../../body.ts";
import type { Protocol } from "../../protocol.ts";
import { includesText, needleOf } from "../../sse/event.ts";
import { CARRIER_MARK } from "./carrier.ts";

const MARK = needleOf(CARRIER_MARK);

/** False for a body without carriers, which is nearly every one: no more than a search of its bytes. */
export function mayHoldCarriers(body: Uint8Array): boolean {
  return includesText(body, MARK);
}

/** The edits that take what carriers seal out of a request. Texts and calls stay. */
export function foreignReasoningEdits(protocol: Protocol, body: JsonObject): Edit[] {
  return PATHS[protocol](body).map((path) => ({ change: "foreign-reasoning", op: "remove", path }));
}

const PATHS: Readonly<Record<Protocol, (body: JsonObject) => Path[]>> = {
  messages: ({ messages }) =>
    listOf(messages).flatMap((message, index): Path[] => {
      const content = isObject(message) ? listOf(message.content) : [];
      const foreign = foreignBlocks(content);
      // A message without content would be refused.
      if (foreign.length > 0 && foreign.length === content.length) return [["messages", index]];
      return foreign.map((at) => ["messages", index, "content", at]);
    }),
  responses: ({ input }) =>
    placesOf(listOf(input), (item) => item.type === "reasoning" && isCarrier(item.encrypted_content)).map(
      (at) => ["input", at],
    ),
  chat: ({ messages }) =>
    listOf(messages).flatMap((message, index): Path[] => {
      const details = isObject(message) ? listOf(message.reasoning_details) : [];
      const foreign = placesOf(details, (detail) => isCarrier(detail.data));
      if (foreign.length > 0 && foreign.length === details.length)
        return [["messages", index, "reasoning_details"]];
      return foreign.map((at) => ["messages", index, "reasoning_details", at]);
    }),
};

/** Thinking that Anthropic did not sign, and searches that it did not run, with their results. */
function foreignBlocks(content: readonly Json[]): number[] {
  const searches = new Set<Json | undefined>();
  for (const block of content)
    if (isObject(block) && block.type === "web_search_tool_result" && holdsForeign(block.content))
      searches.add(block.tool_use_id);
  return placesOf(content, (block) => {
    switch (block.type) {
      case "thinking":
        return isCarrier(block.signature);
      case "redacted_thinking":
        return isCarrier(block.data);
      case "server_tool_use":
        return searches.has(block.id);
      case "web_search_tool_result":
        return searches.has(block.tool_use_id);
      default:
        return false;
    }
  });
}

function holdsForeign(results: Json | undefined): boolean {
  return listOf(results).some((result) => isObject(result) && isCarrier(result.encrypted_content));
}

function isCarrier(value: Json | undefined): boolean {
  return typeof value === "string" && value.startsWith(CARRIER_MARK);
}

function placesOf(list: readonly Json[], test: (entry: JsonObject) => boolean): number[] {
  return list.flatMap((entry, at) => (isObject(entry) && test(entry) ? [at] : []));
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
