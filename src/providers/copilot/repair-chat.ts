/**
 * Brings Copilot's chat responses into the form that clients read: one choice, and one index per tool call
 * (providers/copilot.md §4.1). Everything else in a response is forwarded unchanged.
 */
import { isObject, type Json, type JsonObject, parseJson, text } from "../../json.ts";
import type { Path } from "../../protocols/body.ts";
import { hasHigherIndex } from "../../protocols/chat/choices.ts";
import type { Splice } from "../../protocols/json-edit.ts";
import {
  type EventRewriter,
  eventData,
  includesText,
  needleOf,
  withEdits,
} from "../../protocols/sse/event.ts";

const TOOL_CALLS = needleOf('"tool_calls"');
const STOP = needleOf('"stop"');
const NO_CHOICES = needleOf('"choices":null');
const CALLS_END = "tool_calls";
const REASONING = ["reasoning_text", "reasoning_content", "reasoning_opaque"] as const;

/**
 * Folds the choices of a response that is not a stream into its first: Claude's text may stand in one and each tool
 * call in its own. For a client that asked for one choice only. Only the message is rebuilt.
 */
export function foldResponse({ choices }: JsonObject): Splice[] {
  if (!Array.isArray(choices) || choices.length < 2) return endCalls({ choices });
  const at = choices.findIndex(isObject);
  const first = choices[at];
  if (!isObject(first)) return [];
  const members = folded(choices.filter(isObject), "message");
  if (first.index !== undefined) members.index = 0;
  return [
    ...Object.entries(members).map(
      ([name, value]): Splice => ({ op: "set", path: ["choices", at, name], value }),
    ),
    ...withoutOthers(choices, at),
  ];
}

/** A choice that holds calls ends as such: with "stop" an agent would take it for the last word and run none of them. */
export function endCalls({ choices }: JsonObject): Splice[] {
  return listOf(choices).flatMap((choice, at): Splice[] =>
    isObject(choice) && choice.finish_reason === "stop" && holdsCalls(choice.message)
      ? [{ op: "set", path: ["choices", at, "finish_reason"], value: CALLS_END }]
      : [],
  );
}

/** Leaves one choice alone. */
function withoutOthers(choices: readonly Json[], at: number): Splice[] {
  return [...choices.keys()]
    .filter((other) => other !== at)
    .map((other) => ({ op: "remove", path: ["choices", other] }));
}

/** A rewriter for one chat stream. `single`: the client asked for one choice, so there may be only one. */
export function chatRepair(single: boolean): EventRewriter {
  const calls = new CallIndices();
  // Once a part came as a further choice, every event is looked at: the finish reasons must agree as well.
  const split = { seen: false };
  /** The choices of the response that hold calls so far. */
  const calling = new Set<number>();
  let begun = false;
  return {
    rewrite(event) {
      const further = single && (split.seen || hasHigherIndex(event));
      const nulled = includesText(event, NO_CHOICES);
      const opening = single && !begun;
      const ending = calling.size > 0 && includesText(event, STOP);
      if (!further && !nulled && !opening && !ending && !includesText(event, TOOL_CALLS)) return event;
      const data = eventData(event);
      const chunk = data === null ? undefined : parseJson(data);
      if (data === null || !isObject(chunk)) return event;
      // Strict clients take an empty list, not null.
      if (chunk.choices === null)
        return withEdits(event, data, [{ op: "set", path: ["choices"], value: [] }]);
      const edits: Splice[] = [];
      const choices = partsOf(chunk.choices, ["choices"], edits);
      const [first] = choices;
      for (const choice of choices) {
        calls.settle(choice, single);
        endCalling(choice, single, calling);
      }
      if (single && first !== undefined && unify(choices, first, split) && choices.length > 1)
        edits.push(...withoutOthers(listOf(chunk.choices), first.at));
      const delta = opening ? first?.inner("delta") : undefined;
      if (delta !== undefined) {
        begun = true;
        nameRole(delta);
      }
      return withEdits(event, data, edits);
    },
  };
}

/** The same in a stream, where a choice's calls and its end may come in different chunks. */
function endCalling(choice: Part, single: boolean, calling: Set<number>): void {
  const { index, delta, finish_reason } = choice.value;
  const at = single || typeof index !== "number" ? 0 : index;
  if (holdsCalls(delta)) calling.add(at);
  if (finish_reason === "stop" && calling.has(at)) choice.put("finish_reason", CALLS_END);
}

function holdsCalls(message: Json | undefined): boolean {
  return isObject(message) && listOf(message.tool_calls).length > 0;
}

/** An object inside a chunk. What is put into it is an edit of the event as well. */
interface Part {
  readonly value: JsonObject;
  /** The place in its list. */
  readonly at: number;
  put(name: string, value: Json): void;
  inner(name: string): Part | undefined;
  /** The objects of a list in it. */
  list(name: string): Part[];
}

function partOf(value: JsonObject, path: Path, edits: Splice[]): Part {
  return {
    value,
    at: Number(path.at(-1)),
    put(name, given) {
      if (value[name] === given) return;
      value[name] = given;
      edits.push({ op: "set", path: [...path, name], value: given });
    },
    inner(name) {
      const held = value[name];
      return isObject(held) ? partOf(held, [...path, name], edits) : undefined;
    },
    list: (name) => partsOf(value[name], [...path, name], edits),
  };
}

function partsOf(list: Json | undefined, path: Path, edits: Splice[]): Part[] {
  return listOf(list).flatMap((value, at) => (isObject(value) ? [partOf(value, [...path, at], edits)] : []));
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

/** A first delta may lack its role, and OpenAI's own SDK then discards the whole response. */
function nameRole(delta: Part): void {
  if (text(delta.value.role) === undefined) delta.put("role", "assistant");
}

/** Makes the first of a chunk's choices the one choice 0 that holds what all do; returns whether they are parts of one. */
function unify(choices: Part[], first: Part, split: { seen: boolean }): boolean {
  split.seen ||= choices.some(({ value }) => typeof value.index === "number" && value.index > 0);
  if (!split.seen) return false;
  if (choices.length > 1) {
    const whole = folded(
      choices.map(({ value }) => value),
      "delta",
    );
    for (const [name, value] of Object.entries(whole)) first.put(name, value ?? null);
  }
  if (typeof first.value.index === "number") first.put("index", 0);
  return true;
}

/** The members of one choice that holds what several do, under `message` or, of one chunk, under `delta`. */
function folded(choices: JsonObject[], key: "message" | "delta"): JsonObject {
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
  const reasons = choices
    .map((choice) => choice.finish_reason)
    .filter((reason) => typeof reason === "string");
  if (reasons.length === 0) return { [key]: merged };
  const cut = reasons.find((reason) => reason === "length" || reason === "content_filter");
  const end = calls.length > 0 ? CALLS_END : (reasons[0] ?? null);
  return { [key]: merged, finish_reason: cut ?? end };
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
  /** The indices given out, per choice of the response. */
  readonly #used = new Map<number, Set<number>>();

  /** Corrects the indices in a choice's delta. */
  settle(choice: Part, single: boolean): void {
    const { index } = choice.value;
    const from = typeof index === "number" ? index : 0;
    for (const call of choice.inner("delta")?.list("tool_calls") ?? [])
      call.put("index", this.#find(call.value, from, single ? 0 : from).index);
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
