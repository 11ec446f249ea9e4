/**
 * Prompt cache breakpoints of a Messages request: the client's own, and Kleis's where the client's protocol has none, so
 * that an agent of another protocol pays for its conversation once.
 */
import type { JsonObject } from "../../json.ts";
import type { CacheMark } from "./model.ts";

/** How many breakpoints a request may have (providers/claude.md §3.1). */
const MOST = 4;

/** The blocks of an encoded request that may carry a breakpoint. */
export interface MarkedBlocks {
  readonly tools: readonly JsonObject[];
  readonly system: readonly JsonObject[];
  /** By user message, oldest first. */
  readonly users: readonly (readonly JsonObject[])[];
}

/** The breakpoint as a block's `cache_control`. */
export function cacheControl({ ttl }: CacheMark): JsonObject {
  return ttl === undefined ? { type: "ephemeral" } : { type: "ephemeral", ttl };
}

/**
 * Puts breakpoints on the last tool, the last system block and the last block of the last two user messages, as far as
 * four are not used up, and takes off the client's earliest beyond four. Changes the blocks. True where it placed any.
 */
export function placeMarks({ tools, system, users }: MarkedBlocks): boolean {
  const inOrder = [...tools, ...system, ...users.flat()];
  const own = inOrder.filter((block) => block.cache_control !== undefined);
  for (const block of own.slice(0, Math.max(0, own.length - MOST))) delete block.cache_control;
  // A longer breakpoint must not follow a shorter one.
  const isLong = own.some((block) => isLongMark(block));
  const mark = cacheControl(isLong ? { ttl: "1h" } : {});
  const wanted = [system.at(-1), users.at(-1)?.at(-1), tools.at(-1), users.at(-2)?.at(-1)];
  let used = Math.min(own.length, MOST);
  let placed = false;
  for (const block of wanted) {
    if (block === undefined || block.cache_control !== undefined || used === MOST) continue;
    block.cache_control = mark;
    used++;
    placed = true;
  }
  return placed;
}

function isLongMark({ cache_control: mark }: JsonObject): boolean {
  return typeof mark === "object" && mark !== null && !Array.isArray(mark) && mark.ttl === "1h";
}
