/**
 * What Anthropic's models take in the Messages protocol, by family (Anthropic's documentation and models.dev, 2026-10).
 * Data for the traits of every provider that serves them.
 */
import type { Effort } from "../protocols/translate/model.ts";
import type { MessagesTraits, ReasoningTraits, SamplingTraits } from "../protocols/translate/traits.ts";

export interface AnthropicFamily {
  readonly reasoning: ReasoningTraits;
  readonly sampling: SamplingTraits;
  readonly forcedToolChoice: boolean;
  readonly messages: MessagesTraits;
}

const TO_MAX: readonly Effort[] = ["low", "medium", "high", "xhigh", "max"];

const BUDGET: ReasoningTraits = { style: "budget", levels: [], off: true, byDefault: false };
const ADAPTIVE: ReasoningTraits = { style: "adaptive", levels: TO_MAX, off: true, byDefault: false };
/** On by default; whether it can be turned off differs. */
const ALWAYS: ReasoningTraits = { ...ADAPTIVE, off: false, byDefault: true };

const OLDER: MessagesTraits = { developerText: "reminder", prefill: true, bindsThinking: false };
const NEWER: MessagesTraits = { developerText: "message", prefill: false, bindsThinking: false };
const BOUND: MessagesTraits = { ...NEWER, bindsThinking: true };

/** The newest family: what a model gets that none of the rows knows. */
const NEWEST: AnthropicFamily = {
  reasoning: ALWAYS,
  sampling: "defaults",
  forcedToolChoice: true,
  messages: BOUND,
};

const BUDGETED: AnthropicFamily = {
  reasoning: BUDGET,
  sampling: "either",
  forcedToolChoice: true,
  messages: OLDER,
};

/** The first row that fits an id with dashes in its version counts. */
const FAMILIES: readonly { readonly models: RegExp; readonly family: AnthropicFamily }[] = [
  {
    models: /^claude-(?:3-opus|3-sonnet|3-haiku|3-5-|instant|2)/,
    family: {
      ...BUDGETED,
      reasoning: { style: "none", levels: [], off: true, byDefault: false },
      sampling: "free",
    },
  },
  {
    models: /^claude-opus-4-5/,
    family: { ...BUDGETED, reasoning: { ...BUDGET, levels: ["low", "medium", "high"] } },
  },
  {
    models: /^claude-(?:opus|sonnet)-4-6/,
    family: {
      ...BUDGETED,
      reasoning: { ...ADAPTIVE, levels: ["low", "medium", "high", "max"] },
      messages: { ...OLDER, prefill: false },
    },
  },
  {
    models: /^claude-opus-4-7/,
    family: {
      ...NEWEST,
      reasoning: ADAPTIVE,
      messages: { ...OLDER, prefill: false },
    },
  },
  { models: /^claude-opus-4-8/, family: { ...NEWEST, reasoning: ADAPTIVE, messages: NEWER } },
  // 3.7 and every other model of version 4.
  { models: /^claude-(?:3-7-|(?:opus|sonnet|haiku)-4(?:-|$))/, family: BUDGETED },
  {
    models: /^claude-sonnet-5(?!-\d(?:-|$))/,
    family: { ...NEWEST, reasoning: { ...ALWAYS, off: true }, messages: NEWER },
  },
  {
    models: /^claude-opus-5(?!-\d(?:-|$))/,
    family: { ...NEWEST, reasoning: { ...ALWAYS, off: "high" }, messages: NEWER },
  },
  { models: /^claude-haiku-5-5/, family: { ...NEWEST, reasoning: { ...ALWAYS, off: "high" } } },
  { models: /^claude-(?:fable|mythos)-5(?!-\d(?:-|$))/, family: { ...NEWEST, messages: NEWER } },
  { models: /^claude-(?:fable|mythos)-/, family: { ...NEWEST, forcedToolChoice: false } },
];

export function anthropicFamily(model: string): AnthropicFamily {
  const id = dashed(model);
  return FAMILIES.find(({ models }) => models.test(id))?.family ?? NEWEST;
}

/** Signed thinking can be read by the models of one name (`opus`, `sonnet`); of others by the very model. */
export function anthropicScope(model: string): string {
  return /^claude-([a-z]+)-/.exec(dashed(model))?.[1] ?? model;
}

function dashed(model: string): string {
  return model.toLowerCase().replace(/(?<=\d)\.(?=\d)/g, "-");
}
