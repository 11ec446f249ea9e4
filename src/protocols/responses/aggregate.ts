/**
 * Aggregates the events of a `responses` stream into one JSON response for a client that does not stream
 * (providers/codex.md §2.3). Knows events by their data, and errors by their name too. What it joins are the texts that
 * came: big numbers, the order of keys and duplicate ones stay.
 */
import { ERROR_STATUS } from "../../errors.ts";
import { isObject, type Json, type JsonObject, parseJson, text } from "../../json.ts";
import { errorBody } from "../errors.ts";
import { piecesOf } from "../json-edit.ts";
import { type FailedResponse, failedResponse, isFailure } from "./failure.ts";
import { ITEM_EVENT, type Item, objectOf, unfinishedItems } from "./items.ts";

export type AggregatedResponse = { ok: true; status: 200; json: string } | FailedResponse;

/** All that is held of one response, in characters of event data. Far above any real one. */
const LIMIT = 32 * 1024 * 1024;

/** The members of an object, or the elements of an array, as the texts that they came as. */
type Pieces = ReadonlyMap<string | number, string>;

export class ResponsesAggregator {
  readonly #limit: number;
  /** The finished items by their place. */
  readonly #items = new Map<number, Item>();
  /** The members of the response as it began. */
  #begun: Pieces = new Map();
  #heldChars = 0;
  /** Places of items that were announced and are not done; while there are none, no event that fills one is kept. */
  readonly #open = new Set<unknown>();
  /** The data of events that announce and fill items, as long as one of these may stay unfinished. */
  #filling: string[] = [];
  #fillingChars = 0;
  #result: AggregatedResponse | null = null;

  constructor(limit: number = LIMIT) {
    this.#limit = limit;
  }

  /** True once the response is decided: nothing that follows counts. */
  get ended(): boolean {
    return this.#result !== null;
  }

  /** The response. Before the end it is the error of a stream that broke off. */
  result(): AggregatedResponse {
    return (
      this.#result ??
      failure(
        "upstream_stream_incomplete",
        "The provider's stream ended before the response was complete. Send the request again.",
      )
    );
  }

  /**
   * Takes the data of the next event; `isError` where the event is named so, whatever its data is. What else is unknown,
   * not JSON, or after the last event is ignored.
   */
  add(data: string, isError = false): void {
    if (this.#result !== null || !(isError || mayMatter(data))) return;
    const isFilling = !isError && ITEM_EVENT.test(data);
    const isMerelyFilling = isFilling && !WANTED.test(data);
    if (!this.#hold(data, isFilling, isMerelyFilling) || isMerelyFilling) return;
    const value = parseJson(data);
    if (isError) {
      this.#result = failedResponse(isObject(value) ? { ...value, type: "error" } : { error: data });
    } else if (isObject(value)) this.#take(value, data);
    if (this.#open.size > 0 || this.#filling.length === 0) return;
    this.#filling = [];
    this.#fillingChars = 0;
  }

  /** Keeps what the end may need; false where the response has grown too large, which ends it. */
  #hold(data: string, isFilling: boolean, isMerelyFilling: boolean): boolean {
    if (isFilling) {
      this.#filling.push(data);
      this.#fillingChars += data.length;
    }
    if (!isMerelyFilling) this.#heldChars += data.length;
    if (this.#heldChars + this.#fillingChars <= this.#limit) return true;
    this.#items.clear();
    this.#filling = [];
    this.#result = invalid("is larger than Kleis aggregates: ask for it with `stream` set to true");
    return false;
  }

  #take(value: JsonObject, data: string): void {
    const response = isObject(value.response) ? value.response : undefined;
    switch (value.type) {
      case "response.created":
        if (response !== undefined) this.#begun = membersOf(data, "response");
        break;
      case "response.output_item.added":
        this.#open.add(value.output_index);
        break;
      case "response.output_item.done":
        if (value.item !== undefined) {
          const item = itemOf(value.item, piecesOf(data).get("item"));
          this.#items.set(placeOf(value.output_index, this.#items), item);
        }
        this.#open.delete(value.output_index);
        break;
      case "response.completed":
      case "response.incomplete":
      case "response.done":
        this.#result =
          response === undefined
            ? invalid("ended without its response")
            : this.#complete(value.type, response, membersOf(data, "response"));
        break;
      case "response.failed":
        this.#result = failedResponse(value);
        break;
      default:
        if (isFailure(value)) this.#result = failedResponse(value);
    }
  }

  /** The members of the first event stand in where the last event lacks them. */
  #complete(type: string, response: JsonObject, members: Pieces): AggregatedResponse {
    if (response.status === "failed") return failedResponse({ response });
    const last = Array.isArray(response.output) ? response.output.length : 0;
    for (const [place, item] of unfinishedItems(this.#filling)) {
      if (this.#items.has(place) || last > place) continue;
      if (item === null && type !== "response.incomplete")
        return invalid("ended without what it had announced");
      if (item !== null) this.#items.set(place, item);
    }
    const status = type === "response.incomplete" ? '"incomplete"' : '"completed"';
    const output = rebuilt(response.output, this.#items, members.get("output"));
    const json = objectOf(new Map([...this.#begun, ["status", status], ...members, ["output", output]]));
    return { ok: true, status: 200, json };
  }
}

const WANTED = /"(response\.(?:created|output_item\.(?:added|done)|completed|incomplete|done|failed)|error)"/;

/** What is parsed at once, and what is kept for the end; deltas, which are most of a stream, only where an item stays open. */
function mayMatter(data: string): boolean {
  return WANTED.test(data) || ITEM_EVENT.test(data);
}

/** The index of a done item in the output; after the others where the event names none. */
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

function invalid(what: string): FailedResponse {
  return failure("upstream_invalid_response", `The provider's response ${what}.`);
}

function failure(
  code: "upstream_invalid_response" | "upstream_stream_incomplete",
  message: string,
): FailedResponse {
  const status = ERROR_STATUS[code];
  return { ok: false, status, body: errorBody("responses", { code, status, message }) };
}
