/**
 * Gathers the events of a `responses` stream into the one JSON answer of a client that does not stream
 * (providers/codex.md §2.3). Knows events by their data, and errors by their name too. What it puts together are the texts
 * that came: big numbers, the order of keys and duplicate ones stay.
 */
import { ERROR_STATUS } from "../../errors.ts";
import { isObject, type Json, type JsonObject, parseJson, text } from "../../json.ts";
import { errorBody } from "../errors.ts";
import { piecesOf } from "../json-edit.ts";
import { type FailedAnswer, failedAnswer, isFailure } from "./failure.ts";
import { ITEM_EVENT, type Item, objectOf, unfinishedItems } from "./items.ts";

export type GatheredAnswer = { ok: true; status: 200; json: string } | FailedAnswer;

export interface ResponsesGatherer {
  /**
   * Takes the data of the next event; `isError` where the event is named so, whatever its data is. What else is unknown,
   * not JSON, or behind the last event is ignored.
   */
  event(data: string, isError?: boolean): void;
  /** True once the answer is decided: nothing that follows counts. */
  readonly ended: boolean;
  /** The answer. Before the end it is the error of a stream that broke off. */
  result(): GatheredAnswer;
}

/** All that is held of one answer, in characters of event data. Far above any real one. */
const LIMIT = 32 * 1024 * 1024;

/** The members of an object, or the elements of an array, as the texts that they came as. */
type Pieces = ReadonlyMap<string | number, string>;

export function createResponsesGatherer(limit: number = LIMIT): ResponsesGatherer {
  const items = new Map<number, Item>();
  let begun: Pieces = new Map();
  let held = 0;
  /** Places of items that were announced and are not done; while there is none, nothing that fills one is kept. */
  const open = new Set<unknown>();
  /** The data of events that announce and fill items, as long as one of these may stay unfinished. */
  let filling: string[] = [];
  let fillingHeld = 0;
  let answer: GatheredAnswer | null = null;

  function take(value: JsonObject, data: string): void {
    const response = isObject(value.response) ? value.response : undefined;
    switch (value.type) {
      case "response.created":
        if (response !== undefined) begun = membersOf(data, "response");
        break;
      case "response.output_item.added":
        open.add(value.output_index);
        break;
      case "response.output_item.done":
        if (value.item !== undefined)
          items.set(placeOf(value.output_index, items), itemOf(value.item, piecesOf(data).get("item")));
        open.delete(value.output_index);
        break;
      case "response.completed":
      case "response.incomplete":
      case "response.done":
        answer =
          response === undefined
            ? broken("ended without its response")
            : whole(value.type, response, membersOf(data, "response"));
        break;
      case "response.failed":
        answer = failedAnswer(value);
        break;
      default:
        if (isFailure(value)) answer = failedAnswer(value);
    }
  }

  /** The first event's facts stand in where the last event is shorter. */
  function whole(type: string, response: JsonObject, members: Pieces): GatheredAnswer {
    if (response.status === "failed") return failedAnswer({ response });
    const last = Array.isArray(response.output) ? response.output.length : 0;
    for (const [place, item] of unfinishedItems(filling)) {
      if (items.has(place) || last > place) continue;
      if (item === null && type !== "response.incomplete")
        return broken("ended without what it had announced");
      if (item !== null) items.set(place, item);
    }
    const status = type === "response.incomplete" ? '"incomplete"' : '"completed"';
    const output = rebuilt(response.output, items, members.get("output"));
    const json = objectOf(new Map([...begun, ["status", status], ...members, ["output", output]]));
    return { ok: true, status: 200, json };
  }

  return {
    event(data, isError = false) {
      if (answer !== null || !(isError || mayMatter(data))) return;
      const isFilling = !isError && ITEM_EVENT.test(data);
      if (isFilling) {
        filling.push(data);
        fillingHeld += data.length;
      }
      const isMerelyFilling = isFilling && !WANTED.test(data);
      if (!isMerelyFilling) held += data.length;
      if (held + fillingHeld > limit) {
        items.clear();
        filling = [];
        answer = broken("is larger than Kleis gathers: ask for it with `stream` set to true");
        return;
      }
      if (isMerelyFilling) return;
      const value = parseJson(data);
      if (isError) answer = failedAnswer(isObject(value) ? { ...value, type: "error" } : { error: data });
      else if (isObject(value)) take(value, data);
      if (open.size > 0 || filling.length === 0) return;
      filling = [];
      fillingHeld = 0;
    },
    get ended() {
      return answer !== null;
    },
    result() {
      if (answer !== null) return answer;
      return failure(
        "upstream_stream_incomplete",
        "The provider's stream ended before the answer was complete. Send the request again.",
      );
    },
  };
}

const WANTED = /"(response\.(?:created|output_item\.(?:added|done)|completed|incomplete|done|failed)|error)"/;

/** What is parsed at once, and what is kept for the end; deltas, which are most of a stream, only where an item stays open. */
function mayMatter(data: string): boolean {
  return WANTED.test(data) || ITEM_EVENT.test(data);
}

/** Where a done item stands in the output; behind the others where the event does not say. */
function placeOf(index: unknown, items: ReadonlyMap<number, Item>): number {
  if (typeof index === "number" && Number.isInteger(index) && index >= 0) return index;
  let place = items.size;
  while (items.has(place)) place++;
  return place;
}

/**
 * The output of the last event where it is whole; else the items as they were done, in their order. The backend's last
 * event may hold an empty output or items without ids.
 */
function rebuilt(output: Json | undefined, items: ReadonlyMap<number, Item>, source = "[]"): string {
  const pieces = piecesOf(source);
  const last = Array.isArray(output) ? output.map((item, at) => itemOf(item, pieces.get(at))) : [];
  if (Array.isArray(output) && last.length >= items.size && last.every(({ id }) => id !== undefined))
    return source;
  const done = new Set([...items.values()].map(({ id }) => id));
  const merged = new Map(items);
  last.forEach((item, index) => {
    const isKnown = merged.has(index) || (item.id !== undefined && done.has(item.id));
    if (!isKnown) merged.set(index, item);
  });
  const inOrder = [...merged].sort(([a], [b]) => a - b);
  return `[${inOrder.map(([, { json }]) => json).join(",")}]`;
}

function itemOf(item: Json, json = "null"): Item {
  return { id: isObject(item) ? text(item.id) : undefined, json };
}

function membersOf(json: string, name: string): Pieces {
  return piecesOf(piecesOf(json).get(name) ?? "{}");
}

function broken(what: string): FailedAnswer {
  return failure("upstream_invalid_response", `The provider's answer ${what}.`);
}

function failure(
  code: "upstream_invalid_response" | "upstream_stream_incomplete",
  message: string,
): FailedAnswer {
  const status = ERROR_STATUS[code];
  return { ok: false, status, body: errorBody("responses", { code, status, message }) };
}
