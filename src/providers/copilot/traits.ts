/** What a model of Copilot's takes from a request that was made for another protocol than its endpoint's. */
import { accountTag } from "../../protocols/translate/carriers/carrier.ts";
import type { ReasoningTraits, TargetTraits } from "../../protocols/translate/traits.ts";
import { anthropicFamily, anthropicScope } from "../anthropic-models.ts";
import { effortsOf } from "../efforts.ts";
import { listedReasoning, openAiFamily } from "../openai-models.ts";
import type { TraitsInput } from "../provider.ts";
import { MAKERS } from "./profile.ts";

/** What the endpoints have in common: no web search (providers/copilot.md §3.5), and no choice of speed. */
const COMMON = {
  webSearch: undefined,
  cacheKey: false,
  priority: false,
} as const;

/** Models of other makers take the efforts that the list names. */
const UNLISTED: ReasoningTraits = { style: "effort", levels: [], off: false, byDefault: true };

export function traits(input: TraitsInput): TargetTraits {
  const { protocol, model, account, described } = input;
  const tag = accountTag(account.id);
  const common = { ...COMMON, model, maxOutput: described?.limit.output };
  if (protocol === "messages") {
    const { reasoning, sampling, forcedToolChoice, messages } = anthropicFamily(model);
    return {
      ...common,
      owner: { provider: "copilot", tag, scope: anthropicScope(model) },
      reasoning,
      sampling,
      forcedToolChoice,
      cacheMarks: true,
      customTools: false,
      // Neither role `system` amid the conversation nor the beta that unbinds thinking has been seen to be taken.
      messages: { ...messages, developerText: "reminder", bindsThinking: false },
    };
  }
  const isGpt = MAKERS.openai.test(model.toLowerCase());
  const family = openAiFamily(model);
  const efforts = effortsOf(described ?? {});
  return {
    ...common,
    owner: { provider: "copilot", tag, scope: model },
    reasoning: listedReasoning(efforts, isGpt ? family.reasoning : UNLISTED),
    sampling: isGpt ? family.sampling : "free",
    forcedToolChoice: true,
    cacheMarks: protocol === "chat" && MAKERS.anthropic.test(model.toLowerCase()),
    customTools: protocol === "responses",
    messages: undefined,
  };
}
