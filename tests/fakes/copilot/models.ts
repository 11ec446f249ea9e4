/** The catalogue of the Copilot fake (`providers/copilot.md` §3.6), with the odd rows that real lists hold. */

export type CopilotPath = "/chat/completions" | "/responses" | "/v1/messages";

/** Which model answers where; without an entry the API does not support it. */
export const ENDPOINTS: Readonly<Record<string, readonly CopilotPath[]>> = {
  "claude-sonnet-4.6": ["/chat/completions", "/v1/messages"],
  "claude-sonnet-5": ["/chat/completions", "/v1/messages"],
  "claude-opus-4.8": ["/chat/completions", "/v1/messages"],
  "claude-haiku-4.5": ["/chat/completions", "/v1/messages"],
  "gpt-5-mini": ["/chat/completions", "/responses"],
  "gpt-5.3-codex": ["/responses"],
  "gpt-5.4": ["/responses"],
  "gpt-5.5": ["/responses"],
  "gemini-3.5-flash": ["/chat/completions"],
  "grok-4.5": ["/chat/completions"],
};

export function catalogue(): object {
  const rows = Object.entries(ENDPOINTS).map(([id, endpoints]) => row(id, endpoints));
  const embedding = {
    id: "text-embedding-3-small",
    name: "Embedding V3 small",
    object: "model",
    capabilities: { type: "embeddings", family: "text-embedding-3-small", limits: { max_inputs: 512 } },
  };
  const disabled = { ...row("claude-opus-5", ["/v1/messages"]), policy: { state: "disabled", terms: "…" } };
  return { object: "list", data: [...rows, embedding, disabled, { id: 7, capabilities: null }] };
}

function row(id: string, endpoints: readonly CopilotPath[]): object {
  return {
    id,
    name: id,
    object: "model",
    vendor: "Fake",
    version: id,
    preview: false,
    model_picker_enabled: true,
    policy: { state: "enabled", terms: "" },
    billing: { is_premium: true, multiplier: 1 },
    capabilities: {
      object: "model_capabilities",
      type: "chat",
      family: id,
      tokenizer: "o200k_base",
      limits: { max_context_window_tokens: 200000, max_prompt_tokens: 168000, max_output_tokens: 32000 },
      supports: { streaming: true, tool_calls: true, parallel_tool_calls: true, vision: true },
    },
    // A missing list means chat only.
    ...(id.startsWith("gemini") ? {} : { supported_endpoints: endpoints }),
  };
}
