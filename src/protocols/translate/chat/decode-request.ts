/** Reads a Chat Completions request into the model. */
import { isObject, type Json, type JsonObject, text } from "../../../json.ts";
import type { DroppedField } from "../changes.ts";
import type { DecodedRequest } from "../codec.ts";
import { booleanIn, Losses, malformed, numberIn, objectAt, stringAt, stringIn } from "../losses.ts";
import type { ModelRequest, OutputFormat } from "../model.ts";
import { EFFORTS } from "../values/effort.ts";
import { decodeMessages } from "./decode-messages.ts";
import { decodeToolChoice, decodeTools } from "./decode-tools.ts";

const KNOWN: ReadonlySet<string> = new Set([
  "frequency_penalty",
  "function_call",
  "functions",
  "logit_bias",
  "logprobs",
  "max_completion_tokens",
  "max_tokens",
  "messages",
  "metadata",
  "modalities",
  "model",
  "n",
  "parallel_tool_calls",
  "prediction",
  "presence_penalty",
  "prompt_cache_key",
  "prompt_cache_retention",
  "reasoning_effort",
  "response_format",
  "safety_identifier",
  "seed",
  "service_tier",
  "stop",
  "store",
  "stream",
  "stream_options",
  "temperature",
  "tool_choice",
  "tools",
  "top_logprobs",
  "top_p",
  "user",
  "verbosity",
  "web_search_options",
]);

/** Members that tune what no other protocol has; without influence where they hold nothing. */
const TUNING: readonly DroppedField[] = ["frequency_penalty", "presence_penalty", "logit_bias", "seed"];

export function decodeRequest(body: JsonObject): DecodedRequest {
  const losses = new Losses();
  losses.unknown(body, KNOWN, "");
  refuseOld(body, losses);
  for (const name of TUNING) if (tunes(name, body[name])) losses.change(name, `dropped:${name}`);
  const { system, items } = decodeMessages(body.messages, losses);
  const options = isObject(body.stream_options) ? body.stream_options : {};
  const newer = body.max_completion_tokens !== undefined && body.max_completion_tokens !== null;
  const limit = newer ? "max_completion_tokens" : "max_tokens";
  const request: ModelRequest = {
    model: stringAt(body.model, "model"),
    streams: body.stream === true,
    includeUsage: options.include_usage === true,
    system,
    items,
    tools: decodeTools(body, losses),
    toolChoice: decodeToolChoice(body.tool_choice, losses),
    parallel: booleanIn(body, "parallel_tool_calls", ""),
    maxOutput: numberIn(body, limit, ""),
    stops: stopsOf(body.stop),
    sampling: {
      temperature: numberIn(body, "temperature", ""),
      topP: numberIn(body, "top_p", ""),
      topLogprobs: topLogprobs(body, losses),
    },
    reasoning: { effort: effortOf(body.reasoning_effort, losses) },
    format: formatOf(body.response_format),
    verbosity: stringIn(body, "verbosity", ""),
    tier: tierOf(body.service_tier, losses),
    cacheKey: text(body.prompt_cache_key),
    session: undefined,
    at: {
      toolChoice: "tool_choice",
      parallel: "parallel_tool_calls",
      maxOutput: limit,
      stops: "stop",
      temperature: "temperature",
      topP: "top_p",
      topLogprobs: "top_logprobs",
      reasoning: "reasoning_effort",
      format: "response_format",
      verbosity: "verbosity",
      tier: "service_tier",
    },
  };
  return { request, losses: losses.list };
}

/** What a single text response of a model with tools cannot be. */
function refuseOld(body: JsonObject, losses: Losses): void {
  for (const name of ["functions", "function_call"])
    if (body[name] !== undefined && body[name] !== null)
      losses.refuse(name, "functions of this form are not translated", "Use `tools`.");
  if (typeof body.n === "number" && body.n > 1)
    losses.refuse("n", "it gives one answer per request", "Leave `n` out.");
  if (Array.isArray(body.modalities) && body.modalities.includes("audio"))
    losses.refuse("modalities", "it answers in text", "Leave `modalities` out.");
}

function tunes(name: DroppedField, value: Json | undefined): boolean {
  if (value === undefined || value === null) return false;
  if (name === "seed") return true;
  return isObject(value) ? Object.keys(value).length > 0 : value !== 0;
}

function topLogprobs(body: JsonObject, losses: Losses): number | undefined {
  if (body.logprobs !== true) return undefined;
  const top = numberIn(body, "top_logprobs", "");
  if (top === undefined) losses.change("logprobs", "dropped:logprobs");
  return top;
}

function stopsOf(stop: Json | undefined): string[] {
  if (stop === undefined || stop === null) return [];
  const list = Array.isArray(stop) ? stop : [stop];
  return list
    .map((each, index) => stringAt(each, Array.isArray(stop) ? `stop.${index}` : "stop"))
    .filter((each) => each !== "");
}

function effortOf(value: Json | undefined, losses: Losses): ModelRequest["reasoning"]["effort"] {
  if (value === undefined || value === null) return undefined;
  const effort = EFFORTS.find((known) => known === value);
  if (effort === undefined) losses.change("reasoning_effort", "dropped:effort");
  return effort;
}

function formatOf(value: Json | undefined): OutputFormat | undefined {
  if (value === undefined || value === null) return undefined;
  const { type, json_schema: given } = objectAt(value, "response_format");
  if (type === "text") return undefined;
  if (type === "json_object") return { type };
  if (type !== "json_schema")
    return malformed("response_format.type", 'must be "text", "json_object" or "json_schema"');
  const schema = objectAt(given, "response_format.json_schema");
  return {
    type,
    name: text(schema.name),
    description: text(schema.description),
    schema: objectAt(schema.schema ?? {}, "response_format.json_schema.schema"),
    strict: booleanIn(schema, "strict", "response_format.json_schema"),
  };
}

function tierOf(value: Json | undefined, losses: Losses): ModelRequest["tier"] {
  if (value === "priority" || value === "fast") return "priority";
  if (value === "flex") return "flex";
  if (value !== undefined && value !== null && value !== "auto" && value !== "default")
    losses.change("service_tier", "dropped:service_tier");
  return undefined;
}
