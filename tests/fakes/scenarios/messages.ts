/** Scenarios in the Messages protocol (providers/claude.md §3.3): lists of stream events and the same as one answer. */
import { createHash } from "node:crypto";
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

export type MessagesScenario = keyof typeof SCENARIOS;

/** Events of a scenario, as a request in this protocol would get them. */
export function messagesEvents(
  name: MessagesScenario,
  ask: Partial<Ask> = {},
  options: ScenarioOptions = {},
): Dict[] {
  const play: Play = SCENARIOS[name];
  return play({ ...NOTHING_ASKED, ...ask }, options);
}

export const MESSAGES_SCENARIOS = (): MessagesScenario[] => Object.keys(SCENARIOS) as MessagesScenario[];

/** The `data: [DONE]` that Copilot may append is an event with this type only here; it is sent as those bytes. */
export const STRAY_DONE = "[DONE]";

type Play = (ask: Ask, options: ScenarioOptions) => Dict[];

const SCENARIOS = {
  text: (ask: Ask, options: ScenarioOptions) => turn(ask, [text(echo(ask, options))]),
  tool: (ask: Ask, options: ScenarioOptions) => turn(ask, [toolUse(callOf(ask, options))], "tool_use"),
  "thinking-tool": (ask: Ask, options: ScenarioOptions) =>
    turn(ask, [thinking(THOUGHT), text(echo(ask, options)), toolUse(callOf(ask, options))], "tool_use"),
  "parallel-tools": (ask: Ask) =>
    turn(ask, [toolUse(sampleCall(toolAt(ask, 0))), toolUse(sampleCall(toolAt(ask, 1)))], "tool_use"),
  "no-arg-tool": (ask: Ask) => turn(ask, [noArguments(ask)], "tool_use"),
  "server-tool": (ask: Ask, options: ScenarioOptions) =>
    turn(ask, [...webSearch(), text(echo(ask, options))]),
  refusal: (ask: Ask) => turn(ask, [text("I cannot")], "refusal"),
  "ping-storm": (ask: Ask, options: ScenarioOptions) =>
    turn(ask, [text(echo(ask, options))]).flatMap((event) => [{ type: "ping" }, { type: "ping" }, event]),
  "error-mid": (ask: Ask, options: ScenarioOptions) => [
    ...turn(ask, [text(echo(ask, options))]).slice(0, 3),
    { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
  ],
  "error-first": () => [{ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }],
  emoji: (ask: Ask) => turn(ask, [text("Grüße 👩‍👩‍👧‍👦 aus 東京 🇯🇵 – “ok” 🧵")]),
  "duplicate-start": (ask: Ask, options: ScenarioOptions) => {
    const events = turn(ask, [text(echo(ask, options))]);
    return [...events.slice(0, 1), ...events];
  },
  long: (ask: Ask, { events = 500 }: ScenarioOptions) =>
    turn(ask, [
      block(
        EMPTY_TEXT,
        Array.from({ length: events }, (_, at) => textDelta(`word-${at} `)),
      ),
    ]),
  "big-event": (ask: Ask, { bytes = 1024 * 1024 }: ScenarioOptions) =>
    turn(ask, [block(EMPTY_TEXT, [textDelta("x".repeat(bytes))])]),
  "trailing-done": (ask: Ask, options: ScenarioOptions) => [
    ...turn(ask, [text(echo(ask, options))]),
    { type: STRAY_DONE },
  ],
  "no-stop": (ask: Ask, options: ScenarioOptions) => turn(ask, [text(echo(ask, options))]).slice(0, -1),
  "unknown-event": (ask: Ask, options: ScenarioOptions) => {
    const events = turn(ask, [text(echo(ask, options))]);
    return [...events.slice(0, 2), { type: "future_event", name: "mcp_read" }, ...events.slice(2)];
  },
} satisfies Record<string, Play>;

/** The thinking text of `thinking-tool`. */
export const THOUGHT = "Let me look at this.";

const EMPTY_TEXT: Dict = { type: "text", text: "" };

interface Block {
  readonly start: Dict;
  readonly deltas: readonly Dict[];
}

function block(start: Dict, deltas: readonly Dict[] = []): Block {
  return { start, deltas };
}

function textDelta(value: string): Dict {
  return { type: "text_delta", text: value };
}

function text(value: string): Block {
  return block(EMPTY_TEXT, words(value).map(textDelta));
}

function thinking(value: string): Block {
  return block({ type: "thinking", thinking: "", signature: "" }, [
    ...words(value).map((part) => ({ type: "thinking_delta", thinking: part })),
    { type: "signature_delta", signature: signatureFor(value) },
  ]);
}

const SIGNATURE = "RmFrZVNpZ25hdHVyZQ";

/** The signature that the fake puts under a thinking text. */
export function signatureFor(value: string): string {
  return SIGNATURE + createHash("sha256").update(value).digest("base64");
}

/** True when a signature is one of the fake's but not for this text. */
export function isForged(value: string, signature: string): boolean {
  return signature.startsWith(SIGNATURE) && signature !== signatureFor(value);
}

let calls = 0;

function callId(prefix: string): string {
  calls += 1;
  return `${prefix}_fake${String(calls).padStart(6, "0")}`;
}

function toolUse({ tool, arguments: input }: ToolCall): Block {
  const json = JSON.stringify(input);
  return block(
    { type: "tool_use", id: callId("toolu"), name: tool.name, input: {} },
    ["", ...halves(json)].map((part) => ({ type: "input_json_delta", partial_json: part })),
  );
}

function noArguments(ask: Ask): Block {
  const free = ask.tools.find(
    (tool) => !Array.isArray(tool.schema.required) || tool.schema.required.length === 0,
  );
  const { name } = free ?? toolAt(ask, 0);
  return block({ type: "tool_use", id: callId("toolu"), name, input: {} }, [
    { type: "input_json_delta", partial_json: "" },
  ]);
}

function webSearch(): Block[] {
  const id = callId("srvtoolu");
  return [
    block({ type: "server_tool_use", id, name: "web_search", input: {} }, [
      { type: "input_json_delta", partial_json: '{"query":"mcp_read' },
      { type: "input_json_delta", partial_json: ' \\"name\\":\\"mcp_read\\""}' },
    ]),
    block({
      type: "web_search_tool_result",
      tool_use_id: id,
      content: [
        { type: "web_search_result", title: "A page", url: "https://example.org/", encrypted_content: "AAA" },
      ],
    }),
  ];
}

function turn(ask: Ask, blocks: readonly Block[], stopReason = "end_turn"): Dict[] {
  const usage = {
    input_tokens: 12,
    cache_creation_input_tokens: 3,
    cache_read_input_tokens: ask.cachedTokens ?? 5,
  };
  const output = blocks.reduce((sum, { deltas }) => sum + deltas.length, 1);
  const stop: Dict = { stop_reason: stopReason, stop_sequence: null };
  if (stopReason === "refusal")
    stop.stop_details = { type: "refusal", category: "other", explanation: "No." };
  return [
    {
      type: "message_start",
      message: {
        id: callId("msg"),
        type: "message",
        role: "assistant",
        model: ask.model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...usage, output_tokens: 1 },
      },
    },
    ...blocks.flatMap(({ start, deltas }, index) => [
      { type: "content_block_start", index, content_block: start },
      ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
      { type: "content_block_stop", index },
    ]),
    { type: "message_delta", delta: stop, usage: { ...usage, output_tokens: output } },
    { type: "message_stop" },
  ];
}

/** The message that a list of events builds up; the error object when they tell of one. */
export function messageOf(events: readonly Dict[]): Dict {
  const message: Dict = {};
  const blocks: Dict[] = [];
  const json: string[] = [];
  for (const event of events) {
    if (event.type === "error") return { type: "error", error: event.error, request_id: "req_fake" };
    const index = Number(event.index);
    if (event.type === "message_start") Object.assign(message, objectOf(event.message));
    if (event.type === "content_block_start") {
      blocks[index] = { ...objectOf(event.content_block) };
      json[index] = "";
    }
    if (event.type === "content_block_delta")
      extend(blocks[index]!, objectOf(event.delta) ?? {}, json, index);
    if (event.type === "message_delta") {
      Object.assign(message, objectOf(event.delta));
      message.usage = { ...objectOf(message.usage), ...objectOf(event.usage) };
    }
  }
  for (const [index, source] of json.entries()) if (source !== "") blocks[index]!.input = JSON.parse(source);
  return { ...message, content: blocks };
}

function extend(target: Dict, delta: Dict, json: string[], index: number): void {
  if (delta.type === "text_delta") target.text = stringOf(target.text) + stringOf(delta.text);
  if (delta.type === "thinking_delta") target.thinking = stringOf(target.thinking) + stringOf(delta.thinking);
  if (delta.type === "signature_delta") target.signature = delta.signature;
  if (delta.type === "input_json_delta") json[index] += stringOf(delta.partial_json);
}

/** Reads a Messages request. */
export function askOfMessages(body: Dict): Ask {
  return {
    model: stringOf(body.model),
    stream: body.stream === true,
    tools: objectsOf(body.tools)
      .filter((tool) => tool.type === undefined || tool.type === null || tool.type === "custom")
      .map((tool) => ({
        name: stringOf(tool.name),
        kind: "function",
        schema: objectOf(tool.input_schema) ?? {},
      })),
    text: lastUserText(body.messages),
    includeUsage: true,
    forced: objectOf(body.tool_choice)?.type === "tool",
  };
}
