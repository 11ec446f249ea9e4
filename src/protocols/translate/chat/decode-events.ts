/**
 * Reads a chat stream, or a completion, into the model's events (docs/providers/copilot.md §4.1). A call is known by its id,
 * and by its index where a chunk has none: Copilot gives parallel calls the same index.
 */
import { isObject, type Json, type JsonObject, parseJson, text } from "../../../json.ts";
import { eventData, isErrorEvent } from "../../sse/event.ts";
import type { Budget, DecodeOptions, Emit, EventDecoder } from "../codec.ts";
import { failureFrom, failureOf } from "../failures.ts";
import type { BlockKey, Citation, StopReason, Usage } from "../model.ts";
import { NO_USAGE, usageFromChat } from "../values/usage.ts";

/** Members in which servers show reasoning. */
const THOUGHTS = ["reasoning_content", "reasoning_text", "reasoning"] as const;

/** A model that writes nothing but blanks as arguments has lost its way, characters. */
const MOST_BLANKS = 2_000;

const REASONS: Readonly<Record<string, StopReason>> = {
  stop: "end",
  tool_calls: "tool",
  function_call: "tool",
  length: "length",
  content_filter: "refusal",
};

export function decodeEvents(options: DecodeOptions): EventDecoder {
  return new ChatDecoder(options);
}

export function decodeResponse(body: JsonObject, options: DecodeOptions, emit: Emit): void {
  const decoder = new ChatDecoder(options);
  decoder.take(body, "message", emit);
  decoder.end(emit);
}

interface OpenCall {
  readonly id: string;
  /** Undefined while its name is not known. */
  key: BlockKey | undefined;
  name: string;
  isCustom: boolean;
  /** Input that came before the name. */
  waiting: string;
  /** Blanks at the beginning of the input so far; undefined once there was anything else. */
  blanks: number | undefined;
}

class ChatDecoder implements EventDecoder {
  readonly #budget: Budget;
  #nextKey = 0;
  #hasStarted = false;
  #hasEnded = false;
  /** The open block of text, refusal or thoughts. */
  #words: { readonly key: BlockKey; readonly kind: "text" | "refusal" | "thinking" } | undefined;
  /** All thoughts so far: they go back together with their opaque form. */
  #thoughts = "";
  #opaque: string | undefined;
  readonly #byId = new Map<string, OpenCall>();
  readonly #byIndex = new Map<number, OpenCall>();
  #usage: Usage = NO_USAGE;
  #reason: StopReason | undefined;

  constructor({ budget }: DecodeOptions) {
    this.#budget = budget;
  }

  read(event: Uint8Array, emit: Emit): void {
    if (this.#hasEnded) return;
    const data = eventData(event);
    if (data === null) return;
    if (data.trim() === "[DONE]") {
      this.end(emit);
      return;
    }
    const value = parseJson(data);
    if (isErrorEvent(event)) this.#fail(data, emit);
    else if (isObject(value)) this.take(value, "delta", emit);
  }

  /** Takes a chunk, or a whole completion, whose choices hold what they say in `member`. */
  take(value: JsonObject, member: "delta" | "message", emit: Emit): void {
    if (this.#hasEnded) return;
    if (value.error !== undefined && value.error !== null) {
      this.#fail(JSON.stringify(value), emit);
      return;
    }
    if (isObject(value.usage)) this.#usage = usageFromChat(value.usage);
    const [choice] = Array.isArray(value.choices) ? value.choices : [];
    if (!isObject(choice) || (typeof choice.index === "number" && choice.index !== 0)) return;
    // After the reason nothing but usage counts.
    if (this.#reason !== undefined) return;
    this.#start(emit);
    const delta = choice[member];
    if (isObject(delta)) this.#delta(delta, emit);
    if (!this.#hasEnded && typeof choice.finish_reason === "string") this.#finish(choice.finish_reason, emit);
  }

  /** A stream may end without its marker once the reason has come. */
  end(emit: Emit): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#reason === undefined) {
      emit({ type: "fail", failure: failureOf("ended_early") });
      return;
    }
    emit({ type: "usage", usage: this.#usage });
    emit({ type: "stop", reason: this.#reason });
  }

  #start(emit: Emit): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    emit({ type: "start" });
  }

  #delta(delta: JsonObject, emit: Emit): void {
    const thought = THOUGHTS.map((name) => text(delta[name])).find((words) => words !== undefined);
    if (thought !== undefined) {
      this.#thoughts += thought;
      if (!this.#budget.take(thought.length)) {
        this.#tooLarge(emit);
        return;
      }
      this.#write("thinking", thought, emit);
    }
    this.#opaque = text(delta.reasoning_opaque) ?? this.#opaque;
    const content = text(delta.content);
    if (content !== undefined) this.#write("text", content, emit);
    const refusal = text(delta.refusal);
    if (refusal !== undefined) this.#write("refusal", refusal, emit);
    this.#cite(delta.annotations, emit);
    for (const call of Array.isArray(delta.tool_calls) ? delta.tool_calls : [])
      if (isObject(call) && !this.#hasEnded) this.#call(call, emit);
  }

  /** Only the last block grows: another kind of words closes it. */
  #write(kind: "text" | "refusal" | "thinking", words: string, emit: Emit): void {
    if (this.#words?.kind !== kind) {
      this.#closeWords(emit);
      this.#words = { key: this.#nextKey++, kind };
      emit({ type: "open", key: this.#words.key, block: { kind } });
    }
    emit({ type: "delta", key: this.#words.key, text: words });
  }

  #closeWords(emit: Emit): void {
    if (this.#words === undefined) return;
    const { key, kind } = this.#words;
    this.#words = undefined;
    if (kind === "thinking") this.#seal(key, emit);
    emit({ type: "close", key });
  }

  #seal(key: BlockKey, emit: Emit): void {
    if (this.#opaque === undefined) return;
    const payload = { from: "chat", opaque: this.#opaque, text: this.#thoughts } as const;
    this.#opaque = undefined;
    emit({ type: "opaque", key, payload });
  }

  #cite(annotations: Json | undefined, emit: Emit): void {
    if (this.#words?.kind !== "text" || !Array.isArray(annotations)) return;
    for (const annotation of annotations) {
      const citation = citationOf(annotation);
      if (citation !== undefined) emit({ type: "cite", key: this.#words.key, citation });
    }
  }

  #call(delta: JsonObject, emit: Emit): void {
    const call = this.#callOf(delta);
    const tool = isObject(delta.custom) ? delta.custom : isObject(delta.function) ? delta.function : {};
    if (isObject(delta.custom)) call.isCustom = true;
    call.name ||= text(tool.name) ?? "";
    const words = text(call.isCustom ? tool.input : tool.arguments);
    if (call.key === undefined) {
      if (call.name === "") {
        call.waiting += words ?? "";
        if (!this.#budget.take(words?.length ?? 0)) this.#tooLarge(emit);
        return;
      }
      this.#openCall(call, emit);
    }
    if (words !== undefined) this.#input(call, words, emit);
  }

  #callOf(delta: JsonObject): OpenCall {
    const id = text(delta.id);
    const index = typeof delta.index === "number" ? delta.index : this.#byIndex.size;
    const known = id === undefined ? this.#byIndex.get(index) : this.#byId.get(id);
    if (known !== undefined) return known;
    const call: OpenCall = {
      id: id ?? `call_${index}`,
      key: undefined,
      name: "",
      isCustom: false,
      waiting: "",
      blanks: 0,
    };
    this.#byId.set(call.id, call);
    // A chunk without an id goes on with the call that had its index last.
    this.#byIndex.set(index, call);
    return call;
  }

  #openCall(call: OpenCall, emit: Emit): void {
    this.#closeWords(emit);
    call.key = this.#nextKey++;
    const { id, name, isCustom } = call;
    const block = { kind: "tool", id, call: isCustom ? "custom" : "function", name } as const;
    emit({ type: "open", key: call.key, block });
    if (call.waiting !== "") this.#input(call, call.waiting, emit);
  }

  #input(call: OpenCall, words: string, emit: Emit): void {
    if (call.blanks !== undefined) call.blanks = words.trim() === "" ? call.blanks + words.length : undefined;
    if (call.blanks !== undefined && call.blanks > MOST_BLANKS) {
      this.#hasEnded = true;
      const reason = `the model called \`${call.name}\` with nothing but blanks`;
      emit({ type: "fail", failure: failureOf("invalid_arguments", reason) });
    } else if (call.key !== undefined) emit({ type: "delta", key: call.key, text: words });
  }

  #finish(reason: string, emit: Emit): void {
    if (reason === "error") {
      this.#fail(
        JSON.stringify({ error: { message: "The model's provider failed.", code: "server_error" } }),
        emit,
      );
      return;
    }
    this.#closeWords(emit);
    // Its opaque form may come after the thoughts have ended.
    if (this.#opaque !== undefined) {
      const key = this.#nextKey++;
      emit({ type: "open", key, block: { kind: "redacted" } });
      this.#seal(key, emit);
      emit({ type: "close", key });
    }
    const stop = REASONS[reason] ?? "end";
    const calls = [...this.#byId.values()].flatMap(({ key }) => (key === undefined ? [] : [key]));
    const isCut = stop === "length" || stop === "refusal";
    for (const key of calls) emit(isCut ? { type: "close", key, cut: true } : { type: "close", key });
    this.#reason =
      stop === "end" && calls.length > 0 ? "tool" : stop === "tool" && calls.length === 0 ? "end" : stop;
  }

  #fail(data: string, emit: Emit): void {
    this.#hasEnded = true;
    emit({ type: "fail", failure: failureFrom(data) });
  }

  #tooLarge(emit: Emit): void {
    this.#hasEnded = true;
    emit({ type: "fail", failure: failureOf("too_large", "the model's response is too large to translate") });
  }
}

function citationOf(annotation: Json | undefined): Citation | undefined {
  const source = isObject(annotation) ? annotation.url_citation : undefined;
  if (!isObject(source)) return undefined;
  const url = text(source.url);
  if (url === undefined) return undefined;
  return {
    url,
    title: text(source.title) ?? "",
    start: typeof source.start_index === "number" ? source.start_index : undefined,
    end: typeof source.end_index === "number" ? source.end_index : undefined,
  };
}
