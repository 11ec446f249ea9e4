/**
 * The model list that Codex CLI 0.98 to 0.155 asks for with `?client_version=` (codex.md §2.6, §5.2). Fields that the
 * CLI has no default for are all here: without one of them it throws the whole list away.
 */
import { isObject, type JsonObject, text } from "../json.ts";
import type { RegistryModel } from "../providers/provider.ts";
import type { ListedModel } from "./list.ts";

/** The efforts that every such version can read (codex.md §5.3), with the words of its picker. */
const EFFORTS: ReadonlyMap<string, string> = new Map([
  ["low", "Fast, with little reasoning"],
  ["medium", "Balanced speed and depth"],
  ["high", "Thorough, for hard problems"],
  ["xhigh", "The most thorough, and slow"],
]);

/** The CLI takes its prompt from here, so it may not be empty. */
const INSTRUCTIONS =
  "You are a coding agent in a terminal, working with the user in one workspace. Read the code before you change it, " +
  "keep to the conventions that you find, make the smallest change that does what was asked, and check it by running " +
  "what the project offers. Use the given tools for commands and edits. Ask before anything destructive. Say briefly " +
  "what you did and what you could not verify.";

/**
 * The models that the CLI can use by a bare id on `/v1/responses`, the operator's names among them; it recognises no
 * others (§5.3).
 */
export function modelInfos(models: readonly ListedModel[]): JsonObject[] {
  return models.filter(isForCli).map(modelInfo);
}

function isForCli({ id, entry }: ListedModel): boolean {
  return !id.includes("/") && entry.operations.includes("responses");
}

function modelInfo({ id, name, entry }: ListedModel, index: number): JsonObject {
  const { model, limit } = entry;
  const efforts = effortsOf(model);
  const seesImages = model.modalities.input.includes("image");
  const window = limit.input ?? limit.context;
  return {
    slug: id,
    display_name: name,
    description: "description" in model ? (text(model.description) ?? name) : name,
    visibility: "list",
    supported_in_api: true,
    minimal_client_version: "0.98.0",
    available_in_plans: [],
    priority: index,
    upgrade: null,
    default_reasoning_level: efforts.includes("medium") ? "medium" : (efforts[0] ?? null),
    supported_reasoning_levels: efforts.map((effort) => ({ effort, description: EFFORTS.get(effort) })),
    supports_reasoning_summaries: model.reasoning,
    default_reasoning_summary: "none",
    support_verbosity: model.reasoning,
    default_verbosity: model.reasoning ? "low" : null,
    context_window: window,
    max_context_window: window,
    auto_compact_token_limit: null,
    effective_context_window_percent: 95,
    truncation_policy: { mode: "tokens", limit: 10_000 },
    input_modalities: seesImages ? ["text", "image"] : ["text"],
    shell_type: "shell_command",
    apply_patch_tool_type: "freeform",
    web_search_tool_type: seesImages ? "text_and_image" : "text",
    supports_parallel_tool_calls: true,
    experimental_supported_tools: [],
    service_tiers: [],
    base_instructions: INSTRUCTIONS,
  };
}

/** What the registry's `reasoning_options` offer of the known efforts. */
function effortsOf(model: RegistryModel): string[] {
  if (!model.reasoning || !("reasoning_options" in model) || !Array.isArray(model.reasoning_options))
    return [];
  const values: unknown[] = model.reasoning_options.flatMap((option: unknown) =>
    isObject(option) && option.type === "effort" && Array.isArray(option.values) ? option.values : [],
  );
  return [...EFFORTS.keys()].filter((effort) => values.includes(effort));
}
