/**
 * Writes a Responses stream for a client. Codex CLI acts upon `response.output_item.done`, the SDKs upon every step of the
 * ladder; `sequence_number` counts from 0 without gaps (docs/providers/codex.md §2.3).
 */
import type { Json, JsonObject } from "../../../json.ts";
import { failureEvents } from "../../stream-errors.ts";
import type { EventEncoder, FoldedResponse, ResponseContext, ResponseFold } from "../codec.ts";
import { failureFor, failureOf } from "../failures.ts";
import type { ResponseEvent, ResponseFailure, StopReason, Usage } from "../model.ts";
import { NO_USAGE } from "../values/usage.ts";
import { annotationOf, contentOf, type OutputItem, OutputWriter, summaryOf } from "./output-writer.ts";
import { endingOf, responseId, responseObject } from "./response-object.ts";

const TOO_LARGE = "the response is larger than Kleis translates";

export function encodeEvents(context: ResponseContext): EventEncoder {
  return new ResponsesEncoder(context);
}

export function foldEvents(context: ResponseContext): ResponseFold {
  return new ResponsesFold(context);
}

class ResponsesEncoder implements EventEncoder {
  readonly #context: ResponseContext;
  readonly #output: OutputWriter;
  #sequence = 0;
  #text = "";
  #usage: Usage = NO_USAGE;
  #state: "waiting" | "running" | "ended" = "waiting";

  constructor(context: ResponseContext) {
    this.#context = context;
    this.#output = new OutputWriter(context);
  }

  get hasEnded(): boolean {
    return this.#state === "ended";
  }

  write(event: ResponseEvent): string | null {
    if (this.#state === "ended") return null;
    this.#text = "";
    this.#apply(event);
    return this.#text === "" ? null : this.#text;
  }

  /** Codex CLI counts events alone, and every SDK knows this one. */
  keepAlive(): string {
    if (this.#state === "ended") return ": kleis\n\n";
    this.#text = "";
    if (this.#state === "waiting") this.#start();
    else this.#event("response.in_progress", { response: responseObject(this.#context) });
    return this.#text;
  }

  #apply(event: ResponseEvent): void {
    switch (event.type) {
      case "start":
        if (this.#state === "waiting") this.#start();
        return;
      case "open":
        this.#open(this.#output.open(event.key, event.block));
        return;
      case "usage":
        this.#usage = event.usage;
        return;
      case "stop":
        this.#stop(event.reason);
        return;
      case "fail":
        this.#fail(event.failure);
        return;
      case "ping":
        this.#text = this.keepAlive();
        return;
    }
    const item = this.#output.at(event.key);
    if (item === undefined) return;
    if (event.type === "close") this.#close(item, event.key, event.cut === true);
    else if (!this.#fill(item, event)) this.#fail(failureOf("too_large", TOO_LARGE));
  }

  /** False where the response is larger than may be kept. */
  #fill(
    item: OutputItem,
    event: Extract<ResponseEvent, { type: "delta" | "opaque" | "cite" | "found" }>,
  ): boolean {
    switch (event.type) {
      case "opaque":
        return this.#output.seal(item, event);
      case "found":
        item.queries = event.queries;
        item.results = event.results;
        return true;
      case "cite":
        item.citations.push(event.citation);
        this.#partEvent("response.output_text.annotation.added", item, {
          annotation_index: item.citations.length - 1,
          annotation: annotationOf(item.text.length)(event.citation),
        });
        return true;
      case "delta":
        if (item.text === "" && item.block.kind === "thinking") this.#openSummary(item);
        this.#delta(item, event.text);
        return this.#output.add(item, event.text);
    }
  }

  #start(): void {
    this.#state = "running";
    const response = responseObject(this.#context);
    this.#event("response.created", { response });
    this.#event("response.in_progress", { response });
  }

  #open(item: OutputItem): void {
    if (this.#state === "waiting") this.#start();
    this.#event("response.output_item.added", { output_index: item.index, item: this.#output.begun(item) });
    const { kind } = item.block;
    if (kind === "text" || kind === "refusal")
      this.#partEvent("response.content_part.added", item, { part: contentOf(item) });
    if (kind === "search")
      for (const step of ["in_progress", "searching"])
        this.#itemEvent(`response.web_search_call.${step}`, item, {});
  }

  #openSummary(item: OutputItem): void {
    const part = { type: "summary_text", text: "" };
    this.#itemEvent("response.reasoning_summary_part.added", item, { summary_index: 0, part });
  }

  #delta(item: OutputItem, delta: string): void {
    switch (item.block.kind) {
      case "text":
        this.#partEvent("response.output_text.delta", item, { delta, logprobs: [] });
        return;
      case "refusal":
        this.#partEvent("response.refusal.delta", item, { delta });
        return;
      case "thinking":
        this.#itemEvent("response.reasoning_summary_text.delta", item, { summary_index: 0, delta });
        return;
      case "tool":
        // A tool search has no events for its arguments.
        if (item.block.call === "search") return;
        this.#itemEvent(`response.${inputName(item)}.delta`, item, { delta });
        return;
    }
  }

  #close(item: OutputItem, key: number, isCut: boolean): void {
    item.isCut = isCut;
    this.#finishParts(item);
    this.#output.close(key);
    this.#event("response.output_item.done", { output_index: item.index, item: this.#output.finished(item) });
  }

  #finishParts(item: OutputItem): void {
    const { block, text } = item;
    switch (block.kind) {
      case "text":
        this.#partEvent("response.output_text.done", item, { text, logprobs: [] });
        this.#partEvent("response.content_part.done", item, { part: contentOf(item) });
        return;
      case "refusal":
        this.#partEvent("response.refusal.done", item, { refusal: text });
        this.#partEvent("response.content_part.done", item, { part: contentOf(item) });
        return;
      case "thinking": {
        const [part] = summaryOf(item);
        if (part === undefined) return;
        this.#itemEvent("response.reasoning_summary_text.done", item, { summary_index: 0, text });
        this.#itemEvent("response.reasoning_summary_part.done", item, { summary_index: 0, part });
        return;
      }
      case "tool":
        if (block.call === "search" || item.isCut) return;
        this.#itemEvent(`response.${inputName(item)}.done`, item, {
          [block.call === "custom" ? "input" : "arguments"]: text,
        });
        return;
      case "search":
        this.#itemEvent("response.web_search_call.completed", item, {});
        return;
    }
  }

  #stop(reason: StopReason): void {
    if (this.#state === "waiting") this.#start();
    const ending = endingOf(reason);
    const response = responseObject(this.#context, this.#output.output(), this.#usage, ending);
    this.#event(`response.${ending.status}`, { response });
    this.#state = "ended";
  }

  #fail(failure: ResponseFailure): void {
    const begun = this.#state === "running";
    this.#state = "ended";
    const { requestId, model } = this.#context;
    const facts = { requestId, model, begun, responseId: responseId(this.#context) };
    this.#text += failureEvents("responses", failureFor("responses", failure), facts);
  }

  /** An event about the one content part of a message. */
  #partEvent(type: string, item: OutputItem, members: JsonObject): void {
    this.#itemEvent(type, item, { content_index: 0, ...members });
  }

  #itemEvent(type: string, { id, index }: OutputItem, members: JsonObject): void {
    this.#event(type, { item_id: id, output_index: index, ...members });
  }

  #event(type: string, members: { readonly [name: string]: Json }): void {
    const data = JSON.stringify({ type, sequence_number: this.#sequence++, ...members });
    this.#text += `event: ${type}\ndata: ${data}\n\n`;
  }
}

function inputName({ block }: OutputItem): string {
  return block.kind === "tool" && block.call === "custom"
    ? "custom_tool_call_input"
    : "function_call_arguments";
}

class ResponsesFold implements ResponseFold {
  readonly #context: ResponseContext;
  readonly #output: OutputWriter;
  #usage: Usage = NO_USAGE;
  #end: StopReason | undefined;
  #failure: ResponseFailure | undefined;

  constructor(context: ResponseContext) {
    this.#context = context;
    this.#output = new OutputWriter(context);
  }

  write(event: ResponseEvent): void {
    if (this.#failure !== undefined || this.#end !== undefined) return;
    switch (event.type) {
      case "open":
        this.#output.open(event.key, event.block);
        return;
      case "usage":
        this.#usage = event.usage;
        return;
      case "stop":
        this.#end = event.reason;
        return;
      case "fail":
        this.#failure = event.failure;
        return;
      case "start":
      case "ping":
        return;
    }
    const item = this.#output.at(event.key);
    if (item !== undefined && !this.#fill(item, event)) this.#failure = failureOf("too_large", TOO_LARGE);
  }

  result(): FoldedResponse {
    if (this.#failure !== undefined || this.#end === undefined) {
      const failure = failureFor("responses", this.#failure ?? failureOf("ended_early"));
      return { ok: false, failure };
    }
    const value = responseObject(this.#context, this.#output.output(), this.#usage, endingOf(this.#end));
    return { ok: true, value };
  }

  #fill(item: OutputItem, event: Extract<ResponseEvent, { readonly key: number }>): boolean {
    switch (event.type) {
      case "delta":
        return this.#output.add(item, event.text);
      case "opaque":
        return this.#output.seal(item, event);
      case "cite":
        item.citations.push(event.citation);
        return true;
      case "found":
        item.queries = event.queries;
        item.results = event.results;
        return true;
      case "close":
        item.isCut = event.cut === true;
        this.#output.close(event.key);
        return true;
      default:
        return true;
    }
  }
}
