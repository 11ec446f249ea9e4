/**
 * Reads a Responses stream, or a response in one piece, into the model's events (docs/providers/codex.md §2.3). Output items
 * are known by `output_index` alone: Copilot encrypts their ids differently in each event.
 */
import { isObject, type Json, type JsonObject, parseJson, text } from "../../../json.ts";
import { isFailure } from "../../responses/failure.ts";
import { eventData, isErrorEvent } from "../../sse/event.ts";
import type { DecodeOptions, Emit, EventDecoder } from "../codec.ts";
import { failureFrom, failureOf } from "../failures.ts";
import type { StopReason } from "../model.ts";
import { usageFromResponses } from "../values/usage.ts";
import { OutputReader } from "./output-reader.ts";

export function decodeEvents(options: DecodeOptions): EventDecoder {
  return new ResponsesDecoder(options);
}

export function decodeResponse(body: JsonObject, options: DecodeOptions, emit: Emit): void {
  const decoder = new ResponsesDecoder(options);
  decoder.start(emit);
  if (body.status === "failed" || isObject(body.error))
    decoder.fail({ type: "response.failed", response: body }, emit);
  else decoder.complete(body, body.status === "incomplete", emit);
}

class ResponsesDecoder implements EventDecoder {
  readonly #output: OutputReader;
  #hasStarted = false;
  #hasEnded = false;

  constructor({ budget }: DecodeOptions) {
    this.#output = new OutputReader(budget);
  }

  read(event: Uint8Array, emit: Emit): void {
    if (this.#hasEnded) return;
    const data = eventData(event);
    if (data === null) return;
    const value = parseJson(data);
    if (isErrorEvent(event) || (isObject(value) && isFailure(value))) {
      this.#end(() => emit({ type: "fail", failure: failureFrom(data) }));
      return;
    }
    if (isObject(value)) this.#take(value, emit);
  }

  end(emit: Emit): void {
    this.#end(() => emit({ type: "fail", failure: failureOf("ended_early") }));
  }

  start(emit: Emit): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    emit({ type: "start" });
  }

  /** Ends with the response as the last event shows it. */
  complete(response: JsonObject, isIncomplete: boolean, emit: Emit): void {
    this.start(emit);
    if (!this.#readOutput(response.output, emit)) return;
    // The Codex backend's way of giving up: an answer that says it goes on, without anything to go on with.
    if (response.end_turn === false && !this.#output.hasCalls) {
      this.fail(
        { error: { code: "server_is_overloaded", message: "The provider ended the turn early." } },
        emit,
      );
      return;
    }
    this.#output.closeAll(isIncomplete, emit);
    emit({ type: "usage", usage: usageFromResponses(response.usage, this.#output.searches) });
    const reason = isIncomplete ? incompleteReason(response) : this.#output.hasCalls ? "tool" : "end";
    this.#end(() => emit({ type: "stop", reason }));
  }

  fail(data: JsonObject, emit: Emit): void {
    this.#end(() => emit({ type: "fail", failure: failureFrom(JSON.stringify(data)) }));
  }

  #take(value: JsonObject, emit: Emit): void {
    const { type } = value;
    if (typeof type !== "string") return;
    const response = isObject(value.response) ? value.response : {};
    switch (type) {
      case "response.created":
        this.start(emit);
        return;
      case "response.completed":
      case "response.done":
        if (response.status === "failed") this.fail(value, emit);
        else this.complete(response, response.status === "incomplete", emit);
        return;
      case "response.incomplete":
        this.complete(response, true, emit);
        return;
      case "response.failed":
        this.fail(value, emit);
        return;
    }
    if (!this.#output.mayRead(type)) {
      if (isSignOfLife(type)) emit({ type: "ping" });
      return;
    }
    this.start(emit);
    if (!this.#output.read(type, value, emit)) this.#tooLarge(emit);
  }

  /** Items that only the last event has. False where the response has failed. */
  #readOutput(output: Json | undefined, emit: Emit): boolean {
    if (!Array.isArray(output)) return true;
    for (const [index, item] of output.entries()) {
      if (!isObject(item) || this.#output.finish(index, item, emit)) continue;
      this.#tooLarge(emit);
      return false;
    }
    return true;
  }

  #tooLarge(emit: Emit): void {
    const failure = failureOf("too_large", "the model's tool calls are too large to translate");
    this.#end(() => emit({ type: "fail", failure }));
  }

  #end(last: () => void): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    last();
  }
}

/** Events that say no more than that the provider is at work; the steps of a search may take long. */
function isSignOfLife(type: string): boolean {
  return !type.startsWith("response.") || /^response\.(queued|in_progress|web_search_call\.)/.test(type);
}

function incompleteReason({ incomplete_details: details }: JsonObject): StopReason {
  return isObject(details) && text(details.reason) === "content_filter" ? "refusal" : "length";
}
