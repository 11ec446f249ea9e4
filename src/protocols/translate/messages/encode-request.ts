/**
 * A Messages request for a model of Claude's, from the model's (providers/claude.md §3.1). The conversation is written in
 * `encode-messages.ts`, the tools in `encode-tools.ts`.
 */
import type { JsonObject } from "../../../json.ts";
import type { EncodedRequest } from "../codec.ts";
import { Losses } from "../losses.ts";
import type { ModelRequest, TextPart } from "../model.ts";
import { ToolNames } from "../tools/names.ts";
import { outputSchema } from "../tools/schema.ts";
import type { MessagesTraits, TargetTraits } from "../traits.ts";
import { cacheControl, placeMarks, removeMarks } from "../values/cache.ts";
import { type FittedThinking, fitThinking } from "../values/effort.ts";
import { fitSampling } from "../values/sampling.ts";
import { BlockWriter } from "./encode-blocks.ts";
import { encodeConversation } from "./encode-messages.ts";
import { encodeToolChoice, encodeTools } from "./encode-tools.ts";
import { keptItems, lacksThinking } from "./restore-thinking.ts";

/** `max_tokens` for a client that names none: what Claude Code asks for (2.1.330). */
const MAX_TOKENS = 64_000;

const BINDING_BETA = "thinking-binding-controls-2026-08-01";
const INTERLEAVED_BETA = "interleaved-thinking-2025-05-14";
const FAST_BETA = "fast-mode-2026-02-01";

/** For a target whose traits say nothing of Messages: the oldest rules, which every model takes. */
const OLDEST: MessagesTraits = { developerText: "reminder", prefill: false, bindsThinking: false };

export function encodeRequest(request: ModelRequest, traits: TargetTraits): EncodedRequest {
  const losses = new Losses();
  const rules = traits.messages ?? OLDEST;
  const names = new ToolNames(request);
  const tools = encodeTools(request.tools, names, traits, losses);
  const choice = encodeToolChoice(request, names, tools.length > 0, traits, losses);
  const maxTokens = limitTokens(request, traits, losses);
  const restorable = keptItems(request.items, traits.owner);
  const bars = choice.isForced || lacksThinking(restorable.items);
  const fitted = fitThinking(request.reasoning, traits.reasoning, { maxTokens, bars });
  declareThinking(request, fitted, losses);
  const kept = fitted.isActive ? restorable : keptItems(request.items, undefined);
  losses.list.push(...kept.losses.list);
  const system = [...request.system];
  const blocks = new BlockWriter(names, traits.owner, losses);
  const messages = encodeConversation(kept.items, system, {
    blocks,
    losses,
    developerText: rules.developerText,
    prefill: rules.prefill && !fitted.isActive,
  });
  const systemBlocks = system.map(systemBlock);
  const marked = { tools, system: systemBlocks, messages };
  if (!traits.cacheMarks) removeMarks(marked);
  else if (placeMarks(marked)) losses.change("", "placed:cache");

  const value: JsonObject = { model: traits.model, max_tokens: maxTokens };
  if (systemBlocks.length > 0) value.system = systemBlocks;
  value.messages = messages.map(({ role, content }) => ({ role, content }));
  if (tools.length > 0) value.tools = tools;
  if (choice.value !== undefined) value.tool_choice = choice.value;
  const betas: string[] = [];
  const binds = rules.bindsThinking && fitted.isActive && kept.items.some(({ type }) => type === "reasoning");
  const thinking = writeThinking(request, fitted, binds);
  if (thinking !== undefined) value.thinking = thinking;
  if (binds) betas.push(BINDING_BETA);
  if (traits.reasoning.style === "budget" && fitted.isActive && tools.length > 0)
    betas.push(INTERLEAVED_BETA);
  const output = encodeOutput(request, fitted, losses);
  if (output !== undefined) value.output_config = output;
  writeTuning(value, request, traits, fitted, losses);
  if (request.tier === "priority" && traits.priority) {
    value.speed = "fast";
    betas.push(FAST_BETA);
  } else if (request.tier !== undefined)
    losses.change(request.at.tier ?? "service_tier", "dropped:service_tier");
  value.stream = request.streams;
  return { value, losses: losses.list, emulatedStops: [], betas };
}

function limitTokens({ maxOutput, at }: ModelRequest, traits: TargetTraits, losses: Losses): number {
  if (maxOutput === undefined) {
    losses.change("max_tokens", "added:max-tokens");
    return Math.min(traits.maxOutput ?? MAX_TOKENS, MAX_TOKENS);
  }
  if (traits.maxOutput === undefined || maxOutput <= traits.maxOutput) return maxOutput;
  losses.change(at.maxOutput ?? "max_tokens", "lowered:max-tokens");
  return traits.maxOutput;
}

function declareThinking({ at }: ModelRequest, { lowered, isDropped }: FittedThinking, losses: Losses): void {
  const path = at.reasoning ?? "reasoning";
  for (const field of lowered) losses.change(path, `lowered:${field}`);
  if (isDropped) losses.change(path, "dropped:effort");
}

function writeThinking(
  { reasoning }: ModelRequest,
  { thinking, isActive }: FittedThinking,
  binds: boolean,
): JsonObject | undefined {
  if (thinking === "disabled") return { type: "disabled" };
  // A model that thinks by default is told so where something has to be said of its thinking.
  if (thinking === undefined && !(isActive && binds)) return undefined;
  const out: JsonObject =
    typeof thinking === "object" ? { type: "enabled", budget_tokens: thinking.budget } : { type: "adaptive" };
  if (reasoning.display === "summarized") out.display = "summarized";
  if (binds) out.block_binding = { prefix_mismatch_behavior: "drop_block" };
  return out;
}

function encodeOutput(
  { format, verbosity, at }: ModelRequest,
  { effort }: FittedThinking,
  losses: Losses,
): JsonObject | undefined {
  if (verbosity !== undefined) losses.change(at.verbosity ?? "verbosity", "dropped:verbosity");
  const output: JsonObject = {};
  if (effort !== undefined) output.effort = effort;
  if (format?.type === "json_schema")
    output.format = { type: "json_schema", schema: outputSchema(format.schema) };
  else if (format !== undefined) losses.change(at.format ?? "format", "dropped:json_object");
  return Object.keys(output).length === 0 ? undefined : output;
}

function writeTuning(
  value: JsonObject,
  request: ModelRequest,
  traits: TargetTraits,
  { isActive }: FittedThinking,
  losses: Losses,
): void {
  const stops = request.stops.filter((stop) => stop.trim() !== "");
  if (stops.length > 0) value.stop_sequences = stops;
  if (stops.length < request.stops.length) losses.change(request.at.stops ?? "stop", "dropped:stop");
  const scene = { hottest: 1, reasons: isActive } as const;
  const { temperature, topP } = fitSampling(request, traits.sampling, scene, losses);
  if (temperature !== undefined) value.temperature = temperature;
  if (topP !== undefined) value.top_p = topP;
  if (request.sampling.topLogprobs !== undefined)
    losses.change(request.at.topLogprobs ?? "top_logprobs", "dropped:top_logprobs");
}

function systemBlock({ text, cache }: TextPart): JsonObject {
  return { type: "text", text, ...(cache === undefined ? {} : { cache_control: cacheControl(cache) }) };
}
