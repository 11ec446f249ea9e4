/**
 * Brings Copilot's chat answers into the form that clients read: one choice, and one index per tool call
 * (providers/copilot.md §4.1). Everything else of an answer passes as it came.
 */
import { isObject, type JsonObject, parseJson, text } from "../../json.ts";
import {
  type EventRewriter,
  eventData,
  includesText,
  needleOf,
  withData,
} from "../../protocols/sse/event.ts";

const TOOL_CALLS = needleOf('"tool_calls"');
const NO_CHOICES = needleOf('"choices":null');
const { bytes: INDEX } = needleOf('"index"');
const REASONING = ["reasoning_text", "reasoning_content", "reasoning_opaque"] as const;

/**
 * Folds the choices of an answer that is not a stream into its first: Claude's text may stand in one and each tool
 * call in its own. For a client that asked for one choice only. Returns whether anything changed.
 */
export function foldAnswer(answer: JsonObject): boolean {
  if (!Array.isArray(answer.choices) || answer.choices.length < 2) return false;
  const choices = answer.choices.filter(isObject);
  const first = choices[0];
  if (first === undefined) return false;
  fold(first, choices, "message");
  if (first.index !== undefined) first.index = 0;
  answer.choices = [first];
  return true;
}

/** A rewriter for one chat stream. `single`: the client asked for one choice, so there may be only one. */
export function chatRepair(single: boolean): EventRewriter {
  const calls = new CallIndices();
  // Once a part came as a further choice, every event is looked at: the finish reasons must agree as well.
  const split = { seen: false, calls: false };
  let begun = false;
  return {
    rewrite(event) {
      const further = single && (split.seen || hasHigherIndex(event));
      const nulled = includesText(event, NO_CHOICES);
      const opening = single && !begun;
      if (!further && !nulled && !opening && !includesText(event, TOOL_CALLS)) return event;
      const data = eventData(event);
      const chunk = data === null ? undefined : parseJson(data);
      if (!isObject(chunk)) return event;
      if (chunk.choices === null) {
        // Strict clients take an empty list, not null.
        chunk.choices = [];
        return withData(event, JSON.stringify(chunk));
      }
      if (!Array.isArray(chunk.choices)) return event;
      const choices = chunk.choices.filter(isObject);
      let changed = false;
      for (const choice of choices) changed = calls.settle(choice, single) || changed;
      if (single) changed = unify(chunk, choices, split) || changed;
      if (opening && isObject(choices[0]?.delta)) {
        begun = true;
        changed = nameRole(choices[0].delta) || changed;
      }
      return changed ? withData(event, JSON.stringify(chunk)) : event;
    },
  };
}

/** A first delta may lack its role, and OpenAI's own SDK then throws the whole answer away; returns whether it did. */
function nameRole(delta: JsonObject): boolean {
  if (text(delta.role) !== undefined) return false;
  delta.role = "assistant";
  return true;
}

/** Makes a chunk's choices the one choice 0; returns whether anything changed. */
function unify(chunk: JsonObject, choices: JsonObject[], split: { seen: boolean; calls: boolean }): boolean {
  const first = choices[0];
  if (first === undefined) return false;
  split.calls ||= choices.some((choice) => isObject(choice.delta) && Array.isArray(choice.delta.tool_calls));
  split.seen ||= choices.some((choice) => typeof choice.index === "number" && choice.index > 0);
  if (!split.seen) return false;
  let changed = false;
  if (choices.length > 1) {
    fold(first, choices, "delta");
    chunk.choices = [first];
    changed = true;
  }
  if (typeof first.index === "number" && first.index > 0) {
    first.index = 0;
    changed = true;
  }
  // The text's own choice ends with "stop"; as the last word of a choice with calls it would end the agent's loop.
  if (split.calls && first.finish_reason === "stop") {
    first.finish_reason = "tool_calls";
    changed = true;
  }
  return changed;
}

/** Gathers what several choices hold into the first, under `message` or, of one chunk, under `delta`. */
function fold(into: JsonObject, choices: JsonObject[], key: "message" | "delta"): void {
  const parts = choices.map((choice) => choice[key]).filter(isObject);
  const merged: JsonObject = Object.assign({}, ...parts.toReversed());
  const contents = parts.map((part) => part.content).filter((content) => (content ?? "") !== "");
  if (key === "delta" && contents.every((content) => typeof content === "string") && contents.length > 1) {
    merged.content = contents.join("");
  } else if (contents[0] !== undefined) {
    merged.content = contents[0];
  }
  const calls = parts.flatMap((part) => (Array.isArray(part.tool_calls) ? part.tool_calls : []));
  if (calls.length > 0) merged.tool_calls = calls;
  for (const name of REASONING) {
    const texts = parts.map((part) => part[name]).filter((value) => typeof value === "string");
    if (texts.length > 0) merged[name] = texts.join("");
  }
  into[key] = merged;
  const reasons = choices
    .map((choice) => choice.finish_reason)
    .filter((reason) => typeof reason === "string");
  if (reasons.length === 0) return;
  into.finish_reason = calls.length > 0 ? "tool_calls" : (reasons[0] ?? null);
}

interface Call {
  id: string;
  index: number;
}

/** Gives every tool call of a stream its own index: parallel calls may share index 0, told apart by their ids. */
class CallIndices {
  /** The call that last came at an upstream place (choice and index). */
  readonly #at = new Map<string, Call>();
  /** The calls by choice and id. */
  readonly #byId = new Map<string, Call>();
  /** The indices given out, per choice of the answer. */
  readonly #used = new Map<number, Set<number>>();

  /** Corrects the indices in a choice's delta; returns whether anything changed. */
  settle(choice: JsonObject, single: boolean): boolean {
    if (!isObject(choice.delta) || !Array.isArray(choice.delta.tool_calls)) return false;
    const from = typeof choice.index === "number" ? choice.index : 0;
    let changed = false;
    for (const delta of choice.delta.tool_calls) {
      if (!isObject(delta)) continue;
      const call = this.#find(delta, from, single ? 0 : from);
      if (delta.index === call.index) continue;
      delta.index = call.index;
      changed = true;
    }
    return changed;
  }

  #find(delta: JsonObject, from: number, to: number): Call {
    const wanted = typeof delta.index === "number" ? delta.index : null;
    const place = `${from}:${wanted ?? ""}`;
    const id = typeof delta.id === "string" ? delta.id : "";
    const here = this.#at.get(place);
    if (here !== undefined && (id === "" || here.id === id || here.id === "")) {
      if (id !== "" && here.id === "") this.#name(here, to, id);
      return here;
    }
    const known = id === "" ? undefined : this.#byId.get(`${to}:${id}`);
    const call = known ?? { id: "", index: this.#allot(wanted, to) };
    if (known === undefined && id !== "") this.#name(call, to, id);
    this.#at.set(place, call);
    return call;
  }

  #name(call: Call, to: number, id: string): void {
    call.id = id;
    this.#byId.set(`${to}:${id}`, call);
  }

  /** The index upstream wrote where it is free, else the next after all given out. */
  #allot(wanted: number | null, to: number): number {
    const used = this.#used.get(to) ?? new Set<number>();
    this.#used.set(to, used);
    const index = wanted !== null && !used.has(wanted) ? wanted : Math.max(-1, ...used) + 1;
    used.add(index);
    return index;
  }
}

/** True when some `"index"` member of the event is not 0: a cheap look before parsing. */
function hasHigherIndex(event: Uint8Array): boolean {
  const last = event.length - INDEX.length;
  for (let at = event.indexOf(34); at !== -1 && at <= last; at = event.indexOf(34, at + 1)) {
    let same = 1;
    while (same < INDEX.length && event[at + same] === INDEX[same]) same++;
    if (same < INDEX.length) continue;
    let value = at + same;
    while (event[value] === 32 || event[value] === 58) value++;
    const digit = event[value] ?? 0;
    if (digit >= 49 && digit <= 57) return true;
  }
  return false;
}
