/**
 * Gathers the events of a `responses` stream into the one JSON answer of a client that does not stream
 * (providers/codex.md §2.3). Knows events by their data only, never by how they were framed.
 */
import { ERROR_STATUS } from "../../errors.ts";
import { isObject, type Json, type JsonObject, parseJson, text } from "../../json.ts";
import { errorBody } from "../errors.ts";
import { type FailedAnswer, failedAnswer } from "./failure.ts";

export type GatheredAnswer = { ok: true; status: 200; body: JsonObject } | FailedAnswer;

export interface ResponsesGatherer {
  /** Takes the data of the next event. What is unknown, not JSON, or behind the last event is ignored. */
  event(data: string): void;
  /** True once the answer is decided: nothing that follows counts. */
  readonly ended: boolean;
  /** The answer. Before the end it is the error of a stream that broke off. */
  result(): GatheredAnswer;
}

/** All that is held of one answer, in characters of event data. Far above any real one. */
const LIMIT = 32 * 1024 * 1024;

export function createResponsesGatherer(limit: number = LIMIT): ResponsesGatherer {
  const items = new Map<number, Json>();
  let begun: JsonObject = {};
  let held = 0;
  let answer: GatheredAnswer | null = null;

  function take(type: unknown, value: JsonObject): void {
    const response = isObject(value.response) ? value.response : undefined;
    switch (type) {
      case "response.created":
        begun = response ?? begun;
        break;
      case "response.output_item.done":
        if (value.item !== undefined) items.set(placeOf(value.output_index, items), value.item);
        break;
      case "response.completed":
      case "response.incomplete":
      case "response.done":
        answer = response === undefined ? broken("ended without its response") : whole(type, response);
        break;
      case "response.failed":
      case "error":
        answer = failedAnswer(value);
        break;
    }
  }

  /** The first event's facts stand in where the last event is shorter. */
  function whole(type: string, response: JsonObject): GatheredAnswer {
    if (response.status === "failed") return failedAnswer({ response });
    const status = type === "response.incomplete" ? "incomplete" : "completed";
    const output = rebuilt(response.output, items);
    return { ok: true, status: 200, body: { ...begun, status, ...response, output } };
  }

  return {
    event(data) {
      if (answer !== null || !mayMatter(data)) return;
      held += data.length;
      if (held > limit) {
        items.clear();
        answer = broken("is larger than Kleis gathers: ask for it with `stream` set to true");
        return;
      }
      const value = parseJson(data);
      if (isObject(value)) take(value.type, value);
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

const WANTED = /"(response\.(?:created|output_item\.done|completed|incomplete|done|failed)|error)"/;

/** Spares the parsing of deltas, which are most of a stream. */
function mayMatter(data: string): boolean {
  return WANTED.test(data);
}

/** Where a done item stands in the output; behind the others where the event does not say. */
function placeOf(index: unknown, items: ReadonlyMap<number, Json>): number {
  if (typeof index === "number" && Number.isInteger(index) && index >= 0) return index;
  let place = items.size;
  while (items.has(place)) place++;
  return place;
}

/**
 * The output of the last event where it is whole; else the items as they were done, in their order. The backend's last
 * event may hold an empty output or items without ids.
 */
function rebuilt(output: Json | undefined, items: ReadonlyMap<number, Json>): Json[] {
  const last = Array.isArray(output) ? output : [];
  if (last.length >= items.size && last.every((item) => idOf(item) !== undefined)) return last;
  const done = new Set([...items.values()].map(idOf));
  const merged = new Map(items);
  last.forEach((item, index) => {
    const isKnown = merged.has(index) || (idOf(item) !== undefined && done.has(idOf(item)));
    if (!isKnown) merged.set(index, item);
  });
  return [...merged].sort(([a], [b]) => a - b).map(([, item]) => item);
}

function idOf(item: Json): string | undefined {
  return isObject(item) ? text(item.id) : undefined;
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
