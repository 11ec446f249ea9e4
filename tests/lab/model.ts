/** The model that an agent talks to: a script for the fakes that tells the agent's own requests from its side errands. */
import { randomBytes } from "node:crypto";
import type { Protocol } from "../../src/protocols/protocol.ts";
import type { RecordedRequest } from "../fakes/index.ts";
import type { Chooser, Staged } from "../fakes/inference.ts";
import { type Dict, objectOf, stringOf, walk } from "../fakes/inspect.ts";
import type { Ask } from "../fakes/scenarios/ask.ts";
import type { Route } from "./routes.ts";
import { readingCall } from "./tool-call.ts";

/**
 * What the model does: speak, have a file read first (twice with reasoning before each call), break off its first
 * answer, or refuse its first request as too long.
 */
export type Script = "text" | "tool" | "reasoning" | "cut" | "overflow";

/** Texts that an output or a request can only hold when what they stand for has happened; new for each start of an agent. */
export interface Words {
  /** In the prompt: tells the agent's own requests from others. */
  readonly mark: string;
  /** In the file that the agent is to read. */
  readonly note: string;
  /** First and last word of the model's answer. */
  readonly begin: string;
  readonly end: string;
  /** The sealed form of the model's reasoning, in the protocols where it may be any text. */
  readonly sealed: string;
}

export function newWords(): Words {
  const word = (name: string) => `${name}-${randomBytes(6).toString("hex")}`;
  return {
    mark: word("TASK"),
    note: word("NOTE"),
    begin: word("BEGIN"),
    end: word("END"),
    sealed: `Z0FBQUFB${randomBytes(24).toString("base64url")}`,
  };
}

export function answerOf({ begin, end }: Words): string {
  return `${begin} this is the whole answer of the model in the lab, and its last word is ${end}`;
}

/** One of the agent's own requests, as it reached the provider. */
export interface Turn {
  readonly protocol: Protocol;
  readonly body: Dict;
}

const PATHS: readonly [end: string, protocol: Protocol][] = [
  ["/messages", "messages"],
  ["/responses", "responses"],
  ["/chat/completions", "chat"],
];

/** What the fakes call the scenarios with one tool call. */
const NAMES: Record<"tool" | "reasoning", Record<Protocol, string>> = {
  tool: { messages: "tool", responses: "tool", chat: "tools" },
  reasoning: { messages: "thinking-tool", responses: "reasoning-tool", chat: "reasoning-tool" },
};

/** How each provider refuses a conversation that is too long for the model. */
const OVERFLOWS: Record<Route["fake"], string> = {
  claude: "error:too-long",
  codex: "error:context-length",
  copilot: "error:prompt-too-long",
};

/** Calls before the last answer. */
export const CALLS: Record<"tool" | "reasoning", number> = { tool: 1, reasoning: 2 };

/** Events of an answer before it is cut: enough that the agent has got some text. */
const EVENTS_BEFORE_CUT = 7;

export class ScriptedModel {
  /** In order of arrival. */
  readonly turns: Turn[] = [];
  /** Names of the tools that were declared when none of them could be used. */
  unusable: string | null = null;
  readonly #script: Script;
  readonly #words: Words;
  readonly #file: string;
  readonly #fake: Route["fake"];

  /** `file` is the path of the file that holds the note, `fake` who plays the model's provider. */
  constructor(script: Script, words: Words, file: string, fake: Route["fake"]) {
    this.#fake = fake;
    this.#script = script;
    this.#words = words;
    this.#file = file;
  }

  readonly choose: Chooser<never> = (ask, request) => {
    // Titles and summaries repeat the task, but declare no tools.
    const isOwn = ask.tools.length > 0 && request.body.includes(this.#words.mark);
    if (!isOwn) return { ...played("text"), text: "A title" };
    const protocol = PATHS.find(([end]) => request.path.endsWith(end))?.[1] ?? "chat";
    this.turns.push({ protocol, body: objectOf(request.json) ?? {} });
    return this.#next(protocol, ask, request);
  };

  #next(protocol: Protocol, ask: Ask, request: RecordedRequest): Staged<never> {
    const script = this.#script;
    const spoken = { ...played("text"), text: answerOf(this.#words) };
    if (script === "text") return spoken;
    if (script === "cut") {
      return this.turns.length > 1
        ? spoken
        : { ...spoken, cutAfterEvents: EVENTS_BEFORE_CUT, cut: "destroy" };
    }
    if (script === "overflow") return this.turns.length > 1 ? spoken : played(OVERFLOWS[this.#fake]);
    if (toolResults(request) >= CALLS[script]) return spoken;
    const call = readingCall(ask.tools, this.#file);
    if (call === null) {
      this.unusable = ask.tools.map(({ name }) => name).join(", ");
      return spoken;
    }
    return { ...played(NAMES[script][protocol]), text: "One moment.", call, sealed: this.#words.sealed };
  }
}

/** Each fake knows the names of its own protocol; one that it does not know ends the agent's request with an error. */
function played(name: string): Staged<never> {
  return { scenario: name as never };
}

const RESULTS = /^(tool_result|function_call_output|custom_tool_call_output)$/;

function toolResults({ json }: RecordedRequest): number {
  return [...walk(json)].filter(({ type, role }) => RESULTS.test(stringOf(type)) || role === "tool").length;
}
