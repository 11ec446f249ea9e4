/** The choices of a `chat` stream: which of them have finished, and which go on. */
import { isObject, type Json, text } from "../../json.ts";
import { includesText, needleOf, placeBehind } from "../sse/event.ts";

/** Nearly every chunk holds `"finish_reason":null`; only a string, or unusual spacing, is worth parsing for. */
const FINISH = [needleOf('"finish_reason":"'), needleOf('"finish_reason" '), needleOf('"finish_reason": ')];
const DELTA = needleOf('"delta"');
const INDEX = needleOf('"index"');

/** The choices by index; one without an index is the first. */
export class Choices {
  readonly #open = new Set<number>();
  readonly #finished = new Set<number>();
  #hasReason = false;

  /** True once a choice had its finish reason, whatever came after it. */
  get hasReason(): boolean {
    return this.#hasReason;
  }

  /** True when every choice that began has its reason, and there is one. */
  get areFinished(): boolean {
    return this.#finished.size > 0 && this.#open.size === 0;
  }

  /** False for an event that changes nothing about the choices; most of a stream need not be parsed. */
  mayConcern(event: Uint8Array): boolean {
    return (
      this.#finished.size > 0 ||
      FINISH.some((needle) => includesText(event, needle)) ||
      hasHigherIndex(event) ||
      (!this.#open.has(0) && includesText(event, DELTA))
    );
  }

  see(choice: Json): void {
    if (!isObject(choice)) return;
    const index = typeof choice.index === "number" ? choice.index : 0;
    if (text(choice.finish_reason) !== undefined) {
      this.#hasReason = true;
      this.#open.delete(index);
      this.#finished.add(index);
    } else if (!this.#finished.has(index) || addsContent(choice.delta)) {
      this.#finished.delete(index);
      this.#open.add(index);
    }
  }
}

/** True for a delta that adds something to its choice. */
function addsContent(delta: Json | undefined): boolean {
  if (!isObject(delta)) return false;
  return Object.entries(delta).some(
    ([name, value]) =>
      name !== "role" && value !== null && value !== "" && !(Array.isArray(value) && value.length === 0),
  );
}

/** True when some `"index"` member of the event is not 0: a cheap check before parsing. */
export function hasHigherIndex(event: Uint8Array): boolean {
  for (let at = placeBehind(event, INDEX, 0); at !== -1; at = placeBehind(event, INDEX, at)) {
    let value = at;
    while (event[value] === 32 || event[value] === 58) value++;
    const digit = event[value] ?? 0;
    if (digit >= 49 && digit <= 57) return true;
  }
  return false;
}
