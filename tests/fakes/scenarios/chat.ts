/** Scenarios in Chat Completions, with the quirks of Copilot (providers/codex.md §4, providers/copilot.md §4.1). */
import { type Dict, objectOf, objectsOf, stringOf } from "../inspect.ts";
import {
  type Ask,
  callOf,
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

export type ChatScenario = keyof typeof SCENARIOS;

/** One event's data: a chunk, or the marker that ends a stream. */
export type ChatEvent = Dict | "[DONE]";

export function chatEvents(
  name: ChatScenario,
  ask: Partial<Ask> = {},
  options: ScenarioOptions = {},
): ChatEvent[] {
  const play: Play = SCENARIOS[name];
  return play({ ...NOTHING_ASKED, ...ask }, options);
}

export const CHAT_SCENARIOS = (): ChatScenario[] => Object.keys(SCENARIOS) as ChatScenario[];

type Play = (ask: Ask, options: ScenarioOptions) => ChatEvent[];

const SCENARIOS = {
  text: (ask: Ask, options: ScenarioOptions) => turn(ask, content(echo(ask, options)), "stop"),
  tools: (ask: Ask, options: ScenarioOptions) =>
    turn(ask, [SILENT, ...toolCall(callOf(ask, options), 0)], "tool_calls"),
  /** A first delta without a role, as Copilot may send before tool calls. */
  "no-role": (ask: Ask, options: ScenarioOptions) =>
    turn(ask, toolCall(callOf(ask, options), 0), "tool_calls"),
  "parallel-tools": (ask: Ask, { sharedIndex = false }: ScenarioOptions) =>
    turn(
      ask,
      [
        SILENT,
        ...toolCall(sampleCall(toolAt(ask, 0)), 0),
        ...toolCall(sampleCall(toolAt(ask, 1)), sharedIndex ? 0 : 1),
      ],
      "tool_calls",
    ),
  "reasoning-opaque": (ask: Ask, options: ScenarioOptions) => {
    const [head = {}, ...rest] = content(echo(ask, options));
    const thoughts = [
      { role: "assistant", reasoning_text: "Let me " },
      { reasoning_text: "think." },
      { reasoning_opaque: "b3BhcXVl" },
    ];
    return turn(ask, [...thoughts, head, { reasoning_opaque: "LXR3bw==" }, ...rest], "stop");
  },
  "reasoning-tool": (ask: Ask, options: ScenarioOptions) =>
    turn(
      ask,
      [
        { role: "assistant", reasoning_text: REASONING_TEXT },
        { reasoning_opaque: options.sealed ?? "b3BhcXVl" },
        ...toolCall(callOf(ask, options), 0),
      ],
      "tool_calls",
    ),
  "filter-first-chunk": (ask: Ask, options: ScenarioOptions) => [
    {
      choices: [],
      created: 0,
      id: "",
      prompt_filter_results: [
        { prompt_index: 0, content_filter_results: { hate: { filtered: false, severity: "safe" } } },
      ],
    },
    ...turn(ask, content(echo(ask, options)), "stop").map(withFilterResults),
  ],
  "null-choices": (ask: Ask, options: ScenarioOptions) => [
    { choices: null, copilot_references: [{ id: "reference-1" }] },
    ...turn(ask, content(echo(ask, options)), "stop"),
  ],
  "no-done": (ask: Ask, options: ScenarioOptions) =>
    turn(ask, content(echo(ask, options)), "stop").slice(0, -1),
  "error-mid": (ask: Ask, options: ScenarioOptions) => [
    ...turn(ask, content(echo(ask, options)), "stop").slice(0, 2),
    {
      error: {
        code: "model_overloaded",
        message: "The model is overloaded.",
        type: "server_error",
        param: null,
      },
    },
  ],
  usage: (ask: Ask, options: ScenarioOptions) => {
    const events = turn(ask, content(echo(ask, options)), "stop");
    if (!ask.includeUsage) return events;
    return [...events.slice(0, -1), { choices: [], copilot_annotations: { ip: [] } }, "[DONE]" as const];
  },
  "split-choices": (ask: Ask, options: ScenarioOptions) => {
    const spoken = content(echo(ask, options)).map((delta) => choice(0, delta));
    const calls = [0, 1].flatMap((at) =>
      toolCall(sampleCall(toolAt(ask, at)), 0).map((delta) => choice(at + 1, delta)),
    );
    const ends = [0, 1, 2].map((index) => choice(index, {}, "tool_calls"));
    return stream(
      ask,
      [...spoken, ...calls, ...ends].map((entry) => [entry]),
    );
  },
  emoji: (ask: Ask) => turn(ask, content("Grüße 👩‍👩‍👧‍👦 aus 東京 🇯🇵 – “ok” 🧵"), "stop"),
  long: (ask: Ask, { events = 500 }: ScenarioOptions) =>
    turn(ask, [FIRST, ...Array.from({ length: events }, (_, at) => ({ content: `word-${at} ` }))], "stop"),
  "big-event": (ask: Ask, { bytes = 1024 * 1024 }: ScenarioOptions) =>
    turn(ask, [FIRST, { content: "x".repeat(bytes) }], "stop"),
} satisfies Record<string, Play>;

/** The readable reasoning of `reasoning-tool`. */
export const REASONING_TEXT = "Let me think.";

const FIRST: Dict = { role: "assistant", content: "" };
const SILENT: Dict = { role: "assistant", content: null };

function content(text: string): Dict[] {
  return [FIRST, ...words(text).map((part) => ({ content: part }))];
}

let calls = 0;

function toolCall({ tool, arguments: input }: ToolCall, index: number): Dict[] {
  calls += 1;
  const opening = { name: tool.name, arguments: "" };
  return [
    { tool_calls: [{ index, id: `call_fake${calls}`, type: "function", function: opening }] },
    ...halves(JSON.stringify(input)).map((part) => ({
      tool_calls: [{ index, function: { arguments: part } }],
    })),
  ];
}

function choice(index: number, delta: Dict, finish: string | null = null): Dict {
  return { index, delta, finish_reason: finish };
}

function turn(ask: Ask, deltas: readonly Dict[], finish: string): ChatEvent[] {
  return stream(ask, [...deltas.map((delta) => [choice(0, delta)]), [choice(0, {}, finish)]]);
}

const USAGE: Dict = {
  prompt_tokens: 20,
  completion_tokens: 9,
  total_tokens: 29,
  prompt_tokens_details: { cached_tokens: 5 },
  completion_tokens_details: { reasoning_tokens: 2 },
};

let streams = 0;

function stream(ask: Ask, choices: readonly Dict[][]): ChatEvent[] {
  streams += 1;
  const base = {
    id: `chatcmpl-fake${streams}`,
    object: "chat.completion.chunk",
    created: 1790000000,
    model: ask.model,
  };
  const usage = ask.includeUsage ? { usage: null } : {};
  const chunks: ChatEvent[] = choices.map((entry) => ({ ...base, choices: entry, ...usage }));
  if (ask.includeUsage) chunks.push({ ...base, choices: [], usage: USAGE });
  chunks.push("[DONE]");
  return chunks;
}

function withFilterResults(event: ChatEvent): ChatEvent {
  if (event === "[DONE]") return event;
  return {
    ...event,
    choices: objectsOf(event.choices).map((entry) => ({
      ...entry,
      content_filter_results: { hate: { filtered: false } },
    })),
  };
}

/** The completion that a list of chunks builds up; the error object when they tell of one. */
export function completionOf(events: readonly ChatEvent[]): Dict {
  const choices = new Map<number, { message: Dict; finish: unknown }>();
  const whole: Dict = { object: "chat.completion" };
  for (const event of events) {
    if (event === "[DONE]") continue;
    if (event.error !== undefined) return { error: event.error };
    if (stringOf(event.id) !== "") {
      for (const key of ["id", "created", "model"]) whole[key] = event[key];
    }
    for (const entry of objectsOf(event.choices)) {
      const index = Number(entry.index);
      const target = choices.get(index) ?? { message: { role: "assistant", content: null }, finish: null };
      choices.set(index, target);
      extend(target.message, objectOf(entry.delta) ?? {});
      target.finish = entry.finish_reason ?? target.finish;
    }
  }
  whole.choices = [...choices].map(([index, { message, finish }]) => ({
    index,
    message,
    finish_reason: finish,
  }));
  return { ...whole, usage: USAGE };
}

function extend(message: Dict, delta: Dict): void {
  for (const key of ["content", "reasoning_text", "reasoning_opaque"]) {
    const added = stringOf(delta[key]);
    if (added !== "") message[key] = stringOf(message[key]) + added;
  }
  for (const call of objectsOf(delta.tool_calls)) {
    const list = objectsOf(message.tool_calls);
    message.tool_calls = list;
    const opening = objectOf(call.function) ?? {};
    if (call.id !== undefined) list.push({ id: call.id, type: "function", function: { ...opening } });
    else {
      const target = objectOf(list.at(-1)?.function) ?? {};
      target.arguments = stringOf(target.arguments) + stringOf(opening.arguments);
    }
  }
}

/** Reads a Chat Completions request. */
export function askOfChat(body: Dict): Ask {
  return {
    model: stringOf(body.model),
    stream: body.stream === true,
    tools: objectsOf(body.tools).flatMap((tool) => {
      const declared = objectOf(tool.function);
      if (declared === null) return [];
      return [
        {
          name: stringOf(declared.name),
          kind: "function" as const,
          schema: objectOf(declared.parameters) ?? {},
        },
      ];
    }),
    text: lastUserText(body.messages),
    includeUsage: objectOf(body.stream_options)?.include_usage === true,
    forced: objectOf(body.tool_choice)?.type === "function",
  };
}
