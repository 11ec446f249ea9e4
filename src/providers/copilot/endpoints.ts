/**
 * Which model answers on which endpoint, for want of the account's live `supported_endpoints`
 * (providers/copilot.md §3.5), and how Copilot spells a model's id.
 */
import type { Operation } from "../../protocols/protocol.ts";
import { FAMILIES, NOT_LANGUAGE } from "./profile.ts";

/** True for a lower-case id whose family Copilot carries. */
export function carries(model: string): boolean {
  return FAMILIES.test(model) && !NOT_LANGUAGE.test(model);
}

/** The operations of a model, best first; empty for what is no language model. */
export function operationsOf(model: string): Operation[] {
  const id = model.toLowerCase();
  if (NOT_LANGUAGE.test(id)) return [];
  if (id.startsWith("claude-")) return ["messages", "chat", "count_tokens"];
  if (id.startsWith("codex-") || /-codex(?:-|$)/.test(id)) return ["responses"];
  // Sources differ on this one family; the endpoint that a client chose is left to the backend's judgement.
  if (id.startsWith("oswe-")) return ["chat", "responses"];
  const generation = /^gpt-(\d+)/.exec(id)?.[1];
  if (generation !== undefined && Number(generation) >= 5 && !id.startsWith("gpt-5-mini"))
    return ["responses"];
  return ["chat"];
}

/**
 * The id as given, then as Copilot writes Claude's: versions with a dot, no date
 * (`claude-haiku-4-5-20251001` is `claude-haiku-4.5`).
 */
export function spellingsOf(model: string): string[] {
  if (!/^claude-/i.test(model)) return [model];
  const spelled = model.replace(/-\d{8}$/, "").replace(/-(\d{1,2})-(\d{1,2})(?=-|$)/, "-$1.$2");
  return spelled === model ? [model] : [model, spelled];
}
