/**
 * The backend's own list of models (`providers/codex.md` §2.6): filtered by the asking client's version, in rows of the
 * shape that Codex CLI 0.169 reads, with prompts in our own words. How many rows each version gets, and what the gpt-6
 * models need, was measured; which models make up the first five and the three of 0.144 is our guess.
 */
import { type RecordedRequest, refuse } from "../server.ts";
import { detail } from "./errors.ts";

interface ListedModel {
  readonly slug: string;
  readonly name: string;
  /** The oldest client that is told of it. */
  readonly since: string;
  readonly priority: number;
  /** What differs from the other rows. */
  readonly own?: object;
}

/** The form whose tools and prompt stand in `input`. */
const LITE = { use_responses_lite: true, tool_mode: "code_mode_only", multi_agent_version: "v2" };

const LISTED: readonly ListedModel[] = [
  { slug: "gpt-5.5", name: "GPT-5.5", since: "0.124.0", priority: 13 },
  { slug: "gpt-5.4", name: "GPT-5.4", since: "0.98.0", priority: 16 },
  { slug: "gpt-5.4-mini", name: "GPT-5.4-Mini", since: "0.98.0", priority: 18 },
  {
    slug: "gpt-5.3-codex-spark",
    name: "GPT-5.3-Codex-Spark",
    since: "0.100.0",
    priority: 20,
    own: { context_window: 128_000, max_context_window: 128_000, input_modalities: ["text"] },
  },
  {
    slug: "codex-auto-review",
    name: "Codex Auto Review",
    since: "0.124.0",
    priority: 43,
    own: { visibility: "hide" },
  },
  { slug: "gpt-5.6-sol", name: "GPT-5.6-Sol", since: "0.144.0", priority: 5, own: LITE },
  { slug: "gpt-5.6-terra", name: "GPT-5.6-Terra", since: "0.144.0", priority: 8, own: LITE },
  { slug: "gpt-5.6-luna", name: "GPT-5.6-Luna", since: "0.144.0", priority: 9, own: LITE },
  { slug: "gpt-6-astra", name: "GPT-6-Astra", since: "0.153.0", priority: 2, own: LITE },
  { slug: "gpt-6-sol", name: "GPT-6-Sol", since: "0.155.0", priority: 3, own: LITE },
  { slug: "gpt-6-luna", name: "GPT-6-Luna", since: "0.155.0", priority: 4, own: LITE },
];

/** True for what some version of the list names, hidden or not. */
export function isListed(slug: string): boolean {
  return LISTED.some((model) => model.slug === slug);
}

/** The prompt that a row brings, in words of our own. */
export function promptOf(slug: string): string {
  return `You are the coding agent of ${slug}, as the stand-in of its backend describes it. ${"Work with care. ".repeat(600)}`;
}

/** The rows for a request's `client_version`, which it must name. */
export function listedFor(request: RecordedRequest): object[] {
  const version = request.query.get("client_version") ?? "";
  if (!/^\d+\.\d+\.\d+$/.test(version)) {
    refuse("no client_version", detail("client_version is required"));
  }
  return LISTED.filter(({ since }) => compare(since, version) <= 0).map(rowOf);
}

function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  const at = [0, 1, 2].find((place) => left?.[place] !== right?.[place]);
  return at === undefined ? 0 : (left?.[at] ?? 0) - (right?.[at] ?? 0);
}

function rowOf({ slug, name, since, priority, own }: ListedModel): object {
  return {
    slug,
    display_name: name,
    description: `${name} of the stand-in.`,
    default_reasoning_level: "medium",
    supported_reasoning_levels: ["low", "medium", "high", "xhigh", "max"].map((effort) => ({
      effort,
      description: `${effort}, as the backend says it`,
    })),
    shell_type: "unified_exec",
    visibility: "list",
    supported_in_api: true,
    minimal_client_version: since,
    priority,
    additional_speed_tiers: ["fast"],
    service_tiers: [{ id: "priority", name: "Fast", description: "1.5x speed" }],
    availability_nux: null,
    upgrade: null,
    available_in_plans: ["plus", "pro"],
    include_skills_usage_instructions: true,
    supports_reasoning_summaries: true,
    default_reasoning_summary: "none",
    support_verbosity: true,
    default_verbosity: "low",
    apply_patch_tool_type: "freeform",
    web_search_tool_type: "text_and_image",
    truncation_policy: { mode: "tokens", limit: 10000 },
    supports_parallel_tool_calls: true,
    supports_image_detail_original: true,
    context_window: 272000,
    max_context_window: 272000,
    auto_compact_token_limit: null,
    effective_context_window_percent: 95,
    experimental_supported_tools: [],
    input_modalities: ["text", "image"],
    supports_search_tool: true,
    use_responses_lite: false,
    base_instructions: promptOf(slug),
    ...own,
  };
}
