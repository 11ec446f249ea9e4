/**
 * What OpenAI's models take in their own protocols, by version (OpenAI's documentation and models.dev, 2026-10). Data for the
 * traits of every provider that serves them.
 */
import type { Effort } from "../protocols/translate/model.ts";
import type { ReasoningTraits, SamplingTraits } from "../protocols/translate/traits.ts";
import { EFFORTS } from "../protocols/translate/values/effort.ts";

export interface OpenAiFamily {
  readonly reasoning: ReasoningTraits;
  readonly sampling: SamplingTraits;
}

/** From the one effort to the other. */
function levels(from: Effort, to: Effort): readonly Effort[] {
  return EFFORTS.slice(EFFORTS.indexOf(from), EFFORTS.indexOf(to) + 1);
}

function reasoning(from: Effort, to: Effort, off: boolean): ReasoningTraits {
  return { style: "effort", levels: levels(from, to), off, byDefault: true };
}

/** Models that may be asked not to reason take sampling then. */
const fromNone = (to: Effort): OpenAiFamily => ({
  reasoning: reasoning("low", to, true),
  sampling: "not-reasoning",
});
const always = (from: Effort, to: Effort): OpenAiFamily => ({
  reasoning: reasoning(from, to, false),
  sampling: "defaults",
});

const NEWEST = fromNone("max");

/** The first row that fits a lower-case id counts. */
const FAMILIES: readonly { readonly models: RegExp; readonly family: OpenAiFamily }[] = [
  {
    models: /^(?:gpt-[34]|chatgpt-)/,
    family: { reasoning: { style: "none", levels: [], off: true, byDefault: false }, sampling: "free" },
  },
  { models: /^o\d/, family: always("low", "high") },
  { models: /^gpt-[5-9].*-pro(?:-|$)/, family: always("medium", "xhigh") },
  { models: /^gpt-[5-9].*astra/, family: always("low", "max") },
  { models: /^(?:codex-|gpt-5-codex|gpt-5\.1-codex(?!-max))/, family: always("low", "high") },
  { models: /^gpt-5(?:\.\d)?-codex/, family: always("low", "xhigh") },
  { models: /^gpt-5(?:-|$)/, family: always("minimal", "high") },
  { models: /^gpt-5\.1(?:-|$)/, family: fromNone("high") },
  { models: /^gpt-5\.[2-5](?:-|$)/, family: fromNone("xhigh") },
];

export function openAiFamily(model: string): OpenAiFamily {
  const id = model.toLowerCase();
  return FAMILIES.find(({ models }) => models.test(id))?.family ?? NEWEST;
}

/** The reasoning of a model whose list names its efforts; the family's where it names none. */
export function listedReasoning(efforts: readonly string[], family: ReasoningTraits): ReasoningTraits {
  const listed = EFFORTS.filter((effort) => efforts.includes(effort));
  if (listed.length === 0) return family;
  return {
    style: "effort",
    levels: listed.filter((effort) => effort !== "none"),
    off: listed.includes("none"),
    byDefault: family.byDefault,
  };
}
