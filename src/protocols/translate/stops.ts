/**
 * Stop sequences for a target that takes none: the text ends before the first match, and the rest of the response is read
 * for its usage alone. Holds back no more text than could be the beginning of a match.
 */
import type { Emit } from "./codec.ts";
import type { BlockKey, ResponseEvent } from "./model.ts";

/** Stands between a decoder and an encoder. */
export class StopEmulator {
  readonly #stops: readonly string[];
  readonly #emit: Emit;
  /** By open text block, what of it was held back. */
  readonly #held = new Map<BlockKey, string>();
  /** Other blocks that are open. */
  readonly #others = new Set<BlockKey>();
  #matched: string | undefined;
  #hasEnded = false;

  /** `stops`: none of them empty. */
  constructor(stops: readonly string[], emit: Emit) {
    this.#stops = stops;
    this.#emit = emit;
  }

  write(event: ResponseEvent): void {
    if (this.#hasEnded) return;
    if (this.#matched !== undefined) {
      this.#swallow(event, this.#matched);
      return;
    }
    switch (event.type) {
      case "open":
        if (event.block.kind === "text") this.#held.set(event.key, "");
        else this.#others.add(event.key);
        this.#emit(event);
        break;
      case "delta": {
        const held = this.#held.get(event.key);
        if (held === undefined) this.#emit(event);
        else this.#search(event.key, held + event.text);
        break;
      }
      case "close":
        this.#flush(event.key);
        this.#held.delete(event.key);
        this.#others.delete(event.key);
        this.#emit(event);
        break;
      default:
        this.#hasEnded = event.type === "stop" || event.type === "fail";
        if (this.#hasEnded) for (const key of this.#held.keys()) this.#flush(key);
        this.#emit(event);
    }
  }

  #search(key: BlockKey, text: string): void {
    // The sequence that is complete first, as if the text came letter by letter; of two the longer.
    let first = -1;
    let firstEnd = Number.POSITIVE_INFINITY;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      const end = at + stop.length;
      if (at === -1 || end > firstEnd || (end === firstEnd && at >= first)) continue;
      first = at;
      firstEnd = end;
      this.#matched = stop;
    }
    const end = first === -1 ? text.length - this.#heldBack(text) : first;
    if (end > 0) this.#emit({ type: "delta", key, text: text.slice(0, end) });
    this.#held.set(key, text.slice(end));
    if (first !== -1) this.#closeAll();
  }

  /** How much of the text's end could begin a stop sequence. */
  #heldBack(text: string): number {
    let longest = 0;
    for (const stop of this.#stops)
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
        if (text.endsWith(stop.slice(0, length))) longest = length;
    return longest;
  }

  #flush(key: BlockKey): void {
    const text = this.#held.get(key);
    if (text) this.#emit({ type: "delta", key, text });
    if (text !== undefined) this.#held.set(key, "");
  }

  #closeAll(): void {
    for (const key of this.#held.keys()) this.#emit({ type: "close", key });
    for (const key of this.#others) this.#emit({ type: "close", key, cut: true });
    this.#held.clear();
    this.#others.clear();
  }

  /** After the match the response is whole, however the rest of it ends. */
  #swallow(event: ResponseEvent, sequence: string): void {
    if (event.type === "usage" || event.type === "ping") {
      this.#emit(event);
      return;
    }
    if (event.type !== "stop" && event.type !== "fail") return;
    this.#hasEnded = true;
    this.#emit({ type: "stop", reason: "sequence", sequence });
  }
}
