/** The catalogue of the Copilot fake (providers/copilot.md §3.6), with the odd rows that real lists hold. */

export type CopilotPath = "/chat/completions" | "/responses" | "/v1/messages";

type Endpoints = Readonly<Record<string, readonly CopilotPath[]>>;

const CLAUDE: readonly CopilotPath[] = ["/chat/completions", "/v1/messages"];
const RESPONSES: readonly CopilotPath[] = ["/responses"];
const CHAT: readonly CopilotPath[] = ["/chat/completions"];

/** The models that the account's own list names. */
const LISTED: Endpoints = {
  "claude-sonnet-4.6": CLAUDE,
  "claude-sonnet-5": CLAUDE,
  "claude-opus-4.8": CLAUDE,
  "claude-haiku-4.5": CLAUDE,
  "gpt-5-mini": ["/chat/completions", "/responses"],
  "gpt-5.3-codex": RESPONSES,
  "gpt-5.4": RESPONSES,
  "gpt-5.5": RESPONSES,
  "gemini-3.5-flash": CHAT,
  "grok-4.5": CHAT,
};

/** What models.dev has beside them (2026-09-28), on the endpoints that are known for each family (§3.5). */
const UNLISTED: Endpoints = {
  "claude-fable-5": CLAUDE,
  "claude-fable-5.1": CLAUDE,
  "claude-opus-4.7": CLAUDE,
  "claude-opus-5": CLAUDE,
  "claude-opus-5.5": CLAUDE,
  "gemini-3.6-flash": CHAT,
  "gemini-3.7-flash": CHAT,
  "gemini-3.8-flash": CHAT,
  "gpt-5.4-mini": RESPONSES,
  "gpt-5.4-nano": RESPONSES,
  "gpt-5.6-luna": RESPONSES,
  "gpt-5.6-sol": RESPONSES,
  "gpt-5.6-terra": RESPONSES,
  "gpt-6-astra": RESPONSES,
  "gpt-6-luna": RESPONSES,
  "gpt-6-sol": RESPONSES,
  "grok-4.6": CHAT,
  "grok-4.7": CHAT,
  "kimi-k2.7-code": CHAT,
  "kimi-k3": CHAT,
  "mai-code-1-flash-picker": CHAT,
  "mai-code-1.1-flash": CHAT,
};

/** Which model answers where; without an entry the API does not support it. */
export const ENDPOINTS: Endpoints = { ...LISTED, ...UNLISTED };

export function catalogue(): object {
  const rows = Object.entries(LISTED).map(([id, endpoints]) => row(id, endpoints));
  const embedding = {
    id: "text-embedding-3-small",
    name: "Embedding V3 small",
    object: "model",
    capabilities: { type: "embeddings", family: "text-embedding-3-small", limits: { max_inputs: 512 } },
  };
  const disabled = { ...row("claude-opus-4.5", ["/v1/messages"]), policy: { state: "disabled", terms: "…" } };
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
