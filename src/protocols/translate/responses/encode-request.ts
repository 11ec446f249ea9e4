/** Writes a Responses request from the model (docs/providers/codex.md §2.2), with a fixed order of members. */
import type { JsonObject } from "../../../json.ts";
import type { EncodedRequest } from "../codec.ts";
import { Losses } from "../losses.ts";
import type { ModelRequest, OutputFormat, ToolChoice } from "../model.ts";
import { ToolNames } from "../tools/names.ts";
import { canBeStrict } from "../tools/schema.ts";
import { pairCalls } from "../tools/turns.ts";
import type { TargetTraits } from "../traits.ts";
import { fitEffort } from "../values/effort.ts";
import { fitSampling } from "../values/sampling.ts";
import { encodeItems } from "./encode-items.ts";
import { encodeTools } from "./encode-tools.ts";

/** The least that the API takes for `max_output_tokens`. */
const LEAST_OUTPUT = 16;

/** The name of an output format whose client gave none. */
const FORMAT_NAME = "output";

export function encodeRequest(request: ModelRequest, traits: TargetTraits): EncodedRequest {
  const losses = new Losses();
  const names = new ToolNames(request);
  const paired = pairCalls(request.items);
  losses.list.push(...paired.losses.list);
  const tools = encodeTools(request.tools, names, traits, losses);
  const reasoning = reasoningOf(request, traits, losses);
  const reasons = traits.reasoning.style !== "none" && reasoning?.effort !== "none";
  const sampling = fitSampling(request, traits.sampling, { hottest: 2, reasons }, losses);
  const { topLogprobs } = request.sampling;
  const value = written({
    model: traits.model,
    instructions: instructionsOf(request),
    input: encodeItems(paired.items, names, traits, losses),
    tools: tools.length === 0 ? undefined : tools,
    tool_choice: tools.length === 0 ? undefined : choiceOf(request, names, traits, losses),
    parallel_tool_calls: tools.length === 0 ? undefined : request.parallel,
    max_output_tokens:
      request.maxOutput === undefined ? undefined : Math.max(LEAST_OUTPUT, request.maxOutput),
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_logprobs: topLogprobs,
    reasoning,
    text: textOf(request),
    service_tier: tierOf(request, traits, losses),
    prompt_cache_key: traits.cacheKey ? (request.cacheKey ?? request.session) : undefined,
    include: traits.reasoning.style === "none" ? undefined : ["reasoning.encrypted_content"],
    store: false,
    stream: request.streams,
  });
  return { value, losses: losses.list, emulatedStops: request.stops, betas: [] };
}

/** The members that have a value, in their order. */
function written(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function instructionsOf({ system }: ModelRequest): string | undefined {
  return system.length === 0 ? undefined : system.map(({ text }) => text).join("\n\n");
}

/** Undefined where the request says nothing: the model then does as it does by default, and shows no summaries. */
function reasoningOf(request: ModelRequest, traits: TargetTraits, losses: Losses): JsonObject | undefined {
  const asked = request.reasoning;
  const { effort, change } = fitEffort(asked, traits.reasoning);
  if (change !== undefined) losses.change(request.at.reasoning ?? "reasoning", change);
  if (traits.reasoning.style === "none" || traits.reasoning.levels.length === 0) return undefined;
  const isOn = asked.thinking === "on" || asked.thinking === "adaptive" || asked.display === "summarized";
  if (effort === undefined && !isOn) return undefined;
  const shows = asked.display !== "omitted" && effort !== "none";
  return written({ effort, summary: shows ? "auto" : undefined });
}

function choiceOf(
  request: ModelRequest,
  names: ToolNames,
  traits: TargetTraits,
  losses: Losses,
): JsonObject[string] {
  const { toolChoice: choice } = request;
  const at = request.at.toolChoice ?? "tool_choice";
  if (choice === undefined) return undefined;
  if (choice.mode !== "auto" && choice.mode !== "none" && !traits.forcedToolChoice) {
    losses.change(at, "lowered:tool-choice");
    return "auto";
  }
  if (choice.mode === "web_search") {
    const isOffered =
      traits.webSearch !== undefined && request.tools.some(({ type }) => type === "web_search");
    if (isOffered) return { type: traits.webSearch };
    losses.refuse(at, "the model has no web search", "Let the model choose, or use a model that searches.");
    return undefined;
  }
  return choice.mode === "tool" ? namedChoice(choice, request, names, traits) : choice.mode;
}

function namedChoice(
  { namespace, name }: Extract<ToolChoice, { mode: "tool" }>,
  { tools }: ModelRequest,
  names: ToolNames,
  { customTools }: TargetTraits,
): JsonObject {
  const tool = tools.find((each) => each.type !== "web_search" && each.name === name);
  const type = tool?.type === "custom" && customTools ? "custom" : "function";
  return namespace === undefined ? { type, name: names.alias(undefined, name) } : { type, name, namespace };
}

function textOf({ format, verbosity }: ModelRequest): JsonObject | undefined {
  if (format === undefined && verbosity === undefined) return undefined;
  return written({ format: format && formatOf(format), verbosity });
}

function formatOf(format: OutputFormat): JsonObject {
  if (format.type === "json_object") return { type: "json_object" };
  const { name = FORMAT_NAME, description, schema, strict = canBeStrict(schema) } = format;
  return written({ type: "json_schema", name, description, schema, strict });
}

function tierOf({ tier, at }: ModelRequest, traits: TargetTraits, losses: Losses): string | undefined {
  if (tier === undefined || traits.priority) return tier;
  losses.change(at.tier ?? "service_tier", "dropped:service_tier");
  return undefined;
}
