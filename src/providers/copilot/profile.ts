/**
 * What is true of GitHub Copilot today and may change: hosts, header values, model gates, words.
 * Read from public sources (providers/copilot.md, sections named below); nothing was probed live. `facts.ts` gives each
 * its date and source.
 */
import type { Operation } from "../../protocols/protocol.ts";
import type { HostedTool } from "../../protocols/responses/hosted-tools.ts";
import type { ResponseHeaders } from "../provider.ts";
import type { SecretShape } from "../secret-shape.ts";

/**
 * What the variables of the same names are when they are unset (§1.1, §1.2): GitHub's own addresses, and the id of
 * OpenCode's OAuth app.
 */
export const DEFAULTS = {
  GITHUB_URL: "https://github.com",
  GITHUB_API_URL: "https://api.github.com",
  COPILOT_CLIENT_ID: "Ov23li8tweQw6odWQebz",
} as const;

/** The API base that answers for most plans (§2.1). */
export const DEFAULT_API = "https://api.githubcopilot.com";
/** Hosts that a server may name in `endpoints.api`: the generic one or one plan's (§1.5, §2.1). */
export const API_HOST = /^api\.(?:[a-z0-9-]+\.)?githubcopilot\.com$/;
/** The API host of an enterprise with its own domain is this, then the domain (§1.5). */
export const ENTERPRISE_API_PREFIX = "copilot-api.";
/** GitHub's own API of such an enterprise is this, then the domain (§1.5). */
export const ENTERPRISE_REST_PREFIX = "api.";
/** Data residency: one label under ghe.com per enterprise (§1.5). */
export const ENTERPRISE_HOST = /^[a-z0-9-]+\.ghe\.com$/;
/** Names of github.com itself, which mean "no enterprise" (§1.5). */
export const PUBLIC_HOSTS: readonly string[] = ["github.com", "www.github.com", "api.github.com"];

/** The hosts of the plans, one of which serves an account that the general one refuses (§2.1). */
export const PLAN_APIS: readonly string[] = ["individual", "business", "enterprise"].map(
  (plan) => `https://api.${plan}.githubcopilot.com`,
);
/** What the owner can do when every host refuses the account's token. */
export const HOST_REFUSED =
  "Every known host of GitHub Copilot refuses this account (421 Misdirected Request). Check at github.com/settings/copilot that the " +
  "plan is active, connect the account again on the admin page, or set COPILOT_API_URL to the host that your plan names.";

/** Paths under the API base; only messages stands under `/v1` (§3.1). */
export const PATHS: Record<Operation, string> = {
  chat: "/chat/completions",
  responses: "/responses",
  messages: "/v1/messages",
  count_tokens: "/v1/messages/count_tokens",
};

/** `supported_endpoints` as operations, best first (§3.5: messages before responses before chat). */
export const ENDPOINT_OPERATIONS: readonly { endpoint: string; operations: Operation[] }[] = [
  { endpoint: "/v1/messages", operations: ["messages", "count_tokens"] },
  { endpoint: "/responses", operations: ["responses"] },
  { endpoint: "/chat/completions", operations: ["chat"] },
];
/** What a row without `supported_endpoints` answers on (§3.5). */
export const DEFAULT_ENDPOINTS: readonly string[] = ["/chat/completions"];
/**
 * What a model answers on where no list is at hand, best first; the first row that fits a lower-case id counts (§3.5).
 * Sources differ on `oswe-`: the endpoint that a client chose is left to the backend's judgement.
 */
export const OPERATIONS: readonly { models: RegExp; operations: readonly Operation[] }[] = [
  { models: /^claude-/, operations: ["messages", "chat", "count_tokens"] },
  { models: /^codex-|-codex(?:-|$)/, operations: ["responses"] },
  { models: /^oswe-/, operations: ["chat", "responses"] },
  { models: /^gpt-(?!5-mini)(?:[5-9]|[1-9]\d+)/, operations: ["responses"] },
  { models: /./, operations: ["chat"] },
];
/** How the ids of a model begin whose maker's own rules hold here as well, in lower case (§3.5). */
export const MAKERS = { openai: /^(?:gpt-|codex-|o\d)/, anthropic: /^claude-/ } as const;
/** Copilot writes Claude's versions with a dot and ids without a date (§3.5): `claude-haiku-4-5-20251001` is `claude-haiku-4.5`. */
export const CLAUDE_SPELLING = {
  models: /^claude-/i,
  date: /-\d{8}$/,
  version: /-(\d{1,2})-(\d{1,2})(?=-|$)/,
  dotted: "-$1.$2",
} as const;
/** The list gives no release date; this one says "not known" (`created` 0). */
export const UNKNOWN_RELEASE = "1970-01-01";
/**
 * The AI SDK package per protocol as OpenCode knows them (registry.md §2, 1.2.11 to 1.18.33; 2026-10): its own
 * Copilot dialect keeps reasoning across turns of chat.
 */
export const PACKAGES = {
  messages: "@ai-sdk/anthropic",
  responses: "@ai-sdk/openai",
  chat: "@ai-sdk/github-copilot",
  otherwise: "@ai-sdk/openai-compatible",
} as const;

/** Headers that Kleis sets beside HTTP's own (§3.1, §3.2, §3.4). */
export const HEADERS = {
  intent: "openai-intent",
  initiator: "x-initiator",
  apiVersion: "x-github-api-version",
  vision: "copilot-vision-request",
  anthropicVersion: "anthropic-version",
  anthropicBeta: "anthropic-beta",
} as const;
/** `Openai-Intent` of a completion (§3.2). */
export const INTENT = "conversation-edits";
/** `X-GitHub-Api-Version` of completions, since token-based billing of 2026-06-01 (§3.2). */
export const API_VERSION = "2026-06-01";
/** `anthropic-version` where the client sends none (§3.1). */
export const ANTHROPIC_VERSION = "2023-06-01";
/** Always asked for on messages (§3.2). */
export const INTERLEAVED_THINKING = "interleaved-thinking-2025-05-14";

/** A field that the API takes only beside its beta; a field without it is a 400 "Extra inputs are not permitted". */
export interface BetaField {
  /** Where it stands; `*` is each element of a list. */
  readonly path: readonly string[];
  /** Only this value of it needs the beta; absent: every value. */
  readonly only?: unknown;
}

/**
 * Families of `anthropic-beta` and the fields that need them. `taken`: the backend knows the family (§3.2, as VS Code
 * sends them, 2026-06); every other beta stays behind, and its fields with it. The fields are those of Anthropic's SDK
 * (0.110, 2026-11) and of Claude Code 2.1.330. A member `cache_control` is looked for wherever one may stand.
 */
export const BETAS: readonly {
  readonly family: string;
  readonly taken: boolean;
  readonly fields: readonly BetaField[];
}[] = [
  { family: "interleaved-thinking", taken: true, fields: [] },
  // Its fields on tools are generally available by now, so that they need no beta.
  { family: "advanced-tool-use", taken: true, fields: [] },
  { family: "context-management", taken: true, fields: [{ path: ["context_management"] }] },
  { family: "compact", taken: false, fields: [{ path: ["compaction"] }] },
  { family: "structured-outputs", taken: false, fields: [{ path: ["output_format"] }] },
  { family: "fast-mode", taken: false, fields: [{ path: ["speed"] }] },
  { family: "dangerous-tool-use", taken: false, fields: [{ path: ["safeguards"] }] },
  {
    family: "thinking-display-updates",
    taken: false,
    fields: [{ path: ["thinking", "display"], only: "updates" }],
  },
  { family: "thinking-binding-controls", taken: false, fields: [{ path: ["thinking", "block_binding"] }] },
  { family: "task-budgets", taken: false, fields: [{ path: ["output_config", "task_budget"] }] },
  { family: "mcp-client", taken: false, fields: [{ path: ["mcp_servers"] }] },
  { family: "server-side-fallback", taken: false, fields: [{ path: ["fallbacks"] }] },
  { family: "fallback-credit", taken: false, fields: [{ path: ["fallback_credit_token"] }] },
  { family: "cache-diagnosis", taken: false, fields: [{ path: ["diagnostics"] }] },
  { family: "user-profiles", taken: false, fields: [{ path: ["user_profile_id"] }] },
  {
    family: "fine-grained-tool-streaming",
    taken: false,
    fields: [{ path: ["tools", "*", "eager_input_streaming"] }],
  },
  {
    family: "mid-conversation-system-clear-at",
    taken: false,
    fields: [{ path: ["messages", "*", "clear_at"] }],
  },
  {
    family: "mid-conversation-output-config",
    taken: false,
    fields: [{ path: ["messages", "*", "output_config"] }],
  },
  { family: "prompt-caching-scope", taken: false, fields: [{ path: ["cache_control", "scope"] }] },
  { family: "prompt-caching-evict", taken: false, fields: [{ path: ["cache_control", "evict"] }] },
  {
    family: "extended-cache-ttl",
    taken: false,
    fields: [{ path: ["cache_control", "ttl"], only: "1h" }],
  },
];

/**
 * The hosted tools that the backend runs. None on responses: some planes refuse `image_generation`, and web search is not
 * offered to every plan (§3.5 and reports up to 2026-09). On messages it finds tools, and refuses web search by name.
 */
export const HOSTED_TOOLS = {
  responses: new Set<HostedTool>(),
  messages: ["tool_search_tool"],
} as const;

/** Anthropic's server tools by the beginning of their `type` (providers/claude.md §2.5). */
export const SERVER_TOOLS: readonly string[] = [
  "web_search",
  "web_fetch",
  "code_execution",
  "tool_search_tool",
  "mcp_toolset",
  "advisor",
];

/**
 * How agents mark a request that no human turn began: a sub-agent's, a title, a compaction. Headers, or for Codex the same
 * names in `client_metadata`; read in Codex 0.169, Claude Code 2.1.330 and OpenCode 1.18 (2026-11), and §3.3.
 */
export const AGENT_MARKS: readonly { readonly name: string; readonly value: RegExp }[] = [
  { name: "x-openai-subagent", value: /\S/ },
  { name: "x-codex-parent-thread-id", value: /\S/ },
  { name: "x-codex-turn-metadata", value: /"request_kind"\s*:\s*"compact|"thread_source"\s*:\s*"subagent/ },
  { name: "x-claude-code-request-class", value: /^(?:subagent|workflow|compaction|auxiliary)$/ },
  { name: "x-claude-code-auxiliary-type", value: /\S/ },
  { name: "x-claude-code-parent-agent-id", value: /\S/ },
  { name: "x-claude-code-agent-id", value: /\S/ },
  { name: "x-parent-session-id", value: /\S/ },
  { name: "x-interaction-type", value: /subagent|background|compaction|session-name/ },
];
/** How the prompts begin by which agents ask for a title or a compaction, where no header says so (the same versions, pi 0.73). */
export const AGENT_PROMPTS = {
  system: [
    /^You are a title generator\. You output ONLY a thread title/,
    /^You are a context summarization (?:agent|assistant)/,
    /^You are a helpful AI assistant tasked with summarizing conversations/,
  ],
  last: [
    /^You are performing a CONTEXT CHECKPOINT COMPACTION/,
    /^(?:CRITICAL: Respond with TEXT ONLY[\s\S]{0,800}?\n)?Your task is to create a detailed summary of (?:the conversation so far|this conversation|the RECENT portion)/,
  ],
} as const;

/** Details of an image that responses does not take, and what they become (§3.4). */
export const IMAGE_DETAIL = { replaced: new Set<unknown>(["auto", "original"]), by: "high" } as const;
/** The text that OpenCode puts before tool images in a synthetic user message (§3.3). */
export const TOOL_MEDIA_LEAD = "Attached media from tool result:";
/** How Claude Code's notes to the model begin (§3.3). */
export const REMINDER = "<system-reminder>";

/** What `include` must hold so that reasoning survives `store: false` (§3.5). */
export const ENCRYPTED_REASONING = "reasoning.encrypted_content";

/** Families in the catalogue of 2026-09 (registry.md §5). */
export const FAMILIES =
  /^(?:claude-|gpt-|codex-|chatgpt-|o\d+(?=-|$)|gemini-|grok-|kimi-|mai-|oswe-|raptor-)/;
/** Not language models, whatever their family: no account answers for them here (registry.md §5). */
export const NOT_LANGUAGE = /embedding|image|realtime|whisper|transcribe|(?:^|-)(?:tts|audio)(?:-|$)/;

/** GitHub's classic personal access tokens, which the API refuses (§2.1, §4.5). */
export const CLASSIC_PAT = "ghp_";
/** A GitHub App's refresh token: no bearer by itself. */
export const APP_REFRESH_TOKEN = "ghr_";
/** How the short-lived token of the exchange (§2.2) begins; it is no GitHub token. */
export const EXCHANGED_TOKEN = "tid=";
/**
 * Response headers that clients act upon. Copilot passes on what the makers of its models send, so that theirs are among
 * them.
 */
export const RESPONSE_HEADERS: ResponseHeaders = {
  passed: ["anthropic-", "openai-", "x-codex-", "x-models-etag", "x-reasoning-included"],
  requestIds: ["x-oai-request-id", "x-github-request-id"],
};

/** How GitHub's tokens begin (§1.2, §2.2); which of them serve is said where one is imported. */
export const SECRET_SHAPES: readonly SecretShape[] = [
  "gho_",
  "ghu_",
  "github_pat_",
  CLASSIC_PAT,
  APP_REFRESH_TOKEN,
].map((prefix) => ({ prefix, kind: "access_token", name: "a GitHub token" }));

/** The device flow under `GITHUB_URL` and what is asked about the user under `GITHUB_API_URL` (§1.2 to §1.4, §2.1). */
export const SIGN_IN = {
  deviceCodePath: "/login/device/code",
  tokenPath: "/login/oauth/access_token",
  /** Where the user code is entered. */
  devicePage: "/login/device",
  scope: "read:user",
  userPath: "/user",
  discoveryPath: "/copilot_internal/user",
  /** Its `access_type_sku` for the plan that costs nothing (§4.6). */
  freeSku: "free_limited_copilot",
  /** `X-GitHub-Api-Version` of the discovery. */
  discoveryVersion: "2025-04-01",
  /** Seconds between polls where none is named (RFC 8628 §3.2), and what `slow_down` adds where it names none. */
  interval: 5,
  tooManyAttempts: 5,
  /** The provider keeps a code this long where it names no time, ms. */
  lifetime: 900_000,
} as const;
/** Under the API base; proves the subscription (§2.1). */
export const MODELS_PATH = "/models";

/** What the headers begin with that tell of limits (§4.4). */
export const LIMIT_HEADERS: readonly string[] = ["x-quota-snapshot-", "x-usage-ratelimit-"];
/** Member of a chat response that counts tokens from the cache (§4.4). */
export const CACHED_TOKENS = "usage.prompt_tokens_details.cached_tokens";
/** Models that live checks ask, those without extra cost first. */
export const CHECKED_MODELS = [/^gpt-4/, /mini/, /haiku/, /./] as const;

/** What the plans that GitHub names (§4.6) are sold as; the pairs as VS Code has them, November 2026. */
export const PLANS: ReadonlyMap<string, string> = new Map([
  ["free", "Copilot Free"],
  ["individual", "Copilot Pro"],
  ["individual_pro", "Copilot Pro+"],
  ["business", "Copilot Business"],
  ["enterprise", "Copilot Enterprise"],
]);

/** GitHub's public position in plain words (§6). */
export const TERMS =
  "GitHub announced Copilot support for OpenCode on 2026-01-16 (Pro, Pro+, Business, Enterprise); it named OpenCode, " +
  "no other client. Kleis signs in by the same device flow and, unless COPILOT_CLIENT_ID says otherwise, borrows " +
  "OpenCode's app id; towards the API it uses its own User-Agent. Whether GitHub accepts that is not documented: it may " +
  "refuse it at any time, and a community answer quoted by others reserves the API for supported clients. A Copilot " +
  "seat is personal: use your own accounts for your own agents, never one seat for several people, and no excessive " +
  "automated bulk work, which GitHub's acceptable-use policy forbids. Requests are billed to your " +
  "plan. GitHub keeps at most ten tokens per user, app and scope, so many sign-ins elsewhere can end this one.";

/** What speaks against letting several accounts take turns. */
export const FAILOVER_NOTICE = [
  "A Copilot seat is personal, and one that your employer pays is your employer's: requests that move to it are billed",
  "to your employer and seen by it. GitHub may suspend accounts that take turns to get around a limit.",
].join(" ");
