/** Scenarios in the Responses protocol (providers/codex.md §2.3 and §3, providers/copilot.md §4.2). */
import { randomUUID } from "node:crypto";
import { type Dict, objectOf, objectsOf, stringOf } from "../inspect.ts";
import {
  type Ask,
  callOf,
  type DeclaredTool,
  echo,
  halves,
  lastUserText,
  NOTHING_ASKED,
  type ScenarioOptions,
  sampleCall,
  type ToolCall,
  toolAt,
  words,
} from "./ask.ts";

export type ResponsesScenario = keyof typeof SCENARIOS;

export function responsesEvents(
  name: ResponsesScenario,
  ask: Partial<Ask> = {},
  options: ScenarioOptions = {},
): Dict[] {
  const play: Play = SCENARIOS[name];
  return play({ ...NOTHING_ASKED, ...ask }, options);
}

export const RESPONSES_SCENARIOS = (): ResponsesScenario[] => Object.keys(SCENARIOS) as ResponsesScenario[];

type Play = (ask: Ask, options: ScenarioOptions) => Dict[];

const SCENARIOS = {
  text: (ask: Ask, options: ScenarioOptions) => turn(ask, [message(echo(ask, options))]),
  tool: (ask: Ask, options: ScenarioOptions) => turn(ask, [functionCall(callOf(ask, options))]),
  "reasoning-tool": (ask: Ask, options: ScenarioOptions) =>
    turn(ask, [reasoning(REASONING, options.sealed), functionCall(callOf(ask, options))]),
  "parallel-tools": (ask: Ask) =>
    turn(ask, [functionCall(sampleCall(toolAt(ask, 0))), functionCall(sampleCall(toolAt(ask, 1)))]),
  "custom-tool": (ask: Ask) => turn(ask, [customCall(toolAt(ask, 0, "custom"))]),
  refusal: (ask: Ask) => turn(ask, [refusal("I cannot help with that.")]),
  incomplete: (ask: Ask, options: ScenarioOptions) =>
    turn(ask, [message(echo(ask, options))], {
      type: "response.incomplete",
      response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } },
    }),
  failed: (ask: Ask, options: ScenarioOptions) => numbered(broken(ask, options, [FAILED])),
  "error-then-failed": (ask: Ask, options: ScenarioOptions) =>
    numbered(broken(ask, options, [OVERLOADED, FAILED])),
  "error-flat": (ask: Ask, options: ScenarioOptions) =>
    numbered(
      broken(ask, options, [{ type: "error", code: "server_is_overloaded", message: "busy", param: null }]),
    ),
  "codex-frames": (ask: Ask, options: ScenarioOptions) => {
    const events = turn(ask, [message(echo(ask, options))]);
    return [RATE_LIMITS, ...events.slice(0, 2), METADATA, { type: "keepalive" }, ...events.slice(2)];
  },
  "empty-output": (ask: Ask, options: ScenarioOptions) => {
    const blocks = [reasoning("Checking."), message(echo(ask, options)), functionCall(callOf(ask, options))];
    return turn(ask, blocks, { type: "response.completed", response: { status: "completed", output: [] } });
  },
  "done-event": (ask: Ask, options: ScenarioOptions) =>
    turn(ask, [message(echo(ask, options))], { type: "response.done", response: { status: "completed" } }),
  "no-content-type": (ask: Ask, options: ScenarioOptions) => turn(ask, [message(echo(ask, options))]),
  "data-only": (ask: Ask, options: ScenarioOptions) => turn(ask, [message(echo(ask, options))]),
  "reasoning-encrypted": (ask: Ask, options: ScenarioOptions) =>
    turn(ask, [reasoning(""), message(echo(ask, options))]),
  emoji: (ask: Ask) => turn(ask, [message("Grüße 👩‍👩‍👧‍👦 aus 東京 🇯🇵 – “ok” 🧵")]),
  long: (ask: Ask, { events = 500 }: ScenarioOptions) =>
    turn(ask, [message(Array.from({ length: events }, (_, at) => ` word-${at}`).join(""))]),
  "big-event": (ask: Ask, { bytes = 1024 * 1024 }: ScenarioOptions) =>
    turn(ask, [message("x".repeat(bytes))]),
} satisfies Record<string, Play>;

/** The summary of `reasoning-tool`. */
export const REASONING = "Checking the file.";

const BUSY: Dict = { code: "server_is_overloaded", message: "busy" };
const FAILED: Dict = { type: "response.failed", response: { status: "failed", error: BUSY } };
const OVERLOADED: Dict = {
  type: "error",
  error: { type: "service_unavailable_error", param: null, ...BUSY },
};
const METADATA: Dict = { type: "codex.response.metadata", metadata: { region: "test" } };
const RATE_LIMITS: Dict = {
  type: "codex.rate_limits",
  plan_type: "plus",
  rate_limits: {
    allowed: true,
    limit_reached: false,
    primary: { used_percent: 12, window_minutes: 300, reset_at: 1790000900 },
    secondary: null,
  },
  credits: { has_credits: false, unlimited: false, balance: "0" },
};

/** One output item: what `added` shows, what comes between (without index and item id), what `done` shows. */
interface Item {
  readonly added: Dict;
  readonly between: readonly Dict[];
  readonly done: Dict;
}

let issued = 0;

function newId(prefix: string): string {
  issued += 1;
  return `${prefix}_fake${String(issued).padStart(6, "0")}`;
}

function message(text: string): Item {
  const base = { id: newId("msg"), type: "message", role: "assistant" };
  const part = (value: string) => ({ type: "output_text", text: value, annotations: [], logprobs: [] });
  return {
    added: { ...base, status: "in_progress", content: [] },
    between: [
      { type: "response.content_part.added", content_index: 0, part: part("") },
      ...words(text).map((delta) => ({
        type: "response.output_text.delta",
        content_index: 0,
        delta,
        logprobs: [],
        obfuscation: "x",
      })),
      { type: "response.output_text.done", content_index: 0, text, logprobs: [] },
      { type: "response.content_part.done", content_index: 0, part: part(text) },
    ],
    done: { ...base, status: "completed", content: [part(text)] },
  };
}

function refusal(text: string): Item {
  const base = { id: newId("msg"), type: "message", role: "assistant" };
  return {
    added: { ...base, status: "in_progress", content: [] },
    between: [
      { type: "response.content_part.added", content_index: 0, part: { type: "refusal", refusal: "" } },
      ...words(text).map((delta) => ({ type: "response.refusal.delta", content_index: 0, delta })),
      { type: "response.refusal.done", content_index: 0, refusal: text },
      { type: "response.content_part.done", content_index: 0, part: { type: "refusal", refusal: text } },
    ],
    done: { ...base, status: "completed", content: [{ type: "refusal", refusal: text }] },
  };
}

function reasoning(summary: string, sealed = `Z0FBQUFB${randomUUID()}`): Item {
  const base = { id: newId("rs"), type: "reasoning" };
  const part = { type: "summary_text", text: summary };
  const between: Dict[] =
    summary === ""
      ? []
      : [
          {
            type: "response.reasoning_summary_part.added",
            summary_index: 0,
            part: { type: "summary_text", text: "" },
          },
          ...words(summary).map((delta) => ({
            type: "response.reasoning_summary_text.delta",
            summary_index: 0,
            delta,
          })),
          { type: "response.reasoning_summary_text.done", summary_index: 0, text: summary },
          { type: "response.reasoning_summary_part.done", summary_index: 0, part },
        ];
  return {
    added: { ...base, summary: [], encrypted_content: "Z0FBQUFB" },
    between,
    done: { ...base, summary: summary === "" ? [] : [part], encrypted_content: sealed },
  };
}

function functionCall({ tool, arguments: input }: ToolCall): Item {
  const json = JSON.stringify(input);
  const base = { id: newId("fc"), type: "function_call", call_id: newId("call"), ...named(tool) };
  return {
    added: { ...base, status: "in_progress", arguments: "" },
    between: [
      ...halves(json).map((delta) => ({ type: "response.function_call_arguments.delta", delta })),
      { type: "response.function_call_arguments.done", name: tool.name, arguments: json },
    ],
    done: { ...base, status: "completed", arguments: json },
  };
}

function customCall(tool: DeclaredTool): Item {
  const input = "*** Begin Patch\n*** End Patch\n";
  const base = { id: newId("ctc"), type: "custom_tool_call", call_id: newId("call"), ...named(tool) };
  return {
    added: { ...base, status: "in_progress", input: "" },
    between: [
      ...halves(input).map((delta) => ({ type: "response.custom_tool_call_input.delta", delta })),
      { type: "response.custom_tool_call_input.done", input },
    ],
    done: { ...base, status: "completed", input },
  };
}

function named({ name, namespace }: DeclaredTool): Dict {
  return namespace === undefined ? { name } : { name, namespace };
}

interface Terminal {
  readonly type: string;
  readonly response: Dict;
}

const COMPLETED: Terminal = { type: "response.completed", response: { status: "completed" } };

function turn(ask: Ask, items: readonly Item[], terminal: Terminal = COMPLETED): Dict[] {
  const head = opening(ask);
  const output = items.map(({ done }) => done);
  const usage = {
    input_tokens: 120,
    input_tokens_details: { cached_tokens: ask.cachedTokens ?? 80 },
    output_tokens: 30,
    output_tokens_details: { reasoning_tokens: 10 },
    total_tokens: 150,
  };
  return numbered([
    { type: "response.created", response: head },
    { type: "response.in_progress", response: head },
    ...items.flatMap(itemEvents),
    {
      type: terminal.type,
      response: { ...head, completed_at: 1790000009, output, usage, ...terminal.response },
    },
  ]);
}

function broken(ask: Ask, options: ScenarioOptions, ends: readonly Dict[]): Dict[] {
  const head = opening(ask);
  return [
    { type: "response.created", response: head },
    { type: "response.in_progress", response: head },
    ...itemEvents(message(echo(ask, options)), 0).slice(0, 3),
    ...ends.map((event) =>
      event.response === undefined ? event : { ...event, response: { ...head, ...objectOf(event.response) } },
    ),
  ];
}

function itemEvents({ added, between, done }: Item, output_index: number): Dict[] {
  return [
    { type: "response.output_item.added", output_index, item: added },
    ...between.map((event) => ({ ...event, item_id: added.id, output_index })),
    { type: "response.output_item.done", output_index, item: done },
  ];
}

function opening(ask: Ask): Dict {
  return {
    id: newId("resp"),
    object: "response",
    created_at: 1790000000,
    status: "in_progress",
    model: ask.model,
    output: [],
    error: null,
    incomplete_details: null,
    usage: null,
    parallel_tool_calls: true,
    tools: [],
    tool_choice: "auto",
    metadata: {},
    instructions: null,
    temperature: null,
    top_p: null,
  };
}

function numbered(events: readonly Dict[]): Dict[] {
  return events.map((event, at) => ({ ...event, sequence_number: at }));
}

/** The response object that a list of events ends with; the error object when they tell of one. */
export function responseOf(events: readonly Dict[]): Dict {
  const error = events.find((event) => event.type === "error");
  if (error !== undefined) return { error: error.error ?? { ...error, type: "server_error" } };
  const response = objectOf(events.findLast((event) => event.response !== undefined)?.response) ?? {};
  const output = events
    .filter((event) => event.type === "response.output_item.done")
    .map((event) => event.item);
  return { ...response, output };
}

/** What Copilot does to ids: a new one on every event, for the response and for each item. */
export function withFreshIds(events: readonly Dict[]): Dict[] {
  const fresh = (): string => `${randomUUID()}${randomUUID()}`.replaceAll("-", "");
  const renew = (item: Dict): Dict => (item.id === undefined ? item : { ...item, id: fresh() });
  return events.map((event) => {
    const result = { ...event };
    if (event.item_id !== undefined) result.item_id = fresh();
    const item = objectOf(event.item);
    if (item !== null) result.item = renew(item);
    const response = objectOf(event.response);
    if (response !== null) {
      result.response = { ...renew(response), output: objectsOf(response.output).map(renew) };
    }
    return result;
  });
}

/** Reads a Responses request, with the tools of `additional_tools` items and namespaces. */
export function askOfResponses(body: Dict): Ask {
  const additional = objectsOf(body.input).filter((item) => item.type === "additional_tools");
  return {
    model: stringOf(body.model),
    stream: body.stream === true,
    tools: [...objectsOf(body.tools), ...additional.flatMap((item) => objectsOf(item.tools))].flatMap(
      (tool) => declared(tool),
    ),
    text: typeof body.input === "string" ? body.input : lastUserText(body.input),
    includeUsage: true,
    forced: objectOf(body.tool_choice)?.type === "function",
  };
}

function declared(tool: Dict, namespace?: string): DeclaredTool[] {
  if (tool.type === "namespace")
    return objectsOf(tool.tools).flatMap((inner) => declared(inner, stringOf(tool.name)));
  if (tool.type !== "function" && tool.type !== "custom") return [];
  return [
    {
      name: stringOf(tool.name),
      kind: tool.type,
      schema: objectOf(tool.parameters) ?? {},
      ...(namespace === undefined ? {} : { namespace }),
    },
  ];
}
