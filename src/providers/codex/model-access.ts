/** Which models are Codex's, and which of them a ChatGPT plan answers for. Knows ids only, no account. */

import type { CredentialKind } from "../account.ts";
import type { Ownership } from "../provider.ts";
import type { RegistryModel } from "../registry-model.ts";
import { FAMILY, MODEL_VERSION, NOT_FOR_AGENTS, PLAN_ACCESS, PLAN_LIMITS } from "./profile.ts";

/** True for an id of the GPT families that agents talk to (registry.md §5). */
export function isGptFamily(model: string): boolean {
  return FAMILY.test(model) && !NOT_FOR_AGENTS.test(model);
}

/** True when a ChatGPT plan answers for the model (providers/codex.md §5.3). New versions pass before any list knows them. */
export function isPlanModel(model: string): boolean {
  if (!isGptFamily(model) || PLAN_ACCESS.without.has(model)) return false;
  if (PLAN_ACCESS.ids.has(model)) return true;
  if (PLAN_ACCESS.apiOnlyVariants.test(model)) return false;
  const version = MODEL_VERSION.exec(model);
  if (version === null) return false;
  const major = Number(version[1]);
  const minor = Number(version[2] ?? 0);
  const { above } = PLAN_ACCESS;
  return major > above.major || (major === above.major && minor > above.minor);
}

/** What Codex made: every GPT model with an API key at hand, else the plan's models. */
export function ownership(model: string, kinds: ReadonlySet<CredentialKind>): Ownership {
  if (!isGptFamily(model)) return null;
  return kinds.has("api_key") || isPlanModel(model) ? "own" : null;
}

/** True when an account of this kind answers for the model, and an agent has use for it. */
export function serves(model: RegistryModel, kind: CredentialKind): boolean {
  const id = model.id.toLowerCase();
  if (!model.tool_call || model.status === "deprecated" || !model.modalities.output.includes("text")) {
    return false;
  }
  return kind === "oauth" ? isPlanModel(id) : isGptFamily(id);
}

/** The plan's limits, or the registry's where those are narrower; an API key has the registry's. Tokens. */
export function modelLimits({ id, limit }: RegistryModel, kind: CredentialKind): RegistryModel["limit"] {
  if (kind !== "oauth") return limit;
  const plan = PLAN_LIMITS.limit;
  const window = PLAN_LIMITS.contexts.find(({ models }) => models.test(id.toLowerCase()));
  const context = Math.min(window?.context ?? plan.context, limit.context);
  return {
    context,
    input: Math.min(plan.input, limit.input ?? context, context),
    output: Math.min(plan.output, limit.output),
  };
}
