/** Traits of targets for tests: one model of each of Claude's families, and the rules that its API has. */
import type { Protocol } from "../../../../src/protocols/protocol.ts";
import type { TargetTraits } from "../../../../src/protocols/translate/traits.ts";
import { MODEL_RULES, type ModelRules } from "../../../fakes/claude/request-rules.ts";

const ALL = ["low", "medium", "high", "xhigh", "max"] as const;

const base: TargetTraits = {
  model: "claude",
  owner: { provider: "claude", tag: "00000000", scope: "claude" },
  maxOutput: 64_000,
  reasoning: { style: "adaptive", levels: ALL, off: true, byDefault: true },
  sampling: "defaults",
  webSearch: "web_search_20250305",
  forcedToolChoice: true,
  cacheMarks: true,
  cacheKey: false,
  priority: false,
  customTools: false,
  messages: { developerText: "message", prefill: false, bindsThinking: true },
};

const older = { developerText: "reminder", prefill: true, bindsThinking: false } as const;

export const CLAUDE: Record<keyof typeof MODEL_RULES, { traits: TargetTraits; rules: ModelRules }> = {
  haiku45: {
    rules: MODEL_RULES.haiku45,
    traits: {
      ...base,
      model: "claude-haiku-4-5",
      reasoning: { style: "budget", levels: [], off: true, byDefault: false },
      sampling: "either",
      messages: older,
    },
  },
  opus45: {
    rules: MODEL_RULES.opus45,
    traits: {
      ...base,
      model: "claude-opus-4-5",
      reasoning: { style: "budget", levels: ["low", "medium", "high"], off: true, byDefault: false },
      sampling: "either",
      messages: older,
    },
  },
  opus46: {
    rules: MODEL_RULES.opus46,
    traits: {
      ...base,
      model: "claude-opus-4-6",
      maxOutput: 128_000,
      reasoning: { style: "adaptive", levels: ["low", "medium", "high", "max"], off: true, byDefault: false },
      sampling: "either",
      messages: { ...older, prefill: false },
    },
  },
  opus48: {
    rules: MODEL_RULES.opus48,
    traits: {
      ...base,
      model: "claude-opus-4-8",
      maxOutput: 128_000,
      reasoning: { style: "adaptive", levels: ALL, off: true, byDefault: false },
      priority: true,
    },
  },
  sonnet5: { rules: MODEL_RULES.sonnet5, traits: { ...base, model: "claude-sonnet-5" } },
  fable5: {
    rules: MODEL_RULES.fable5,
    traits: {
      ...base,
      model: "claude-fable-5",
      maxOutput: 128_000,
      reasoning: { style: "adaptive", levels: ALL, off: false, byDefault: true },
      forcedToolChoice: false,
    },
  },
};

const openai: TargetTraits = {
  model: "gpt-5.5",
  owner: { provider: "codex", tag: "11111111", scope: "gpt-5.5" },
  maxOutput: 128_000,
  reasoning: { style: "effort", levels: ALL, off: true, byDefault: true },
  sampling: "free",
  webSearch: "web_search",
  forcedToolChoice: true,
  cacheMarks: false,
  cacheKey: true,
  priority: true,
  customTools: true,
  messages: undefined,
};

/** A target of each protocol that takes as much as its protocol can say. */
export const ABLE: Record<Protocol, TargetTraits> = {
  messages: { ...CLAUDE.sonnet5.traits, cacheMarks: false, sampling: "either", priority: true },
  responses: openai,
  chat: {
    ...openai,
    model: "grok-code",
    owner: { provider: "copilot", tag: "22222222", scope: "grok-code" },
    webSearch: undefined,
  },
};

export const PROTOCOLS: readonly Protocol[] = ["messages", "responses", "chat"];

/** From the client's protocol to the provider's. */
export const PAIRS: readonly (readonly [from: Protocol, to: Protocol])[] = PROTOCOLS.flatMap((from) =>
  PROTOCOLS.filter((to) => to !== from).map((to) => [from, to] as const),
);
