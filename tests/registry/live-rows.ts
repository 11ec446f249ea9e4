/** Rows of accounts' own lists, as providers send them (providers/copilot.md §3.6, providers/codex.md §2.6). */

export function copilotRow(id: string, endpoints?: string[], change: Record<string, unknown> = {}): object {
  return {
    id,
    name: `Live ${id}`,
    object: "model",
    model_picker_enabled: true,
    policy: { state: "enabled", terms: "" },
    capabilities: {
      type: "chat",
      limits: { max_context_window_tokens: 200_000, max_prompt_tokens: 168_000, max_output_tokens: 32_000 },
      supports: { tool_calls: true, vision: true, reasoning_effort: ["low", "high"] },
    },
    ...(endpoints === undefined ? {} : { supported_endpoints: endpoints }),
    ...change,
  };
}

export function copilotList(...rows: unknown[]): object {
  return { object: "list", data: rows };
}

export function codexRow(slug: string, change: Record<string, unknown> = {}): object {
  return {
    slug,
    display_name: `Live ${slug}`,
    description: "A model of the plan",
    visibility: "list",
    supported_in_api: true,
    context_window: 272_000,
    supported_reasoning_levels: [{ effort: "low", description: "" }],
    input_modalities: ["text", "image"],
    ...change,
  };
}
