/** Writes a Chat Completions request from the model, with a fixed order of members. */
import type { JsonObject } from "../../../json.ts";
import type { EncodedRequest } from "../codec.ts";
import { Losses } from "../losses.ts";
import type { CustomTool, FunctionTool, ModelRequest, OutputFormat, Tool } from "../model.ts";
import { wrapCustomTool } from "../tools/custom.ts";
import { ToolNames } from "../tools/names.ts";
import { canBeStrict, objectSchema } from "../tools/schema.ts";
import { pairCalls } from "../tools/turns.ts";
import type { TargetTraits } from "../traits.ts";
import { fitEffort } from "../values/effort.ts";
import { fitSampling } from "../values/sampling.ts";
import { encodeMessages } from "./encode-messages.ts";

/** How many stop sequences the protocol takes. */
const MOST_STOPS = 4;

/** The name of an output format whose client gave none. */
const FORMAT_NAME = "output";

export function encodeRequest(request: ModelRequest, traits: TargetTraits): EncodedRequest {
  const losses = new Losses();
  const names = new ToolNames(request);
  const paired = pairCalls(request.items);
  losses.list.push(...paired.losses.list);
  const tools = request.tools.flatMap((tool) => encodeTool(tool, names, traits, losses));
  const fitted = fitEffort(request.reasoning, traits.reasoning);
  if (fitted.change !== undefined) losses.change(request.at.reasoning ?? "reasoning", fitted.change);
  const reasons = traits.reasoning.style !== "none" && fitted.effort !== "none";
  const sampling = fitSampling(request, traits.sampling, { hottest: 2, reasons }, losses);
  const { topLogprobs } = request.sampling;
  if (request.verbosity !== undefined)
    losses.change(request.at.verbosity ?? "verbosity", "dropped:verbosity");
  const stops = request.stops.length > MOST_STOPS ? [] : request.stops;
  const value = written({
    model: traits.model,
    messages: encodeMessages(request.system, paired.items, names, traits, losses),
    tools: tools.length === 0 ? undefined : tools,
    tool_choice: tools.length === 0 ? undefined : choiceOf(request, names, traits, losses),
    parallel_tool_calls: tools.length === 0 ? undefined : request.parallel,
    max_completion_tokens: request.maxOutput,
    stop: stops.length === 0 ? undefined : [...stops],
    temperature: sampling.temperature,
    top_p: sampling.topP,
    logprobs: topLogprobs === undefined ? undefined : true,
    top_logprobs: topLogprobs,
    reasoning_effort: traits.reasoning.levels.length === 0 ? undefined : fitted.effort,
    response_format: request.format && formatOf(request.format),
    service_tier: tierOf(request, traits, losses),
    prompt_cache_key: traits.cacheKey ? (request.cacheKey ?? request.session) : undefined,
    stream: request.streams,
    stream_options: request.streams ? { include_usage: true } : undefined,
  });
  const emulatedStops = stops.length === 0 ? request.stops : [];
  return { value, losses: losses.list, emulatedStops, betas: [] };
}

/** The members that have a value, in their order. */
function written(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function encodeTool(tool: Tool, names: ToolNames, traits: TargetTraits, losses: Losses): JsonObject[] {
  if (tool.type === "web_search") {
    losses.change(tool.at, "dropped:web_search");
    return [];
  }
  const name = names.alias(tool.namespace, tool.name);
  if (tool.type === "function") return [functionOf(name, tool)];
  if (traits.customTools) return [customOf(name, tool)];
  losses.change(tool.at, "wrapped:tools");
  return [functionOf(name, wrapCustomTool(tool))];
}

function functionOf(
  name: string,
  { description, schema, strict }: Pick<FunctionTool, "description" | "schema" | "strict">,
): JsonObject {
  const parameters = objectSchema(schema);
  return { type: "function", function: written({ name, description, parameters, strict }) };
}

function customOf(name: string, { description, grammar }: CustomTool): JsonObject {
  const format = grammar === undefined ? undefined : { type: "grammar", grammar: { ...grammar } };
  return { type: "custom", custom: written({ name, description, format }) };
}

function choiceOf(
  { toolChoice: choice, tools, at }: ModelRequest,
  names: ToolNames,
  traits: TargetTraits,
  losses: Losses,
): JsonObject[string] {
  const path = at.toolChoice ?? "tool_choice";
  if (choice === undefined) return undefined;
  if (choice.mode === "web_search") {
    losses.refuse(path, "the model has no web search", "Let the model choose, or use a model that searches.");
    return undefined;
  }
  if (choice.mode !== "auto" && choice.mode !== "none" && !traits.forcedToolChoice) {
    losses.change(path, "lowered:tool-choice");
    return "auto";
  }
  if (choice.mode !== "tool") return choice.mode;
  const tool = tools.find((each) => each.type !== "web_search" && each.name === choice.name);
  const type = tool?.type === "custom" && traits.customTools ? "custom" : "function";
  return { type, [type]: { name: names.alias(choice.namespace, choice.name) } };
}

function formatOf(format: OutputFormat): JsonObject {
  if (format.type === "json_object") return { type: "json_object" };
  const { name = FORMAT_NAME, description, schema, strict = canBeStrict(schema) } = format;
  return { type: "json_schema", json_schema: written({ name, description, schema, strict }) };
}

function tierOf({ tier, at }: ModelRequest, traits: TargetTraits, losses: Losses): string | undefined {
  if (tier === undefined || traits.priority) return tier;
  losses.change(at.tier ?? "service_tier", "dropped:service_tier");
  return undefined;
}
