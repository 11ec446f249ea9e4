/** Which items of a conversation Claude gets: its own thinking where it can be restored, and nothing blank. */
import { type CarrierOwner, restoreCarrier } from "../carrier.ts";
import type { Losses } from "../losses.ts";
import type { Item, MessageItem, Part } from "../model.ts";
import { isOfAssistant } from "../turns.ts";

/**
 * The items without reasoning that this account and model cannot read, without blank texts, and without thinking at the
 * end of a turn, where Claude takes none. `owner` undefined: thinking is off, so that none is restored.
 */
export function keptItems(
  items: readonly Item[],
  owner: CarrierOwner | undefined,
  losses: Losses,
): readonly Item[] {
  const readable = items.flatMap((item): Item[] => {
    if (item.type === "message") return withoutBlank(item);
    if (item.type !== "reasoning") return [item];
    if (owner !== undefined && restoreCarrier(item.carrier, owner, "messages") !== undefined) return [item];
    losses.change(item.at, "dropped:reasoning");
    return [];
  });
  return readable.filter((item, index) => {
    if (item.type !== "reasoning" || precedesContent(readable, index)) return true;
    losses.change(item.at, "dropped:reasoning");
    return false;
  });
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

function isBlank(part: Part): boolean {
  return (part.type === "text" || part.type === "refusal") && part.text.trim() === "";
}

/** True where some thinking is restored. */
export function restoresThinking(items: readonly Item[], owner: CarrierOwner): boolean {
  return items.some(
    (item) => item.type === "reasoning" && restoreCarrier(item.carrier, owner, "messages") !== undefined,
  );
}

/**
 * True where the model is amid a tool loop whose last turn has no thinking of its own: a model that thinks with a budget
 * refuses to go on with thinking then.
 */
export function lacksThinking(items: readonly Item[], owner: CarrierOwner): boolean {
  let end = items.length;
  while (end > 0 && !isOfAssistant(items[end - 1] as Item)) {
    const item = items[end - 1] as Item;
    if (item.type === "message" && item.role === "user") return false;
    end--;
  }
  let start = end;
  while (start > 0 && isOfAssistant(items[start - 1] as Item)) start--;
  const turn = items.slice(start, end);
  const [first] = turn;
  if (!turn.some(({ type }) => type === "call")) return false;
  return first?.type !== "reasoning" || restoreCarrier(first.carrier, owner, "messages") === undefined;
}
