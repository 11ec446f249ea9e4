/** Which items of a conversation Claude gets: its own thinking where it can be restored, and nothing blank. */
import { type CarrierOwner, restoreCarrier } from "../carriers/carrier.ts";
import { Losses } from "../losses.ts";
import type { Item, MessageItem, Part } from "../model.ts";
import { isOfAssistant } from "../tools/turns.ts";

export interface KeptItems {
  /** Reasoning among them can be restored. */
  readonly items: readonly Item[];
  readonly losses: Losses;
}

/**
 * The items without reasoning that this account and model cannot read, without blank texts, and without thinking at the
 * end of a turn, where Claude takes none. `owner` undefined: thinking is off, so that none is restored.
 */
export function keptItems(items: readonly Item[], owner: CarrierOwner | undefined): KeptItems {
  const losses = new Losses();
  const readable = items.flatMap((item): Item[] => {
    if (item.type === "message") return withoutBlank(item);
    if (item.type !== "reasoning") return [item];
    if (owner !== undefined && restoreCarrier(item.carrier, owner, "messages") !== undefined) return [item];
    losses.change(item.at, "dropped:reasoning");
    return [];
  });
  const kept = readable.filter((item, index) => {
    if (item.type !== "reasoning" || precedesContent(readable, index)) return true;
    losses.change(item.at, "dropped:reasoning");
    return false;
  });
  return { items: kept, losses };
}

/** True where more than thinking follows in the same turn of the assistant. */
function precedesContent(items: readonly Item[], index: number): boolean {
  let next = index + 1;
  while (items[next]?.type === "reasoning") next++;
  const item = items[next];
  return item !== undefined && isOfAssistant(item);
}

function withoutBlank(item: MessageItem): MessageItem[] {
  const parts = item.parts.filter((part) => !isBlank(part));
  if (parts.length === item.parts.length) return [item];
  return parts.length === 0 ? [] : [{ ...item, parts }];
}

/** True for a text of white space alone. */
export function isBlank(part: Part): boolean {
  return (part.type === "text" || part.type === "refusal") && part.text.trim() === "";
}

/**
 * True where the model is amid a tool loop whose last turn does not begin with thinking: a model that thinks with a budget
 * refuses to go on with thinking then. `kept`: what `keptItems` returned for the account and model.
 */
export function lacksThinking(kept: readonly Item[]): boolean {
  let end = kept.length;
  for (let item = kept[end - 1]; item !== undefined && !isOfAssistant(item); item = kept[end - 1]) {
    if (item.type === "message" && item.role === "user") return false;
    end--;
  }
  let start = end;
  for (let item = kept[start - 1]; item !== undefined && isOfAssistant(item); item = kept[start - 1]) start--;
  const turn = kept.slice(start, end);
  return turn.some(({ type }) => type === "call") && turn[0]?.type !== "reasoning";
}
