/**
 * Every fact about the ChatGPT plan's Codex backend that OpenAI may change, in one place; `facts.ts` gives each its date
 * and source. Holds no logic. Sections (§) are those of the reference page providers/codex.md.
 */

import type { HostedTool } from "../../protocols/responses/hosted-tools.ts";
import type { CredentialFile, ResponseHeaders } from "../provider.ts";
import type { SecretShape } from "../secret-shape.ts";

/** What the variables of the same names are when they are unset (§1.1, §2, §3; 2026-08). */
export const DEFAULTS = {
  CODEX_API_URL: "https://chatgpt.com/backend-api",
  CODEX_AUTH_URL: "https://auth.openai.com",
  CODEX_CLIENT_ID: "app_EMoamEEZ73f0CkXaXp7hrann",
  OPENAI_API_URL: "https://api.openai.com",
} as const;

/** Paths of OpenAI's API under `OPENAI_API_URL`, by operation (§3, §4). */
export const API_PATHS = { responses: "/v1/responses", chat: "/v1/chat/completions" } as const;

/** Headers of the backend's own that Kleis sets (§1.5, §2.1; 2026-08). */
export const HEADERS = {
  account: "chatgpt-account-id",
  originator: "originator",
  session: "session-id",
  fedramp: "x-openai-fedramp",
} as const;

/** Path of the inference endpoint under `CODEX_API_URL` (§2; 2026-08-22). */
export const RESPONSES_PATH = "/codex/responses";

/** Our own name towards the backend; free labels are accepted (§1.2, §2.1; measured 2026-08-31). */
export const ORIGINATOR = "kleis";

/** The header that marks the newer Codex body: no tools, no instructions, `additional_tools` first (clients.md §4; 2026-09). */
export const LITE_HEADER = "x-openai-internal-codex-responses-lite";

/** A response header that clients send back within one turn (§2.1; 2026-08-22). */
export const TURN_STATE_HEADER = "x-codex-turn-state";

/** The client's headers that go along when present (§2.1, clients.md §4; 2026-09): to the backend, and to the public API. */
export const FORWARDED_HEADERS = {
  plan: ["openai-beta", "x-codex-beta-features", LITE_HEADER],
  api: ["openai-beta", "x-codex-beta-features", LITE_HEADER],
} as const;

/** Session ids (§2.1). */
export const SESSION = {
  /** Where clients write theirs, best first (§2.1, clients.md §2 to §5; 2026-08-22). */
  headers: [
    "session_id",
    "session-id",
    "thread-id",
    "conversation_id",
    "x-session-affinity",
    "x-session-id",
    "x-claude-code-session-id",
  ],
  /**
   * Which times the cache is reported to take in a UUIDv7 (one capture of 2026-05, low): not before `earliest`, epoch ms,
   * and no more than `aheadMs` in the future; the bounds are ours. `otherwise` stands in where no such time is known.
   */
  earliest: Date.UTC(2020, 0, 1),
  aheadMs: 24 * 3_600_000,
  otherwise: Date.UTC(2026, 0, 1),
} as const;

/**
 * The members of OpenAI's request (openai 7.57, 2026-11, and what clients are known to write beside it), by what becomes
 * of them at a backend that refuses all but the first group (§2.2; 2026-08-22).
 * A member that stands in none of the groups goes upstream as it came: Kleis cannot know whether it changes what is
 * asked, so dropping it could answer another question, while the backend refuses by name what it does not know, and
 * learns new members before Kleis does.
 */
export const FIELDS = {
  accepted: new Set([
    "model",
    "instructions",
    "input",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "text",
    "include",
    "store",
    "stream",
    "stream_options",
    "prompt_cache_key",
    "service_tier",
    "client_metadata",
  ]),
  /** Tune, limit or label an answer to the same question: they are left out, which is declared. */
  tuning: new Set([
    "max_output_tokens",
    "max_completion_tokens",
    "max_tokens",
    "max_tool_calls",
    "temperature",
    "top_p",
    "top_k",
    "top_logprobs",
    "logprobs",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    // What is too long is refused then, in words that clients compact upon; without it nothing was cut off either.
    "truncation",
    "context_management",
    "user",
    "metadata",
    "safety_identifier",
    "moderation",
    "image",
    "prompt_cache_retention",
    "prompt_cache_options",
  ]),
  /** Change what is asked or when the answer comes: refused, with the way out. */
  state: new Map([
    [
      "previous_response_id",
      "A ChatGPT plan keeps no responses that could be gone on from. Send the whole conversation in `input`, with `store` set to false.",
    ],
    [
      "conversation",
      "A ChatGPT plan keeps no conversations. Send the whole conversation in `input`, with `store` set to false.",
    ],
    ["prompt", "A ChatGPT plan has no stored prompts. Send the prompt's text in `instructions` or `input`."],
    ["background", "A ChatGPT plan answers at once only. Leave `background` out, or use an OpenAI API key."],
    ["generate", "Over HTTP a ChatGPT plan always generates an answer. Leave `generate` out."],
    ["n", "A ChatGPT plan gives one answer to a request. Leave `n` out."],
  ]),
  /** The values of those that ask for nothing special, beside null and what is empty. */
  plain: new Map<string, unknown>([
    ["background", false],
    ["generate", true],
    ["n", 1],
  ]),
} as const;

/** The hosted tools that the backend runs, and those of the text-only model (§2.2, §3; 2026-08-22). */
export const HOSTED_TOOLS = {
  all: new Set<HostedTool>(["web_search", "image_generation"]),
  spark: new Set<HostedTool>(["web_search"]),
} as const;

/** The text-only model that takes no reasoning summaries and no parallel calls (§2.2, rated [B]; read 2026-08-22). */
export const SPARK = { model: /^gpt-5\.3-codex-spark/, reasoning: ["summary", "context"] } as const;

/**
 * What the backend is sent for a client's `service_tier` (§2.2; `ultrafast` by reports of 2026-09). `fast` is the name by
 * which Codex offers `priority`. Any other tier is left out: it tunes speed and price, and the plan decides those.
 */
export const SERVICE_TIERS: ReadonlyMap<unknown, string> = new Map([
  ["priority", "priority"],
  ["fast", "priority"],
  ["ultrafast", "ultrafast"],
]);

/** How the older names of web search begin, and its name today (§2.2). */
export const WEB_SEARCH = { older: "web_search_preview", name: "web_search" } as const;

/** The older name of a stream's last event (§2.3; 2026-08-22). */
export const OLDER_END = "response.done";

/** The only member of `stream_options` that the backend takes (§2.2). */
export const STREAM_OPTION = "reasoning_summary_delivery";

/** What `include` must hold, because without it `store: false` loses the reasoning between turns (§2.2). */
export const ENCRYPTED_REASONING = "reasoning.encrypted_content";

/** A cache hint of the public API that the backend refuses, on items, content parts and tools (§2.2). */
export const CACHE_BREAKPOINT = "prompt_cache_breakpoint";

/** Stands in where a client sends no instructions of any kind; any text has been accepted since 2026-01 (§2.2). */
export const DEFAULT_INSTRUCTIONS = "You are a helpful assistant.";

/** The namespaced claims of the tokens (§1.5; 2026-08-22). */
export const AUTH_CLAIM = "https://api.openai.com/auth";
export const PROFILE_CLAIM = "https://api.openai.com/profile";

/**
 * The models that a ChatGPT plan answers for (§5.3 and registry.md §3; 2026-09-28): these ids and every version
 * above the one in `above`, without those in `without` and without the API-only variants.
 */
export const PLAN_ACCESS = {
  ids: new Set(["gpt-5.3-codex-spark", "gpt-5.4", "gpt-5.4-mini", "gpt-5.5", "gpt-6-sol", "gpt-6-luna"]),
  above: { major: 5, minor: 4 },
  without: new Set(["gpt-5.5-pro", "gpt-5.6"]),
  apiOnlyVariants: /-(nano|pro)(-|$)/,
} as const;

/** Major and minor version in an id of the GPT family (§5.3). */
/**
 * From which versions on OpenAI's chat endpoint refuses tools: with any effort but `none`, and always (live probes of an open
 * project, 2026-09).
 */
export const CHAT_WITHOUT_TOOLS = {
  whenReasoning: { major: 5, minor: 4 },
  always: { major: 6, minor: 0 },
} as const;
export const MODEL_VERSION = /^gpt-(\d+)(?:\.(\d+))?(?=-|$)/;

/** Ids of the GPT families that an agent can talk to (registry.md §5; 2026-09-28). */
export const FAMILY = /^(gpt-|codex-|chatgpt-|o\d+(?=-|$))/;

/** Ids of those families that are not for talking: images, speech, embeddings (registry.md §5). */
export const NOT_FOR_AGENTS = /(^|-)(image|realtime|audio|tts|transcribe|whisper|embedding)(-|$)/;

/**
 * The plan's limits in tokens, where models.dev describes the public API's (§5.3; reports of 2026-09): those of every
 * model, and the windows of models that have another. They only narrow what models.dev says; an account's own list
 * overrules both.
 */
export const PLAN_LIMITS = {
  limit: { context: 400_000, input: 272_000, output: 128_000 },
  contexts: [
    { models: /^gpt-5\.4(-\d|$)/, context: 272_000 },
    { models: /^gpt-6-astra(-|$)/, context: 272_000 },
    { models: /^gpt-5\.3-codex-spark(-|$)/, context: 128_000 },
  ],
} as const;

/** Signing in under `CODEX_AUTH_URL` (§1.1, §1.2, §1.6; 2026-08-22). */
export const SIGN_IN = {
  authorizePath: "/oauth/authorize",
  tokenPath: "/oauth/token",
  /** Registered for the client id, to the letter; port 1457 is, too. */
  redirectUri: "http://localhost:1455/auth/callback",
  callback: { port: 1455, path: "/auth/callback" },
  /** The short set; enough for inference. */
  scope: "openid profile email offline_access",
  /**
   * Demanded in the authorize request beside the standard's fields. No `originator`: the consent page refuses names that
   * it does not know, with a misleading `missing_required_parameter` (reports of 2026-09).
   */
  authorizeFields: { id_token_add_organizations: "true", codex_cli_simplified_flow: "true" },
  /** In the description of `access_denied` when the workspace has no Codex (§1.3). */
  notEntitled: "missing_codex_entitlement",
  device: {
    userCodePath: "/api/accounts/deviceauth/usercode",
    pollPath: "/api/accounts/deviceauth/token",
    page: "/codex/device",
    redirectPath: "/deviceauth/callback",
    /** ms. */
    lifetime: 900_000,
    /** Seconds between polls where the response names none, and what `slow_down` adds. */
    interval: 5,
    tooManyAttempts: 5,
    /** Codes that end the flow; every other 403 or 404 means that it was not entered yet. */
    over: new Set(["expired_token", "deviceauth_expired", "access_denied"]),
  },
  /** Assumed where neither the response nor the token names a lifetime, s (§1.4). */
  assumedLifetime: 3600,
  /** Codes after which a refresh token is dead; a 401 in JSON means the same (§1.4). */
  dead: new Set([
    "refresh_token_expired",
    "refresh_token_reused",
    "refresh_token_invalidated",
    "invalid_grant",
  ]),
} as const;

/** What the plan's models cost per request: nothing (registry.md §3). USD per million tokens. */
export const PLAN_COST = { input: 0, output: 0, cache_read: 0, cache_write: 0 } as const;

/** The modes of models.dev that a plan has not (registry.md §3; 2026-09-28). */
export const MODES_WITHOUT_PLAN: ReadonlySet<string> = new Set(["pro"]);

/** Under `OPENAI_API_URL`: the models that an API key may use, free of charge. */
export const KEY_CHECK_PATH = "/v1/models";

/** Response headers that its clients act upon: Codex CLI reads its limits and the model list's tag (§2.7). */
export const RESPONSE_HEADERS: ResponseHeaders = {
  passed: ["openai-", "x-codex-", "x-models-etag", "x-reasoning-included"],
  requestIds: ["x-oai-request-id"],
};

/** Where Codex CLI keeps its login. */
export const CREDENTIAL_FILES: readonly CredentialFile[] = [{ agent: "Codex", path: "~/.codex/auth.json" }];

/** How OpenAI's secrets begin: keys of users, projects and service accounts; a plan's tokens are JWTs (§1.4). */
export const SECRET_SHAPES: readonly SecretShape[] = [
  { prefix: "sk-", kind: "api_key", name: "an OpenAI API key" },
  { prefix: "sk-admin-", kind: null, name: "an OpenAI admin key, which cannot ask models" },
  { prefix: "eyJ", kind: "access_token", name: "an access token of ChatGPT" },
  { prefix: "rt_", kind: "refresh_token", name: "a refresh token of ChatGPT" },
];

/**
 * The account's own list of models, under `CODEX_API_URL` (§2.6). `unknown` describes what neither the list nor the
 * registry tells of a new model: the plan's usual limits in tokens, and no release date.
 */
export const MODELS = {
  path: "/codex/models",
  unknown: { input: 272_000, output: 128_000, release: "1970-01-01" },
} as const;

/**
 * The Codex version that the list is asked with, which `CODEX_CLIENT_VERSION` overrides. The backend leaves out what needs
 * a newer one: at 0.60 everything, below 0.144 the 5.6 family, below 0.153 gpt-6-astra, below 0.155 the other gpt-6 models
 * (§2.6; measured 2026-08 to 2026-09). 0.169.0 is the newest release that we have run (2026-11).
 */
export const CLIENT_VERSION = "0.169.0";

/**
 * The release that a Codex client names in its user-agent (§2.6; seen in 0.156 and 0.169: `codex_cli_rs/0.156.0 (…)`), up
 * to 0.999. Previews (`0.170.0-alpha.1`) do not count.
 */
export const CODEX_AGENT = /^codex[-_a-z]{0,32}\/(0\.(?:0|[1-9]\d{0,2})\.(?:0|[1-9]\d{0,3}))(?=[ (]|$)/i;

/** Under `CODEX_API_URL`: what the plan has used of its windows; only live checks ask (§2.7). */
export const USAGE_PATH = "/wham/usage";

/** What the headers begin with that tell of limits, of a plan and of the public API (§2.7). */
export const LIMIT_HEADERS = {
  plan: ["x-codex-primary-", "x-codex-secondary-"],
  api: ["x-ratelimit-"],
} as const;

/** Member of a response that counts tokens from the cache (§2.1). */
export const CACHED_TOKENS = "usage.input_tokens_details.cached_tokens";

/** How an image is sent (§2.2). */
export const IMAGE_PART = "input_image";

/** A version of the CLI that is newer than any, to see what a newer one would be shown (§2.6). */
export const NEWEST_VERSION = "0.999.0";

/** Models that live checks ask, the cheapest first. */
export const CHECKED_MODELS = [/-(mini|luna)$/, /^gpt-5\.4/, /^gpt-/] as const;

/** What OpenAI has said in public, in plain words for the owner (§7; as of 2026-11-22). */
export const TERMS = [
  "This uses your own ChatGPT plan through the backend that OpenAI's Codex uses.",
  "OpenAI does not document that backend, and may change it or refuse it at any time.",
  "OpenAI's Codex lead has said in public (January and August 2026) that own use in other clients with ChatGPT sign-in is fine,",
  "and that serving one subscription to many users is not supported and is flagged as fraud; no formal rule is known.",
  "OpenAI's terms forbid sharing an account or its credentials and bypassing limits.",
  "A hosted proxy with several keys is a grey area: keep the keys to yourself. For automation OpenAI recommends API keys.",
  "Kleis sends its own name and does not pretend to be the Codex CLI.",
].join(" ");

/** What speaks against letting several accounts take turns. */
export const FAILOVER_NOTICE = [
  "OpenAI's terms forbid getting around rate limits. Two ChatGPT plans that take turns may count as that, and OpenAI",
  "may suspend both.",
].join(" ");
