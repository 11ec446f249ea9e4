/**
 * Prompt cache breakpoints of a Messages request: the client's own, and Kleis's where the client's protocol has none, so
 * that an agent of another protocol pays for its conversation once.
 */
import { isObject, type Json, type JsonObject } from "../../../json.ts";
import type { CacheMark } from "../model.ts";

/** How many breakpoints a request may have (providers/claude.md §3.1). */
const MOST = 4;

/** The blocks of an encoded request that may carry a breakpoint. Changed in place. */
export interface MarkedBlocks {
  readonly tools: readonly JsonObject[];
  readonly system: readonly JsonObject[];
  readonly messages: readonly { readonly role: string; readonly content: readonly JsonObject[] }[];
}

/** A block's `cache_control` as the model has it. */
export function cacheMark(value: Json | undefined): CacheMark | undefined {
  if (!isObject(value)) return undefined;
  return value.ttl === "1h" || value.ttl === "5m" ? { ttl: value.ttl } : {};
}

/** The breakpoint as a block's `cache_control`. */
export function cacheControl({ ttl }: CacheMark): JsonObject {
  return ttl === undefined ? { type: "ephemeral" } : { type: "ephemeral", ttl };
}

/** Takes every breakpoint off. */
export function removeMarks(blocks: MarkedBlocks): void {
  for (const block of inOrder(blocks)) delete block.cache_control;
}

/**
 * Puts breakpoints on the last tool, the last system block and the last block of the last two user messages, as far as
 * four are not used up, and takes off the client's earliest beyond four. True where it placed any.
 */
export function placeMarks(blocks: MarkedBlocks): boolean {
  const all = inOrder(blocks);
  const own = all.filter((block) => block.cache_control !== undefined);
  for (const block of own.slice(0, Math.max(0, own.length - MOST))) delete block.cache_control;
  // A breakpoint must not last longer than one before it.
  const lastLong = all.findLastIndex(isLong);
  const users = blocks.messages.filter(({ role }) => role === "user").map(({ content }) => content.at(-1));
  let used = Math.min(own.length, MOST);
  let placed = false;
  for (const block of [blocks.system.at(-1), users.at(-1), blocks.tools.at(-1), users.at(-2)]) {
    if (block === undefined || block.cache_control !== undefined || used === MOST) continue;
    block.cache_control = cacheControl(all.indexOf(block) < lastLong ? { ttl: "1h" } : {});
    used++;
    placed = true;
  }
  return placed;
}

function inOrder({ tools, system, messages }: MarkedBlocks): JsonObject[] {
  return [...tools, ...system, ...messages.flatMap(({ content }) => content)];
}

function isLong({ cache_control: mark }: JsonObject): boolean {
  return isObject(mark) && mark.ttl === "1h";
}
