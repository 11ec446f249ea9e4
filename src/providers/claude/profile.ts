/**
 * The one table of Anthropic facts that may change (providers/claude.md §0–§2, newest material October 2026).
 * What a subscription request gets is exactly what stands here; an API-key request uses only the default version.
 */
export const PROFILE = {
  /** When the table was last compared with its source. */
  checked: "2026-10",

  /** Sent where the client names no version (§2.1). */
  defaultVersion: "2023-06-01",
  /** The beta that a bearer token cannot do without (§2.2). */
  oauthBeta: "oauth-2025-04-20",
  /** Put first on `/v1/messages`, in this order (§2.2, "Kleis default"). */
  messagesBetas: ["oauth-2025-04-20", "interleaved-thinking-2025-05-14"],
  /** Put first on `/v1/messages/count_tokens` (§2.2). */
  countTokensBetas: ["oauth-2025-04-20"],
  /** Added to a subscription request's query when the client did not (§2.1). */
  betaQuery: { name: "beta", value: "true" },

  /**
   * The user-agent of a plan's inference for other clients than Claude Code, which sends its own (§2.1, as OpenCode's plugin
   * sent it until 2026-02). `CLAUDE_USER_AGENT` overrides it; empty: Kleis's own name.
   */
  userAgent: "claude-cli/2.1.2 (external, cli)",

  /** The text of the first system block (§2.3). */
  identity: "You are Claude Code, Anthropic's official CLI for Claude.",
  /** How Claude Code itself is known (§2.3). */
  claudeCode: {
    attribution: "x-anthropic-billing-header",
    userAgent: "claude-cli/",
    /** The identity stands within this many system texts. */
    identityWithin: 3,
    /** Its own headers beside the user agent that stay as it sent them (§2.1). */
    headers: ["x-app"],
  },
  /**
   * The product name in system text (§2.4, seed row). `openCode` is how code spells an identifier, never how a product is
   * spelled.
   */
  productName: {
    pattern: /opencode/i,
    spellings: { OpenCode: "Claude Code", openCode: null },
    otherwise: "Claude",
  },

  tools: {
    /** Names that are sent in this casing (§2.5, scheme B). */
    canonical: [
      "Read",
      "Write",
      "Edit",
      "Bash",
      "Grep",
      "Glob",
      "AskUserQuestion",
      "EnterPlanMode",
      "ExitPlanMode",
      "KillShell",
      "NotebookEdit",
      "Skill",
      "Task",
      "TaskOutput",
      "TodoWrite",
      "WebFetch",
      "WebSearch",
    ],
    /** What other names get in front (§2.5, scheme A). */
    prefix: "mcp_",
    pattern: /^[a-zA-Z0-9_-]+$/,
    /** Longest name, in characters, that `tool_reference.tool_name` takes (§2.5). */
    maxLength: 64,
    /** A tool of another `type` is Anthropic's own, with a fixed name (§2.5). */
    clientType: "custom",
    /** The context edit whose lists hold tool names (§2.5). */
    contextEdit: "clear_tool_uses_20250919",
  },

  signIn: {
    /** Shows `code#state` to copy; must be repeated exactly in the exchange (§1.1). */
    redirectUri: "https://platform.claude.com/oauth/code/callback",
    /** Of a plan's sign-in (§1.2, "default to use"). */
    scope:
      "org:create_api_key user:profile user:inference user:sessions:claude_code user:mcp_servers user:file_upload",
    /** Of a sign-in that only makes an API key (§1.2, "console only"). */
    consoleScope: "org:create_api_key user:profile",
    /** Under `CLAUDE_API_URL` (§1.8, §1.9). */
    mintPath: "/api/oauth/claude_cli/create_api_key",
    profilePath: "/api/oauth/profile",
    /** Assumed where the token answer names no lifetime, s; it is 28800 in all that were seen (§1.6). */
    assumedLifetime: 3600,
    /** How long a 429 is waited out, ms (§1.7). */
    waitAtLeast: 5_000,
    waitAtMost: 300_000,
  },

  /** Under `CLAUDE_API_URL`: the models that the credential may use, free of charge (§3.6). */
  modelsPath: "/v1/models",

  /** How secrets look (§1.5). */
  secretShapes: [
    { prefix: "sk-ant-api", kind: "api_key", name: "an Anthropic API key" },
    { prefix: "sk-ant-oat", kind: "access_token", name: "a Claude access token" },
    { prefix: "sk-ant-ort", kind: "refresh_token", name: "a Claude refresh token" },
    { prefix: "sk-ant-admin", kind: null, name: "an Anthropic Admin API key, which cannot ask models" },
  ],
  /** What an API key that a sign-in made begins with. */
  apiKeyPrefix: "sk-ant-api",
} as const;
