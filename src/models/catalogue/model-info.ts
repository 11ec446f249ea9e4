/**
 * The model list that Codex CLI asks for with `?client_version=` (providers/codex.md §2.6, §5.2): the rows of the account's own list
 * as the provider sent them, with the vendor's prompts and everything else that the CLI goes by.
 *
 * For an account whose list is not known Kleis can only describe the models. It leaves out `base_instructions`, which are
 * the vendor's: with others in their place the CLI would work without its own prompt, and without the member 0.169 passes
 * the whole list over and keeps the one that it brings along (seen November 2026). That is why the two are never mixed.
 * Beside the provider's rows a model of another protocol is described with the prompt of one of them, which is the CLI's.
 */
import { isObject, type JsonObject, text } from "../../json.ts";
import type { RegistryModel } from "../../providers/registry-model.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import type { ListedModel } from "./list.ts";

/** The efforts of the vendor's own lists that a registry can name (providers/codex.md §5.3), with the words of the CLI's picker. */
const EFFORTS: ReadonlyMap<string, string> = new Map([
  ["low", "Fast, with little reasoning"],
  ["medium", "Balanced speed and depth"],
  ["high", "Thorough, for hard problems"],
  ["xhigh", "Very thorough, and slow"],
  ["max", "As thorough as the model can be, and the slowest"],
]);

/**
 * The models that the CLI can use by a bare id on `/v1/responses`, the operator's names and translated models among them; it
 * recognises no others (§5.3). `hidden` ones are only told of by their own rows.
 */
export function modelInfos(
  listed: readonly ListedModel[],
  hidden: readonly ListedModel[],
  rowOf: (entry: CatalogueEntry) => JsonObject | undefined,
): JsonObject[] {
  const rows = [...listed, ...hidden].filter(isForCli).flatMap(({ id, entry }): JsonObject[] => {
    const row = isNative(entry) ? rowOf(entry) : undefined;
    return row === undefined ? [] : [{ ...row, slug: id, ...narrowed(row, windowOf(entry)) }];
  });
  const [prompt] = rows.flatMap((row) => text(row.base_instructions) ?? []);
  if (prompt === undefined) return rows.length > 0 ? rows : listed.filter(isForCli).map(modelInfo);
  const translated = listed
    .filter((model) => isForCli(model) && !isNative(model.entry))
    .map((model, index) => ({ ...modelInfo(model, rows.length + index), base_instructions: prompt }));
  return [...rows, ...translated];
}

/** What a prompt may fill, in tokens. */
function windowOf({ limit }: CatalogueEntry): number {
  return limit.input ?? limit.context;
}

/** The row's window where the operator, or another account that may answer, allows less. */
function narrowed({ context_window: theirs }: JsonObject, window: number): JsonObject {
  return typeof theirs === "number" && theirs > window ? { context_window: window } : {};
}

function isForCli({ id }: ListedModel): boolean {
  return !id.includes("/");
}

/** True for a model whose provider speaks the CLI's protocol. */
function isNative({ operations }: CatalogueEntry): boolean {
  return operations.includes("responses");
}

function modelInfo({ id, name, entry }: ListedModel, index: number): JsonObject {
  const { model } = entry;
  const efforts = effortsOf(model);
  const seesImages = model.modalities.input.includes("image");
  const window = windowOf(entry);
  // No other protocol has the parameter.
  const isVerbose = model.reasoning && isNative(entry);
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
    support_verbosity: isVerbose,
    default_verbosity: isVerbose ? "low" : null,
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
