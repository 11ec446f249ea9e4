/** What a GPT model takes from a request that was made for another protocol. */
import type { Operation } from "../../protocols/protocol.ts";
import { accountTag } from "../../protocols/translate/carriers/carrier.ts";
import type { TargetTraits } from "../../protocols/translate/traits.ts";
import { effortsOf } from "../efforts.ts";
import { listedReasoning, openAiFamily } from "../openai-models.ts";
import type { InsteadInput, TraitsInput } from "../provider.ts";
import { CHAT_WITHOUT_TOOLS, MODEL_VERSION, WEB_SEARCH } from "./profile.ts";

export function traits({ protocol, model, account, described }: TraitsInput): TargetTraits {
  const family = openAiFamily(model);
  return {
    model,
    owner: { provider: "codex", tag: accountTag(account.id), scope: model },
    maxOutput: described?.limit.output,
    reasoning: listedReasoning(effortsOf(described ?? {}), family.reasoning),
    sampling: family.sampling,
    webSearch: protocol === "responses" ? WEB_SEARCH.name : undefined,
    forcedToolChoice: true,
    cacheMarks: false,
    cacheKey: true,
    priority: true,
    customTools: true,
    messages: undefined,
  };
}

/**
 * The chat endpoint refuses tools with any effort but `none` from gpt-5.4 on, and tools at all from gpt-6 on: the Responses
 * endpoint of the same API takes both.
 */
export function instead({ operation, model, body, config }: InsteadInput): Operation | null {
  if (operation !== "chat" || config.KLEIS_CHAT_NATIVE === "on") return null;
  if (!Array.isArray(body.tools) || body.tools.length === 0) return null;
  const [, major = "0", minor = "0"] = MODEL_VERSION.exec(model.toLowerCase()) ?? [];
  const isAtLeast = (least: { readonly major: number; readonly minor: number }) =>
    Number(major) > least.major || (Number(major) === least.major && Number(minor) >= least.minor);
  if (isAtLeast(CHAT_WITHOUT_TOOLS.always)) return "responses";
  const { reasoning_effort: effort } = body;
  const reasons = typeof effort === "string" && effort !== "none";
  return reasons && isAtLeast(CHAT_WITHOUT_TOOLS.whenReasoning) ? "responses" : null;
}
