/** What a Claude model takes from a request that was made for another protocol. */
import { accountTag } from "../../protocols/translate/carriers/carrier.ts";
import type { TargetTraits } from "../../protocols/translate/traits.ts";
import { anthropicFamily, anthropicScope } from "../anthropic-models.ts";
import type { TraitsInput } from "../provider.ts";
import { PROFILE } from "./profile.ts";

export function traits({ model, account, described }: TraitsInput): TargetTraits {
  const family = anthropicFamily(model);
  return {
    model,
    owner: { provider: "claude", tag: accountTag(account.id), scope: anthropicScope(model) },
    maxOutput: described?.limit.output,
    reasoning: family.reasoning,
    sampling: family.sampling,
    webSearch: PROFILE.translation.webSearch,
    forcedToolChoice: family.forcedToolChoice,
    cacheMarks: true,
    cacheKey: false,
    // A plan's speed is the plan's own affair.
    priority: account.kind === "api_key" && PROFILE.translation.fast.test(model),
    customTools: false,
    messages: family.messages,
  };
}
