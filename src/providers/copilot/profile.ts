/**
 * What is true of GitHub Copilot today and may change: hosts, header values, model gates, words.
 * Read from public sources up to 2026-09 (providers/copilot.md, sections named below); nothing was probed live.
 */
import type { Operation } from "../../protocols/protocol.ts";
import type { SecretShape } from "../provider.ts";

/** The API base that answers for most plans (§2.1). */
export const DEFAULT_API = "https://api.githubcopilot.com";
/** Hosts that a server may name in `endpoints.api`: the generic one or one plan's (§1.5, §2.1). */
export const API_HOST = /^api\.(?:[a-z0-9-]+\.)?githubcopilot\.com$/;
/** The API host of an enterprise with its own domain is this, then the domain (§1.5). */
export const ENTERPRISE_API_PREFIX = "copilot-api.";
/** Data residency: one label under ghe.com per enterprise (§1.5). */
export const ENTERPRISE_HOST = /^[a-z0-9-]+\.ghe\.com$/;
/** Names of github.com itself, which mean "no enterprise" (§1.5). */
export const PUBLIC_HOSTS: readonly string[] = ["github.com", "www.github.com", "api.github.com"];

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
/** The list gives no release date; this one says "not known" (`created` 0). */
export const UNKNOWN_RELEASE = "1970-01-01";
/**
 * The AI SDK package per protocol as OpenCode knows them (models-registry.md §2, 1.2.11 to 1.18.33; 2026-10): its own
 * Copilot dialect keeps reasoning across turns of chat.
 */
export const PACKAGES = {
  messages: "@ai-sdk/anthropic",
  responses: "@ai-sdk/openai",
  chat: "@ai-sdk/github-copilot",
  otherwise: "@ai-sdk/openai-compatible",
} as const;

/** `Openai-Intent` of a completion (§3.2). */
export const INTENT = "conversation-edits";
/** `X-GitHub-Api-Version` of completions, since token-based billing of 2026-06-01 (§3.2). */
export const API_VERSION = "2026-06-01";
/** `anthropic-version` where the client sends none (§3.1). */
export const ANTHROPIC_VERSION = "2023-06-01";
/** Always asked for on messages (§3.2). */
export const INTERLEAVED_THINKING = "interleaved-thinking-2025-05-14";
/** The client's `anthropic-beta` values that the backend takes begin with one of these (§3.2). */
export const BETA_PREFIXES: readonly string[] = [
  "interleaved-thinking",
  "context-management",
  "advanced-tool-use",
];

/** The text that OpenCode puts before tool images in a synthetic user message (§3.3). */
export const TOOL_MEDIA_LEAD = "Attached media from tool result:";
/** How Claude Code's notes to the model begin (§3.3). */
export const REMINDER = "<system-reminder>";

/** What `include` must hold so that reasoning survives `store: false` (§3.5). */
export const ENCRYPTED_REASONING = "reasoning.encrypted_content";

/** Families in the catalogue of 2026-09 (models-registry.md §5). */
export const FAMILIES =
  /^(?:claude-|gpt-|codex-|chatgpt-|o\d+(?=-|$)|gemini-|grok-|kimi-|mai-|oswe-|raptor-)/;
/** Not language models, whatever their family: no account answers for them here (models-registry.md §5). */
export const NOT_LANGUAGE = /embedding|image|realtime|whisper|transcribe|(?:^|-)(?:tts|audio)(?:-|$)/;

/** GitHub's classic personal access tokens, which the API refuses (§2.1, §4.5). */
export const CLASSIC_PAT = "ghp_";
/** A GitHub App's refresh token: no bearer by itself. */
export const APP_REFRESH_TOKEN = "ghr_";
/** How the short-lived token of the exchange (§2.2) begins; it is no GitHub token. */
export const EXCHANGED_TOKEN = "tid=";
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
  slowDown: 5,
  /** The provider keeps a code this long where it names no time, ms. */
  lifetime: 900_000,
} as const;
/** Under the API base; proves the subscription (§2.1). */
export const MODELS_PATH = "/models";

/** What the plans that GitHub names (§4.6) are sold as; the pairs as VS Code has them, November 2026. */
export const PLANS: ReadonlyMap<string, string> = new Map([
  ["free", "Copilot Free"],
  ["individual", "Copilot Pro"],
  ["individual_pro", "Copilot Pro+"],
  ["business", "Copilot Business"],
  ["enterprise", "Copilot Enterprise"],
]);

/** GitHub's public position in plain words (§6). */
export const NOTICE =
  "GitHub announced Copilot support for OpenCode on 2026-01-16 (Pro, Pro+, Business, Enterprise); it named OpenCode, " +
  "no other client. Kleis signs in by the same device flow and, unless COPILOT_CLIENT_ID says otherwise, borrows " +
  "OpenCode's app id; towards the API it uses its own User-Agent. Whether GitHub accepts that is not documented: it may " +
  "refuse it at any time, and a community answer quoted by others reserves the API for supported clients. A Copilot " +
  "seat is personal: use your own accounts for your own agents, never one seat for several people, and no excessive " +
  "automated bulk work, which GitHub's acceptable-use policy forbids. Requests are billed to your " +
  "plan. GitHub keeps at most ten tokens per user, app and scope, so many sign-ins elsewhere can end this one.";
