/** Streams of the three protocols, as the providers send them and as nobody should: what the chaos tests feed on. */
import { renderEvents } from "../../fakes/delivery.ts";
import { CHAT, type Dialect, MESSAGES, RESPONSES, RESPONSES_FRESH_IDS } from "../../fakes/inference.ts";
import { NOTHING_ASKED, type ScenarioOptions } from "../../fakes/scenarios/ask.ts";
import { SCHEMA, type WayName } from "./ways.ts";
import { concat, utf8 } from "./wire.ts";

export interface Sample {
  readonly name: string;
  readonly way: WayName;
  /** The bytes of each event, in order; comments count as events. */
  readonly events: readonly Uint8Array[];
  readonly bytes: Uint8Array;
}

const TEXT = "東🧵 ok.";

type Newline = "\n" | "\r\n" | "mixed";

function sample(way: WayName, what: string, events: readonly Uint8Array[]): Sample {
  return { name: `${way}: ${what}`, way, events, bytes: concat(events) };
}

function staged(
  way: WayName,
  dialect: Dialect,
  scenario: string,
  newline: Newline = "\n",
  options: ScenarioOptions = {},
): Sample {
  const played = dialect.play(scenario, ASK[way] ?? ask(), { text: TEXT, ...options }).events;
  const events = played.map(({ data, ...rest }) => ({ ...rest, data: compact(data) }));
  return sample(
    way,
    newline === "\n" ? scenario : `${scenario} (${JSON.stringify(newline)})`,
    renderEvents(events, newline),
  );
}

/** What is the same in every event says nothing more at each of its bytes. */
const BULK: ReadonlySet<string> = new Set([
  "parallel_tool_calls",
  "tools",
  "tool_choice",
  "metadata",
  "instructions",
  "temperature",
  "top_p",
  "incomplete_details",
  "obfuscation",
  "cache_creation_input_tokens",
  "completed_at",
  "created_at",
  "created",
]);

function compact(data: string): string {
  if (data === "[DONE]") return data;
  return JSON.stringify(JSON.parse(data), (key, value: unknown) => {
    if (BULK.has(key)) return undefined;
    return typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 10) : value;
  });
}

function ask(...names: string[]) {
  const tools = names.map((name) => ({ name, kind: "function" as const, schema: SCHEMA }));
  return { ...NOTHING_ASKED, model: "m", includeUsage: true, tools };
}

/** The plan's upstream knows the tools by other names than the client. */
const ASK: Partial<Record<WayName, ReturnType<typeof ask>>> = {
  "claude plan": ask("mcp_lookup", "Read"),
  "claude key": ask("lookup", "read"),
  "copilot messages": ask("lookup", "read"),
};

const MESSAGES_ALL = [
  "text",
  "thinking-tool",
  "parallel-tools",
  "no-arg-tool",
  "server-tool",
  "refusal",
  "ping-storm",
  "error-mid",
  "error-first",
  "emoji",
  "duplicate-start",
  "unknown-event",
];
const RESPONSES_ALL = [
  "text",
  "reasoning-tool",
  "parallel-tools",
  "custom-tool",
  "refusal",
  "incomplete",
  "failed",
  "error-then-failed",
  "error-flat",
  "codex-frames",
  "reasoning-encrypted",
  "done-event",
  "data-only",
];
const CHAT_ALL = [
  "text",
  "tools",
  "parallel-tools",
  "reasoning-opaque",
  "filter-first-chunk",
  "null-choices",
  "no-done",
  "error-mid",
  "usage",
  "split-choices",
];

/** Streams of 0.1 to 6 KiB: small enough to be broken at every byte. */
export function smallCorpus(): Sample[] {
  return [
    ...MESSAGES_ALL.map((name) => staged("claude plan", MESSAGES, name)),
    staged("claude plan", MESSAGES, "parallel-tools", "\r\n"),
    staged("claude plan", MESSAGES, "thinking-tool", "mixed"),
    staged("claude key", MESSAGES, "no-stop"),
    ...["no-stop", "trailing-done", "parallel-tools"].map((name) =>
      staged("copilot messages", MESSAGES, name),
    ),
    ...RESPONSES_ALL.map((name) => staged("codex plan", RESPONSES, name)),
    staged("codex plan", RESPONSES, "done-event", "\r\n"),
    staged("openai key responses", RESPONSES, "emoji", "mixed"),
    ...["reasoning-tool", "custom-tool", "error-then-failed"].map((name) =>
      staged("copilot responses", RESPONSES_FRESH_IDS, name),
    ),
    staged("copilot responses", RESPONSES_FRESH_IDS, "text", "\r\n"),
    ...CHAT_ALL.map((name) => staged("copilot chat", CHAT, name)),
    staged("copilot chat", CHAT, "parallel-tools", "\n", { sharedIndex: true }),
    staged("copilot chat", CHAT, "emoji", "mixed"),
    ...["tools", "no-done", "error-mid"].map((name) => staged("openai key chat", CHAT, name)),
    staged("openai key chat", CHAT, "emoji", "\r\n"),
    ...OWN.map(([way, what, ...events]) => sample(way, what, events.map(utf8))),
  ];
}

/** One event of a mebibyte; on `responses`, where every text comes five times, a mebibyte in all. */
export function largeCorpus(): Sample[] {
  return [
    staged("claude plan", MESSAGES, "big-event"),
    staged("codex plan", RESPONSES, "big-event", "\n", { bytes: 256 * 1024 }),
    staged("copilot chat", CHAT, "big-event", "\r\n"),
  ];
}

const choice = (index: number, delta: object, finish: string | null = null) =>
  JSON.stringify({
    id: "c1",
    object: "chat.completion.chunk",
    created: 1,
    model: "m",
    choices: [{ index, delta, finish_reason: finish }],
  });
const chunk = (delta: object, finish: string | null = null) => choice(0, delta, finish);

/** What the fakes do not send: comments, further fields, unusual lines, odd but legal ends. */
const OWN: [WayName, string, ...string[]][] = [
  [
    "claude key",
    "comments, ids and retry between and inside events",
    ": hello\n\n",
    'id: 1\nevent: message_start\nretry: 10\ndata: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n',
    ": 東京 🧵\r\n\r\n",
    'event: content_block_start\n: inside\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
    "\n\n",
    'event:content_block_delta\ndata:{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\"type\\":\\"message_stop\\" event: error"}}\n\r\n',
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\r\n\n',
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}\n\n',
    ": nearly\n\n",
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ],
  [
    "claude plan",
    "data in several lines",
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"m",\ndata: "content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n',
    'event: content_block_start\ndata: {"type":"content_block_start",\ndata:  "index":0,"content_block":\ndata:{"type":"tool_use","id":"t1","name":"mcp_lookup","input":{}}}\n\n',
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"name\\":\\"mcp_lookup\\",\\"q\\":\\"é👩‍👩‍👧\\"}"}}\n\n',
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":3}}\n\n',
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ],
  [
    "openai key chat",
    "refusal, usage only at the end, comments",
    ": OPENAI PROCESSING\n\n",
    `data: ${chunk({ role: "assistant", content: null, refusal: "" })}\n\n`,
    `data: ${chunk({ refusal: "I cannot [DONE] 🙅" })}\n\n`,
    `data: ${chunk({}, "stop")}\n\n`,
    'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}\n\n',
    "data: [DONE]\n\n",
  ],
  [
    "copilot chat",
    "a finish without [DONE], then usage and metadata",
    `data:${chunk({ role: "assistant", content: "漢字" })}\r\n\r\n`,
    `data:${chunk({}, "stop")}\r\n\r\n`,
    'data:{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}\r\n\r\n',
    'data:{"choices":[],"copilot_annotations":{}}\r\n\r\n',
  ],
  [
    "codex plan",
    "goes on after its end",
    'data: {"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","created_at":1,"model":"m","status":"in_progress","output":[],"error":null}}\n\n',
    'event: response.completed\ndata: {"type":"response.completed","sequence_number":1,"response":{"id":"r","object":"response","created_at":1,"model":"m","status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}}\n\n',
    "data: [DONE]\n\n",
    'event: response.completed\ndata: {"type":"response.completed","sequence_number":2,"response":{"id":"r"}}\n\n',
  ],
  [
    "codex plan",
    "an announced error and nothing more",
    'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","created_at":1,"model":"m","status":"in_progress","output":[],"error":null}}\n\n',
    'event: error\ndata: {"type":"error","sequence_number":1,"error":{"type":"service_unavailable_error","code":"server_is_overloaded","message":"busy","param":null}}\n\n',
  ],
  [
    "codex plan",
    "an error by its name alone",
    'event: error\ndata: {"error":{"code":"context_length_exceeded","message":"too long"}}\n\n',
    'event: response.failed\ndata: {"type":"response.failed","sequence_number":1,"response":{"id":"r","object":"response","created_at":1,"model":"m","status":"failed","output":[],"error":{"code":"context_length_exceeded","message":"too long"}}}\n\n',
  ],
  [
    "openai key responses",
    "an error without a name or a type",
    'data: {"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","created_at":1,"model":"m","status":"in_progress","output":[],"error":null}}\n\n',
    'data: {"error":{"message":"overloaded","code":"x"}}\n\n',
    'event: response.completed\ndata: {"type":"response.completed","sequence_number":1,"response":{"id":"r"}}\n\n',
  ],
  [
    "openai key chat",
    "an error by its name alone",
    `data: ${chunk({ content: "cut" })}\n\n`,
    'event:error\r\ndata: {"message":"boom","code":"x"}\r\n\r\n',
    "data: [DONE]\n\n",
  ],
  [
    "claude key",
    "an error by its name alone",
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n',
    'event: error\ndata: {"error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ],
  ...(["claude plan", "copilot messages"] as const).map((way): [WayName, string, ...string[]] => [
    way,
    "an error without its name",
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n',
    `data: {${way === "claude plan" ? '"type":"error",' : ""}"error":{"type":"overloaded_error","message":"Overloaded","n":1.0}}\n\n`,
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ]),
  [
    "copilot chat",
    "in choices that end one after the other, without [DONE]",
    `data: ${choice(0, { role: "assistant", content: "I will read." })}\n\n`,
    `data: ${choice(0, {}, "stop")}\n\n`,
    `data: ${choice(1, { tool_calls: [{ index: 0, id: "c1", type: "function", function: { name: "read", arguments: '{"pa' } }] })}\n\n`,
    `data: ${choice(1, { tool_calls: [{ index: 0, function: { arguments: 'th":1}' } }] }, "")}\n\n`,
    `data: ${choice(1, {}, "tool_calls")}\n\n`,
  ],
  [
    "claude key",
    "an end without a stop reason",
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n',
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ],
  [
    "openai key chat",
    "[DONE] without a finish reason",
    `data: ${chunk({ content: "cut" })}\n\n`,
    "data: [DONE]\n\n",
  ],
];
