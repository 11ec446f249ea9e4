/** The ways of the AI SDK through Kleis: which provider package meets which account, and what must hold on the wire. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModel } from "ai";
import { expect } from "vitest";
import type { AccountName } from "../support/accounts.ts";
import type { Scene, Wire } from "./scene.ts";

/** One way of the AI SDK to a model. */
export interface Way {
  readonly name: string;
  readonly account: AccountName;
  readonly id: string;
  readonly path: string;
  model(root: string, key: string, wire: Wire, id: string): LanguageModel;
  readonly options?: Record<string, { store: boolean }>;
  /** What the provider must see beside what every request has. */
  headers(streams: boolean): Record<string, string>;
  /** The changes of a plain request with instructions. */
  changes(streams: boolean): string[];
  /** Queues a turn that reasons and calls a tool and one that answers; null where the protocol has no reasoning. */
  readonly reasoning: { play(): void; text: string } | null;
  /** The tools' names as the provider gets them. */
  readonly tools: readonly [string, string];
}

const TOOLS = ["read_file", "bash"] as const;
const THOUGHT = "Let me look at this.";
const SUMMARY = "Checking the file.";

const accept = (streams: boolean) => (streams ? "text/event-stream" : "application/json");
const bearer = (scene: Scene, account: AccountName) => `Bearer ${scene.account(account).secret}`;

function copilot(scene: Scene, streams: boolean): Record<string, string> {
  return {
    accept: accept(streams),
    authorization: bearer(scene, "copilot"),
    "openai-intent": "conversation-edits",
    "x-github-api-version": "2026-06-01",
    "x-initiator": "user",
  };
}

const anthropic: Way["model"] = (root, apiKey, { fetch }, id) =>
  createAnthropic({ baseURL: `${root}/v1`, apiKey, fetch })(id);
const openai: Way["model"] = (root, apiKey, { fetch }, id) =>
  createOpenAI({ baseURL: `${root}/v1`, apiKey, fetch })(id);
const openaiChat: Way["model"] = (root, apiKey, { fetch }, id) =>
  createOpenAI({ baseURL: `${root}/v1`, apiKey, fetch }).chat(id);
const compatible: Way["model"] = (root, apiKey, { fetch }, id) =>
  createOpenAICompatible({ name: "kleis", baseURL: `${root}/v1`, apiKey, fetch })(id);

/** Every account and protocol that the AI SDK can reach. The scene is looked at when a test runs. */
export const waysOf = (scene: Scene): Way[] => [
  {
    name: "Anthropic on a Claude subscription",
    account: "claude",
    id: "claude-sonnet-5",
    path: "/v1/messages",
    model: anthropic,
    headers: () => ({
      accept: "*/*",
      "anthropic-beta": "oauth-2025-04-20,interleaved-thinking-2025-05-14",
      "anthropic-version": "2023-06-01",
      authorization: bearer(scene, "claude"),
      "user-agent": "claude-cli/2.1.2 (external, cli)",
    }),
    changes: () => ["claude-identity", "claude-user-agent"],
    reasoning: { play: () => scene.fakes.claude.script("thinking-tool", "text"), text: THOUGHT },
    tools: ["mcp_read_file", "Bash"],
  },
  {
    name: "Anthropic on a Claude API key",
    account: "claudeKey",
    id: "claude-sonnet-5",
    path: "/v1/messages",
    model: anthropic,
    headers: () => ({
      accept: "*/*",
      "anthropic-version": "2023-06-01",
      "x-api-key": scene.account("claudeKey").secret,
    }),
    changes: () => ["none"],
    reasoning: { play: () => scene.fakes.claude.script("thinking-tool", "text"), text: THOUGHT },
    tools: TOOLS,
  },
  {
    name: "Anthropic on Copilot",
    account: "copilot",
    id: "claude-sonnet-5",
    path: "/v1/messages",
    model: anthropic,
    headers: (streams) => ({
      ...copilot(scene, streams),
      "anthropic-beta": "interleaved-thinking-2025-05-14",
      "anthropic-version": "2023-06-01",
    }),
    changes: () => ["none"],
    reasoning: { play: () => scene.fakes.copilot.script("thinking-tool", "text"), text: THOUGHT },
    tools: TOOLS,
  },
  {
    name: "OpenAI on a ChatGPT plan",
    account: "codex",
    id: "gpt-5.5",
    path: "/backend-api/codex/responses",
    model: openai,
    options: { openai: { store: false } },
    headers: () => ({
      accept: "text/event-stream",
      authorization: bearer(scene, "codex"),
      "chatgpt-account-id": scene.fakes.codex.issueTokens().accountId,
      originator: "kleis",
      "session-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    }),
    changes: (streams) => [...(streams ? [] : ["codex-stream"]), "codex-cache-key", "codex-instructions"],
    reasoning: { play: () => scene.fakes.codex.script("reasoning-tool", "text"), text: SUMMARY },
    tools: TOOLS,
  },
  {
    name: "OpenAI on an API key",
    account: "openaiKey",
    id: "gpt-5.4",
    path: "/v1/responses",
    model: openai,
    options: { openai: { store: false } },
    headers: (streams) => ({ accept: accept(streams), authorization: bearer(scene, "openaiKey") }),
    changes: () => ["none"],
    reasoning: { play: () => scene.fakes.codex.script("reasoning-tool", "text"), text: SUMMARY },
    tools: TOOLS,
  },
  {
    name: "OpenAI chat on an API key",
    account: "openaiKey",
    id: "gpt-5.4",
    path: "/v1/chat/completions",
    model: openaiChat,
    headers: (streams) => ({ accept: accept(streams), authorization: bearer(scene, "openaiKey") }),
    changes: () => ["none"],
    reasoning: null,
    tools: TOOLS,
  },
  {
    name: "OpenAI on Copilot",
    account: "copilot",
    id: "gpt-5.4",
    path: "/responses",
    model: openai,
    options: { openai: { store: false } },
    headers: (streams) => copilot(scene, streams),
    changes: () => ["none"],
    reasoning: { play: () => scene.fakes.copilot.script("reasoning-tool", "text"), text: SUMMARY },
    tools: TOOLS,
  },
  {
    name: "OpenAI-compatible on Copilot",
    account: "copilot",
    id: "gpt-5-mini",
    path: "/chat/completions",
    model: compatible,
    headers: (streams) => copilot(scene, streams),
    changes: (streams) => (streams ? ["copilot-usage"] : ["none"]),
    reasoning: null,
    tools: TOOLS,
  },
];
