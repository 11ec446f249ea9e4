/**
 * Calls and their results in the order that every provider takes: each call has one result, right after the turn that made
 * it. Looks no further than to the assistant's next turn, so that the beginning of a conversation never changes later.
 */

import { Losses } from "../losses.ts";
import type { Item, MessageItem, Part, ToolCallItem, ToolResultItem } from "../model.ts";
import { derivedId, portableId } from "./ids.ts";

/** What a call gets whose result is missing, for example because the user interrupted it. */
export const NO_RESULT = "No result was sent.";

export interface PairedItems {
  /**
   * Turns of the assistant (reasoning, messages, calls, searches), each followed by the results of its calls in their
   * order, then by what the user and the developer wrote. Ids are portable and unique.
   */
  readonly items: readonly Item[];
  readonly losses: Losses;
}

export function pairCalls(items: readonly Item[]): PairedItems {
  const losses = new Losses();
  const out: Item[] = [];
  /** How often each id was used by a call. */
  const uses = new Map<string, number>();
  for (let at = 0; at < items.length; ) {
    const turn = takeWhile(items, at, isOfAssistant);
    const rest = takeWhile(items, at + turn.length, (item) => !isOfAssistant(item));
    pairTurn(turn, rest, uses, out, losses);
    at += turn.length + rest.length;
  }
  return { items: out, losses };
}

/** True for what the assistant produced. */
export function isOfAssistant(item: Item): boolean {
  return item.type === "message" ? item.role === "assistant" : item.type !== "result";
}

function takeWhile(items: readonly Item[], from: number, test: (item: Item) => boolean): Item[] {
  let end = from;
  for (let item = items[end]; item !== undefined && test(item); item = items[end]) end++;
  return items.slice(from, end);
}

function pairTurn(
  turn: readonly Item[],
  rest: readonly Item[],
  uses: Map<string, number>,
  out: Item[],
  losses: Losses,
): void {
  const waiting: { call: ToolCallItem; wire: string }[] = [];
  for (const item of turn) {
    if (item.type !== "call") {
      out.push(item);
      continue;
    }
    const wire = uniqueId(item.id, uses);
    waiting.push({ call: item, wire });
    out.push({ ...item, id: wire });
  }
  const others: Item[] = [];
  const results = new Map<string, ToolResultItem>();
  for (const item of rest) {
    if (item.type !== "result") {
      others.push(item);
      continue;
    }
    const fits = waiting.find(({ call, wire }) => call.id === item.callId && !results.has(wire));
    if (fits === undefined) others.push(orphan(item));
    else results.set(fits.wire, { ...item, callId: fits.wire });
    if (fits === undefined || others.length > 0) losses.change(item.at, "moved:tool-result");
  }
  for (const { call, wire } of waiting) out.push(results.get(wire) ?? missing(call, wire, losses));
  out.push(...others);
}

/** An id that no earlier call of the conversation has; some models number their calls from 1 in every turn. */
function uniqueId(id: string, uses: Map<string, number>): string {
  const used = uses.get(id) ?? 0;
  uses.set(id, used + 1);
  return used === 0 ? portableId(id) : derivedId(`${id}#${used}`);
}

function missing({ at }: ToolCallItem, callId: string, losses: Losses): ToolResultItem {
  losses.change(at, "added:tool-result");
  return { type: "result", callId, parts: [{ type: "text", text: NO_RESULT, at }], isError: true, at };
}

/** A result whose call is not in the turn before it, as the user's words. */
function orphan({ callId, parts, at }: ToolResultItem): MessageItem {
  const heading: Part = { type: "text", text: `Result of the tool call ${callId}:`, at };
  return { type: "message", role: "user", parts: [heading, ...parts], at };
}
