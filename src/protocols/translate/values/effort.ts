/**
 * Reasoning efforts and thinking budgets between models: the same level where the target has it, else the highest below,
 * else the lowest; a budget where it takes tokens.
 */
import type { LoweredField } from "../changes.ts";
import type { Effort, ReasoningRequest } from "../model.ts";
import type { ReasoningTraits } from "../traits.ts";

/** From the least to the most. */
export const EFFORTS: readonly Effort[] = [
  "none",
  "minimal",
  "low",
  "medium",
  "high",
  "xhigh",
  "max",
  "ultra",
];

/** The least that Claude takes as a thinking budget, tokens. */
const LEAST_BUDGET = 1024;

/** Tokens that stay for the response beside a thinking budget. */
const LEAST_ANSWER = 1024;

/** Tokens of thinking for a level, where the model takes tokens. */
const BUDGET: Record<Exclude<Effort, "none">, number> = {
  minimal: 2048,
  low: 2048,
  medium: 8192,
  high: 24_576,
  xhigh: 32_000,
  max: 32_000,
  ultra: 32_000,
};

/** The level if the model has it, else its highest below, else its lowest; undefined where it has none. */
export function nearestEffort(asked: Effort, levels: readonly Effort[]): Effort | undefined {
  if (levels.includes(asked)) return asked;
  const below = levels.filter((level) => rank(level) <= rank(asked));
  return below.at(-1) ?? levels[0];
}

/** The level that a budget in tokens comes nearest to. */
export function effortOfBudget(tokens: number): Effort {
  if (tokens <= 1024) return "low";
  if (tokens <= 8192) return "medium";
  return tokens <= 24_576 ? "high" : "xhigh";
}

/** The effort for a target of OpenAI's protocols; undefined: nothing is written. */
export interface FittedEffort {
  readonly effort: Effort | undefined;
  /** The request asked for another one, or for one where the model has none. */
  readonly change: "lowered:effort" | "dropped:effort" | undefined;
}

export function fitEffort(asked: ReasoningRequest, traits: ReasoningTraits): FittedEffort {
  const wanted = wantedEffort(asked);
  if (wanted === undefined) return { effort: undefined, change: undefined };
  if (traits.style === "none" || (traits.levels.length === 0 && traits.off === false))
    return { effort: undefined, change: wanted === "none" ? undefined : "dropped:effort" };
  if (wanted === "none" && traits.off !== false) return { effort: "none", change: undefined };
  const effort = nearestEffort(wanted, traits.levels);
  return { effort, change: effort === wanted ? undefined : "lowered:effort" };
}

/** What the request asks for; a level wins over a budget, "off" over both. Undefined: nothing, or "as the model likes". */
function wantedEffort({ thinking, effort, budget }: ReasoningRequest): Effort | undefined {
  if (thinking === "off" || effort === "none") return "none";
  return effort ?? (budget === undefined ? undefined : effortOfBudget(budget));
}

/** How a Messages request asks for thinking; undefined members are not written. */
export interface FittedThinking {
  readonly thinking: "disabled" | "adaptive" | { readonly budget: number } | undefined;
  readonly effort: Effort | undefined;
  /** Whether the model will think, which restricts sampling and tool choice. */
  readonly isActive: boolean;
  readonly lowered: readonly LoweredField[];
  readonly isDropped: boolean;
}

export interface ThinkingLimits {
  /** `max_tokens` of the request: a budget stays below it. */
  readonly maxTokens: number;
  /** Thinking with a budget is not possible for this request: tools are forced, or a tool loop lost its thinking. */
  readonly bars: boolean;
}

export function fitThinking(
  asked: ReasoningRequest,
  traits: ReasoningTraits,
  limits: ThinkingLimits,
): FittedThinking {
  const wanted = wantedEffort(asked);
  const says = wanted !== undefined || asked.thinking !== undefined || asked.display === "summarized";
  if (traits.style === "none") {
    const isDropped = says && wanted !== "none";
    return { thinking: undefined, effort: undefined, isActive: false, lowered: [], isDropped };
  }
  if (!says) return unsaid(traits);
  if (wanted === "none") return turnedOff(traits);
  const effort = messagesEffort(wanted, traits);
  const lowered: LoweredField[] = [];
  if (wanted !== undefined && effort !== undefined && effort !== inMessages(wanted)) lowered.push("effort");
  if (traits.style === "adaptive")
    return { thinking: "adaptive", effort, isActive: true, lowered, isDropped: false };
  const whole = asked.budget ?? budgetOf(wanted);
  const budget = limits.bars ? 0 : fitBudget(whole, limits.maxTokens);
  if (budget < LEAST_BUDGET)
    return {
      thinking: undefined,
      effort,
      isActive: false,
      lowered: [...lowered, "thinking"],
      isDropped: false,
    };
  if (budget < whole) lowered.push("budget");
  return { thinking: { budget }, effort, isActive: true, lowered, isDropped: false };
}

/** A request that says nothing of reasoning. */
function unsaid({ byDefault }: ReasoningTraits): FittedThinking {
  return { thinking: undefined, effort: undefined, isActive: byDefault, lowered: [], isDropped: false };
}

function turnedOff({ off, levels }: ReasoningTraits): FittedThinking {
  if (off !== false)
    return { thinking: "disabled", effort: undefined, isActive: false, lowered: [], isDropped: false };
  const [effort] = levels;
  return { thinking: "adaptive", effort, isActive: true, lowered: ["effort"], isDropped: false };
}

function messagesEffort(wanted: Effort | undefined, { levels }: ReasoningTraits): Effort | undefined {
  return wanted === undefined ? undefined : nearestEffort(inMessages(wanted), levels);
}

/** Levels that Claude has under another name. */
function inMessages(effort: Effort): Effort {
  if (effort === "ultra") return "max";
  return effort === "minimal" ? "low" : effort;
}

function budgetOf(effort: Effort | undefined): number {
  return BUDGET[effort === undefined || effort === "none" ? "medium" : effort];
}

/** As much of the budget as leaves room for a response. */
function fitBudget(wanted: number, maxTokens: number): number {
  return Math.min(Math.max(wanted, LEAST_BUDGET), maxTokens - LEAST_ANSWER - 1);
}

function rank(effort: Effort): number {
  return EFFORTS.indexOf(effort);
}
