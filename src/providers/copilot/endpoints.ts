/**
 * Which model answers on which endpoint, for want of the account's live `supported_endpoints`
 * (providers/copilot.md §3.5), and how Copilot spells a model's id.
 */
import type { Operation } from "../../protocols/protocol.ts";
import { CLAUDE_SPELLING, FAMILIES, NOT_LANGUAGE, OPERATIONS } from "./profile.ts";

/** True for a lower-case id whose family Copilot carries. */
export function carries(model: string): boolean {
  return FAMILIES.test(model) && !NOT_LANGUAGE.test(model);
}

/** The operations of a model, best first; empty for what is no language model. */
export function operationsOf(model: string): Operation[] {
  const id = model.toLowerCase();
  if (NOT_LANGUAGE.test(id)) return [];
  return [...(OPERATIONS.find(({ models }) => models.test(id))?.operations ?? [])];
}

/**
 * The id as given, then as Copilot writes Claude's: versions with a dot, no date
 * (`claude-haiku-4-5-20251001` is `claude-haiku-4.5`).
 */
export function spellingsOf(model: string): string[] {
  const { models, date, version, dotted } = CLAUDE_SPELLING;
  if (!models.test(model)) return [model];
  const spelled = model.replace(date, "").replace(version, dotted);
  return spelled === model ? [model] : [model, spelled];
}
