/**
 * The one table of Anthropic facts that may change (providers/claude.md); `facts.ts` gives each its date and source.
 * What a subscription request gets is exactly what stands here; an API-key request uses only the default version.
 */
export const PROFILE = {
  /** What the variables of the same names are when they are unset (§1.1, §2.1). */
  defaults: {
    CLAUDE_API_URL: "https://api.anthropic.com",
    CLAUDE_AUTHORIZE_URL: "https://claude.ai/oauth/authorize",
    CLAUDE_CONSOLE_AUTHORIZE_URL: "https://platform.claude.com/oauth/authorize",
    CLAUDE_TOKEN_URL: "https://platform.claude.com/v1/oauth/token",
    CLAUDE_CLIENT_ID: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
  },

  /** Under `CLAUDE_API_URL`, by operation (§2.1). */
  paths: { messages: "/v1/messages", count_tokens: "/v1/messages/count_tokens" },
  /** Headers of Anthropic's own; `family` begins those of a client that travel (§2.1). */
  headers: {
    family: "anthropic-",
    version: "anthropic-version",
    beta: "anthropic-beta",
    apiKey: "x-api-key",
  },
  /** How the ids of its models begin, in lower case, and how a version in them is written elsewhere (§3.6). */
  models: {
    family: /^claude-/,
    spelled: /^claude/i,
    dottedVersion: /(?<=\d)\.(?=\d)/g,
    /** The date that ends the id of one state of a model. */
    date: /-20\d{6}$/,
    /** Characters of an id, and of a cursor. */
    maxId: 256,
    /** The list under `CLAUDE_API_URL`, free of charge: rows asked for at a time, and where the next page's begin. */
    path: "/v1/models",
    perPage: 1000,
    cursor: "after_id",
    /** Levels of effort that a row may name, lowest first, and the smallest budget of thinking, tokens. */
    efforts: ["low", "medium", "high", "xhigh", "max"],
    minBudget: 1024,
    /** What neither list nor registry tells: the smallest of the current models' limits in tokens, and no date. */
    unknown: { context: 200_000, output: 64_000, release: "1970-01-01" },
  },
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
    /** Its identities beside the one above: without a terminal, and so with an appended system prompt (§2.3). */
    headless: [
      "You are a Claude agent, built on Anthropic's Claude Agent SDK.",
      "You are Claude Code, Anthropic's official CLI for Claude, running within the Claude Agent SDK.",
    ],
    /** One of its identities stands within this many system texts. */
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
    /** Sent beside the standard's fields (§1.3). */
    authorizeFields: { code: "true" },
    /** What a plan's name begins with in `organization_type` (§1.9). */
    planPrefix: /^claude_/,
    /** Under `CLAUDE_API_URL` (§1.8, §1.9). */
    mintPath: "/api/oauth/claude_cli/create_api_key",
    profilePath: "/api/oauth/profile",
    /** Assumed where the token response names no lifetime, s; it is 28800 in all that were seen (§1.6). */
    assumedLifetime: 3600,
    /** How long a 429 is waited out, ms (§1.7). */
    waitAtLeast: 5_000,
    waitAtMost: 300_000,
  },

  /** What translated requests use: the web search tool's `type`, and the models that take `speed: "fast"` (§3.1). */
  translation: { webSearch: "web_search_20250305", fast: /^claude-opus-/ },

  /** Under `CLAUDE_API_URL`: what a plan has used of its windows; only live checks ask (§1.9). */
  usagePath: "/api/oauth/usage",
  /** What the headers begin with that tell of limits: to plans, and to API keys (§3.5). */
  limitHeaders: ["anthropic-ratelimit-"],
  /** Member of a response that counts tokens from the cache (§3.2). */
  cachedTokens: "usage.cache_read_input_tokens",
  /** How an image is sent (§3.1). */
  image: "source.type base64",
  /** Models that live checks ask, the cheapest first. */
  checked: [/haiku/, /sonnet/, /./],

  /** How secrets look (§1.5). */
  secretShapes: [
    { prefix: "sk-ant-api", kind: "api_key", name: "an Anthropic API key" },
    { prefix: "sk-ant-oat", kind: "access_token", name: "a Claude access token" },
    { prefix: "sk-ant-ort", kind: "refresh_token", name: "a Claude refresh token" },
    { prefix: "sk-ant-admin", kind: null, name: "an Anthropic Admin API key, which cannot ask models" },
  ],
  /** Response headers that its clients act upon (§3.5). */
  responseHeaders: { passed: ["anthropic-"], requestIds: [] },
  /** Where Claude Code keeps its login (§1.5). */
  credentialFiles: [
    {
      agent: "Claude Code",
      path: "~/.claude/.credentials.json",
      keychainCommand: 'security find-generic-password -s "Claude Code-credentials" -w',
    },
  ],
  /** What an API key that a sign-in made begins with. */
  apiKeyPrefix: "sk-ant-api",
} as const;

/** What Anthropic publicly allows, told to the owner before an account is connected (§0). */
export const TERMS = [
  "Anthropic's published rules (Claude Code legal page, read in August 2026) allow the sign-in of a Free, Pro, Max or",
  "similar plan only in Claude Code and Anthropic's own apps, and forbid other tools to store or pass on such sign-ins.",
  "Using one through Kleis goes against these rules, even for your own account and your own use.",
  "Possible results: refused requests, requests billed as pay-as-you-go usage credits instead of your plan (Anthropic",
  "has done this to other tools since April 2026), and suspension of the account, possibly without warning.",
  "With a plan's sign-in Kleis puts the Claude Code identity line before the system prompt, replaces the product name",
  "OpenCode there, maps tool names, and bears the user-agent that the plan expects (CLAUDE_USER_AGENT); every answer's x-kleis-changes header says so. It does nothing against a refusal:",
  "Anthropic's answer is passed on as it came.",
  "The way that Anthropic explicitly allows is an API key of your own from the Claude Console, billed to you.",
  "Kleis leaves the content of requests with an API key as it is.",
].join(" ");

/** What speaks against letting several accounts take turns. */
export const FAILOVER_NOTICE = [
  "Anthropic forbids Claude plans in other tools altogether, and plans that take turns are the clearest sign of it:",
  "it may suspend all of them, without a refund. What it allows is an API key.",
].join(" ");
