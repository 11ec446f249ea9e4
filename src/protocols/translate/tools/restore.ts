/**
 * Gives the calls in a response the names and kinds of the client's tools again, and lets no call through whose arguments
 * are not JSON: in a response that was cut it is marked as cut, in a whole one the response fails.
 */
import { parseJson } from "../../../json.ts";
import type { Budget, Emit } from "../codec.ts";
import { failureOf } from "../failures.ts";
import type { BlockKey, ResponseEvent } from "../model.ts";
import { unwrapCustomInput } from "./custom.ts";
import type { ToolNames } from "./names.ts";

interface OpenCall {
  readonly name: string;
  /** The input comes as a function's arguments and is the text of a custom tool. */
  readonly isWrapped: boolean;
  /** The input need not be JSON. */
  readonly isText: boolean;
  input: string;
}

/** Stands between a decoder and an encoder. */
export class ToolRestorer {
  readonly #names: ToolNames;
  readonly #budget: Budget;
  readonly #emit: Emit;
  readonly #open = new Map<BlockKey, OpenCall>();
  /** Calls that were closed with an input that is not JSON. */
  readonly #broken: { key: BlockKey; name: string }[] = [];
  #hasEnded = false;

  constructor(names: ToolNames, budget: Budget, emit: Emit) {
    this.#names = names;
    this.#budget = budget;
    this.#emit = emit;
  }

  write(event: ResponseEvent): void {
    if (this.#hasEnded) return;
    switch (event.type) {
      case "open":
        this.#start(event);
        break;
      case "delta":
        this.#add(event);
        break;
      case "close":
        this.#close(event);
        break;
      case "stop":
        this.#stop(event);
        break;
      default:
        this.#hasEnded = event.type === "fail";
        this.#emit(event);
    }
  }

  #start(event: Extract<ResponseEvent, { type: "open" }>): void {
    const { key, block } = event;
    if (block.kind !== "tool") {
      this.#emit(event);
      return;
    }
    const tool = this.#names.original(block.name) ?? block;
    this.#open.set(key, {
      name: tool.name,
      isWrapped: tool.call === "custom" && block.call !== "custom",
      isText: tool.call === "custom",
      input: "",
    });
    const { call, namespace, name } = tool;
    this.#emit({ type: "open", key, block: { kind: "tool", id: block.id, call, namespace, name } });
  }

  #add(event: Extract<ResponseEvent, { type: "delta" }>): void {
    const call = this.#open.get(event.key);
    if (call === undefined) {
      this.#emit(event);
      return;
    }
    if (!this.#budget.take(event.text.length)) {
      this.#fail("too_large", "the model's tool calls are too large to translate");
      return;
    }
    call.input += event.text;
    if (!call.isWrapped) this.#emit(event);
  }

  #close(event: Extract<ResponseEvent, { type: "close" }>): void {
    const { key } = event;
    const call = this.#open.get(key);
    this.#open.delete(key);
    if (call === undefined || event.cut) {
      this.#emit(event);
      return;
    }
    // A call without arguments: some models write nothing at all.
    const isEmpty = call.input.trim() === "";
    if ((!call.isText || call.isWrapped) && !isEmpty && parseJson(call.input) === undefined) {
      // Raw text is what some models write for a custom tool; a cut object begins with a brace.
      if (!call.isWrapped || call.input.trimStart().startsWith("{")) {
        this.#broken.push({ key, name: call.name });
        return;
      }
    }
    const input = call.isWrapped ? unwrapCustomInput(call.input) : "";
    if (call.isWrapped && input !== "") this.#emit({ type: "delta", key, text: input });
    if (isEmpty && !call.isText) this.#emit({ type: "delta", key, text: "{}" });
    this.#emit(event);
  }

  #stop(event: Extract<ResponseEvent, { type: "stop" }>): void {
    const [first] = this.#broken;
    const isCut = event.reason === "length" || event.reason === "context" || event.reason === "refusal";
    if (first !== undefined && !isCut) {
      this.#fail("invalid_arguments", `the model called \`${first.name}\` with arguments that are not JSON`);
      return;
    }
    for (const { key } of this.#broken) this.#emit({ type: "close", key, cut: true });
    this.#hasEnded = true;
    this.#emit(event);
  }

  #fail(code: "too_large" | "invalid_arguments", reason: string): void {
    this.#hasEnded = true;
    this.#emit({ type: "fail", failure: failureOf(code, reason) });
  }
}
