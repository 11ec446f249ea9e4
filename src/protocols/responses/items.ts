/**
 * Output items of a `responses` stream as they are put together from the events that announce, fill and finish them. What
 * the provider finished itself is taken as the text that it came as; the rest is built when the stream ends.
 */
import { isObject, type JsonObject, parseJson, text } from "../../json.ts";
import { piecesOf } from "../json-edit.ts";

/** An output item as the text that it came as. */
export interface Item {
  readonly id: string | undefined;
  readonly json: string;
}

/** Where the deltas of an item's member go: `part` names the list, by whose index the event says which part is meant. */
interface Filling {
  readonly member: string;
  /** The member of the `….done` event that holds the whole text. */
  readonly whole: string;
  readonly part?: { readonly list: "content" | "summary"; readonly index: string; readonly type: string };
}

/** The kinds of event that fill an item, by their type without `.delta` or `.done`. */
const FILLINGS: ReadonlyMap<string, Filling> = new Map([
  [
    "response.output_text",
    { member: "text", whole: "text", part: { list: "content", index: "content_index", type: "output_text" } },
  ],
  [
    "response.refusal",
    {
      member: "refusal",
      whole: "refusal",
      part: { list: "content", index: "content_index", type: "refusal" },
    },
  ],
  [
    "response.reasoning_text",
    {
      member: "text",
      whole: "text",
      part: { list: "content", index: "content_index", type: "reasoning_text" },
    },
  ],
  [
    "response.reasoning_summary_text",
    {
      member: "text",
      whole: "text",
      part: { list: "summary", index: "summary_index", type: "summary_text" },
    },
  ],
  ["response.function_call_arguments", { member: "arguments", whole: "arguments" }],
  ["response.custom_tool_call_input", { member: "input", whole: "input" }],
  ["response.mcp_call_arguments", { member: "arguments", whole: "arguments" }],
  ["response.code_interpreter_call_code", { member: "code", whole: "code" }],
]);

/** The events that announce or finish a part of an item, with the part in them. */
const PARTS: ReadonlyMap<string, { list: "content" | "summary"; index: string }> = new Map([
  ["response.content_part", { list: "content", index: "content_index" }],
  ["response.reasoning_summary_part", { list: "summary", index: "summary_index" }],
]);

/** Kinds of item that say nothing by themselves: announced alone they are no answer. */
const EMPTY_MEMBER: Readonly<Record<string, string>> = {
  message: "content",
  function_call: "arguments",
  custom_tool_call: "input",
};

/** What the name of an event's type begins with where the aggregator wants its data. */
export const ITEM_EVENT =
  /"response\.(?:output_item|content_part|output_text|refusal|reasoning_text|reasoning_summary_part|reasoning_summary_text|function_call_arguments|custom_tool_call_input|mcp_call_arguments|code_interpreter_call_code)\.(?:added|delta|done)"/;

/** One item that the provider announced and has not finished: its members, and the parts of its lists. */
interface OpenItem {
  readonly members: Map<string, string>;
  readonly lists: Record<"content" | "summary", Map<number, Map<string, string>>>;
  /** Texts by member (and part) as the deltas add up. */
  readonly texts: Map<string, string>;
}

/**
 * The items that stay unfinished, by their place, from the data of the events that came. `null` stands for one that was
 * announced and of which nothing came.
 */
export function unfinishedItems(events: Iterable<string>): Map<number, Item | null> {
  const open = new Map<number, OpenItem>();
  for (const data of events) {
    const event = parseJson(data);
    if (isObject(event)) take(open, event, data);
  }
  return new Map([...open].map(([place, item]) => [place, built(item)]));
}

function take(open: Map<number, OpenItem>, event: JsonObject, data: string): void {
  const type = text(event.type) ?? "";
  const place = event.output_index;
  if (typeof place !== "number") return;
  if (type === "response.output_item.added") {
    if (isObject(event.item)) open.set(place, opened(event.item, data));
    return;
  }
  if (type === "response.output_item.done") {
    open.delete(place);
    return;
  }
  const item = open.get(place);
  if (item === undefined) return;
  const [, name = "", step = ""] = /^(.*)\.(added|delta|done)$/.exec(type) ?? [];
  const part = PARTS.get(name);
  if (part !== undefined) {
    const index = event[part.index];
    if (typeof index === "number") item.lists[part.list].set(index, stringsOf(piecesOf(data).get("part")));
    return;
  }
  const filling = FILLINGS.get(name);
  if (filling !== undefined) fill(item, filling, step, event);
}

function opened(item: JsonObject, data: string): OpenItem {
  const members = stringsOf(piecesOf(data).get("item"));
  const parts = (list: unknown, source: string | undefined) =>
    new Map(
      Array.isArray(list)
        ? [...piecesOf(source ?? "[]")].map(([at, json]) => [Number(at), stringsOf(json)] as const)
        : [],
    );
  return {
    members,
    lists: {
      content: parts(item.content, members.get("content")),
      summary: parts(item.summary, members.get("summary")),
    },
    texts: new Map(),
  };
}

function fill(item: OpenItem, { member, whole, part }: Filling, step: string, event: JsonObject): void {
  const index = part === undefined ? undefined : event[part.index];
  if (part !== undefined && typeof index !== "number") return;
  const key = `${part?.list ?? ""} ${index ?? ""} ${member}`;
  const before = item.texts.get(key) ?? "";
  const value = step === "done" ? (event[whole] ?? before) : before + (text(event.delta) ?? "");
  if (typeof value !== "string") return;
  item.texts.set(key, value);
  const json = JSON.stringify(value);
  if (part === undefined) {
    item.members.set(member, json);
    return;
  }
  const list = item.lists[part.list];
  const held = list.get(Number(index)) ?? newPart(part.type);
  held.set(member, json);
  list.set(Number(index), held);
}

function newPart(type: string): Map<string, string> {
  const part = new Map([["type", JSON.stringify(type)]]);
  // The SDKs read the annotations of every text.
  if (type === "output_text") part.set("annotations", "[]");
  return part;
}

function built({ members, lists, texts }: OpenItem): Item | null {
  const type = text(parseJson(members.get("type") ?? "")) ?? "";
  for (const name of ["content", "summary"] as const) {
    const parts = [...lists[name]].sort(([a], [b]) => a - b).map(([, part]) => objectOf(part));
    if (parts.length > 0) members.set(name, `[${parts.join(",")}]`);
  }
  const empty = EMPTY_MEMBER[type];
  if (empty !== undefined && texts.size === 0 && isEmpty(members.get(empty))) return null;
  if (members.has("status")) members.set("status", '"completed"');
  return { id: text(parseJson(members.get("id") ?? "")), json: objectOf(members) };
}

function isEmpty(json = "null"): boolean {
  return ["null", '""', "[]", "{}"].includes(json.replace(/\s/g, ""));
}

/** The members of an object as the texts that they came as. */
function stringsOf(json = "{}"): Map<string, string> {
  return new Map([...piecesOf(json)].map(([name, value]) => [String(name), value]));
}

export function objectOf(members: ReadonlyMap<string | number, string>): string {
  return `{${[...members].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}
