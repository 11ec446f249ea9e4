/**
 * The model list that Codex CLI asks for with `?client_version=` (providers/codex.md §2.6, §5.2). It has no
 * `base_instructions`: those are the vendor's, some 20 kB for each model, and Kleis does not have them. With others in
 * their place the CLI would work without its own prompt; without any, 0.169 passes the list over and keeps the one that
 * it brings along (seen November 2026), which is the better one.
 */
import { isObject, type JsonObject, text } from "../../json.ts";
import type { RegistryModel } from "../../providers/provider.ts";
import type { ListedModel } from "./list.ts";

/** The efforts that every such version can read (providers/codex.md §5.3), with the words of its picker. */
const EFFORTS: ReadonlyMap<string, string> = new Map([
  ["low", "Fast, with little reasoning"],
  ["medium", "Balanced speed and depth"],
  ["high", "Thorough, for hard problems"],
  ["xhigh", "The most thorough, and slow"],
]);

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
