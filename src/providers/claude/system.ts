/**
 * The system prompt of a subscription request: who is asking, the identity block (providers/claude.md §2.3) and the
 * product names (§2.4, seed row). Pure, and the same for every turn of a conversation.
 */
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Change, Edit } from "../../protocols/body.ts";
import { replaceProductName } from "./product-names.ts";
import { PROFILE } from "./profile.ts";

export interface SystemEdits {
  readonly edits: Edit[];
  /** Declared here where one edit carries two changes. */
  readonly changes: Change[];
}

/** True for Claude Code's own requests, whose prompt is in blocks: what they hold is left as it is. */
export function isClaudeCode(body: JsonObject, headers: Headers): boolean {
  const { attribution, userAgent, headless, identityWithin } = PROFILE.claudeCode;
  const texts = systemTexts(body);
  if (texts[0]?.startsWith(attribution)) return true;
  if (!headers.get("user-agent")?.startsWith(userAgent)) return false;
  return texts
    .slice(0, identityWithin)
    .some((text) => [PROFILE.identity, ...headless].some((identity) => text.startsWith(identity)));
}

/** Puts the identity first, once, and normalises product names; nothing else of the prompt changes. */
export function systemEdits(body: JsonObject): SystemEdits {
  const { system } = body;
  if (system === undefined || system === null) {
    return { edits: [identityEdit([identityBlock()])], changes: [] };
  }
  if (typeof system === "string") return stringEdits(system);
  if (!Array.isArray(system)) return { edits: [], changes: [] };

  const edits: Edit[] = [];
  const isLong = lengthOf(system) > MAX_NORMALISED;
  const first = system[0];
  if (!isTextBlock(first) || !startsWithIdentity(first.text)) {
    edits.push({ change: "claude-identity", op: "prepend", path: ["system"], value: identityBlock() });
  }
  system.forEach((block, index) => {
    if (isLong || !isTextBlock(block)) return;
    const normalised = normaliseText(block.text);
    if (normalised === block.text) return;
    edits.push({
      change: "claude-system-text",
      op: "set",
      path: ["system", index, "text"],
      value: normalised,
    });
  });
  return { edits, changes: [] };
}

/**
 * Longer prompts (characters, all blocks together) are left as they are: looking for names in 32 MiB takes a second. An
 * agent's prompt has some ten thousand.
 */
const MAX_NORMALISED = 1024 * 1024;

function lengthOf(blocks: readonly Json[]): number {
  return blocks.reduce<number>((sum, block) => sum + (isTextBlock(block) ? block.text.length : 0), 0);
}

/** Product names as the plan's profile writes them. */
function normaliseText(source: string): string {
  return replaceProductName(source, PROFILE.productName);
}

/**
 * The identity must be a block, and by itself: where the string begins with it, it is taken from there, and what goes
 * on behind it is the next block. A block of blanks would be refused.
 */
function stringEdits(system: string): SystemEdits {
  const rest = startsWithIdentity(system) ? system.slice(PROFILE.identity.length) : system;
  const normalised = rest.length > MAX_NORMALISED ? rest : normaliseText(rest);
  const own = rest.trim() === "" ? [] : [{ type: "text", text: normalised }];
  return {
    edits: [identityEdit([identityBlock(), ...own])],
    changes: normalised === rest ? [] : ["claude-system-text"],
  };
}

function identityEdit(value: unknown): Edit {
  return { change: "claude-identity", op: "set", path: ["system"], value };
}

/** Without `cache_control`: the client may already use all four breakpoints of a request. */
function identityBlock(): { type: "text"; text: string } {
  return { type: "text", text: PROFILE.identity };
}

function startsWithIdentity(text: string): boolean {
  return text.startsWith(PROFILE.identity);
}

function systemTexts({ system }: JsonObject): string[] {
  if (!Array.isArray(system)) return [];
  return system.filter(isTextBlock).map((block) => block.text);
}

function isTextBlock(block: unknown): block is JsonObject & { text: string } {
  return isObject(block) && block.type === "text" && typeof block.text === "string";
}
