/**
 * Token counts between the protocols. Messages counts cached input beside `input_tokens`; Responses and chat count it
 * within. Output includes reasoning everywhere. What a provider does not say is 0, and no count is ever left out.
 */
import { isObject, type Json, type JsonObject } from "../../../json.ts";
import type { Usage } from "../model.ts";

export const NO_USAGE: Usage = {
  input: 0,
  cacheRead: 0,
  cacheWrite: 0,
  output: 0,
  reasoning: 0,
  searches: 0,
};

/** Reads Messages `usage`; members that are absent keep the values of an earlier event of the same stream. */
export function usageFromMessages(usage: Json | undefined, before: Usage = NO_USAGE): Usage {
  if (!isObject(usage)) return before;
  const cacheRead = count(usage.cache_read_input_tokens) ?? before.cacheRead;
  const cacheWrite = count(usage.cache_creation_input_tokens) ?? before.cacheWrite;
  const fresh = count(usage.input_tokens) ?? before.input - before.cacheRead - before.cacheWrite;
  return {
    input: fresh + cacheRead + cacheWrite,
    cacheRead,
    cacheWrite,
    output: count(usage.output_tokens) ?? before.output,
    reasoning: count(member(usage, "output_tokens_details").thinking_tokens) ?? before.reasoning,
    searches: count(member(usage, "server_tool_use").web_search_requests) ?? before.searches,
  };
}

/** Reads Responses `usage`. */
export function usageFromResponses(usage: Json | undefined, searches = 0): Usage {
  const of = isObject(usage) ? usage : {};
  const details = member(of, "input_tokens_details");
  return {
    input: count(of.input_tokens) ?? 0,
    cacheRead: count(details.cached_tokens) ?? 0,
    cacheWrite: count(details.cache_write_tokens) ?? 0,
    output: count(of.output_tokens) ?? 0,
    reasoning: count(member(of, "output_tokens_details").reasoning_tokens) ?? 0,
    searches,
  };
}

/** Reads chat `usage`. */
export function usageFromChat(usage: Json | undefined): Usage {
  const of = isObject(usage) ? usage : {};
  const details = member(of, "prompt_tokens_details");
  return {
    input: count(of.prompt_tokens) ?? 0,
    cacheRead: count(details.cached_tokens) ?? 0,
    cacheWrite: count(details.cache_write_tokens) ?? 0,
    output: count(of.completion_tokens) ?? 0,
    reasoning: count(member(of, "completion_tokens_details").reasoning_tokens) ?? 0,
    searches: 0,
  };
}

export function usageToMessages(usage: Usage): JsonObject {
  return {
    input_tokens: Math.max(0, usage.input - usage.cacheRead - usage.cacheWrite),
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: usage.reasoning },
    server_tool_use: { web_search_requests: usage.searches },
  };
}

export function usageToResponses(usage: Usage): JsonObject {
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.input + usage.output,
  };
}

export function usageToChat(usage: Usage): JsonObject {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
    completion_tokens_details: { reasoning_tokens: usage.reasoning },
  };
}

function member(of: JsonObject, name: string): JsonObject {
  const value = of[name];
  return isObject(value) ? value : {};
}

/** A count; undefined for anything else. */
function count(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
