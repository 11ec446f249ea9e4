/** How Codex's models stand in the registry that Kleis offers (registry.md §3). */
import { isObject } from "../../json.ts";
import type { CredentialKind } from "../account.ts";
import type { RegistryOffer } from "../provider.ts";
import type { RegistryModel } from "../registry-model.ts";
import { MODES_WITHOUT_PLAN, PLAN_COST } from "./profile.ts";

export const registry: RegistryOffer = { name: "Kleis Codex", npm: "@ai-sdk/openai", shape };

/** A plan is paid by the month, and has no `pro` mode; an API key pays what the source says. */
function shape(model: RegistryModel, kinds: readonly CredentialKind[]): RegistryModel {
  if (!kinds.includes("oauth")) return model;
  const { experimental, ...rest } = model;
  const modes = modesOf(experimental);
  return { ...rest, cost: PLAN_COST, ...(modes === null ? {} : { experimental: { modes } }) };
}

/** The modes that a plan has, at no cost; null when there are none. */
function modesOf(experimental: unknown): Record<string, unknown> | null {
  if (!isObject(experimental) || !isObject(experimental.modes)) return null;
  const kept = Object.entries(experimental.modes).filter(
    ([name, mode]) => !MODES_WITHOUT_PLAN.has(name) && isObject(mode),
  );
  if (kept.length === 0) return null;
  return Object.fromEntries(
    kept.map(([name, mode]) => [
      name,
      isObject(mode) && "cost" in mode ? { ...mode, cost: PLAN_COST } : mode,
    ]),
  );
}
