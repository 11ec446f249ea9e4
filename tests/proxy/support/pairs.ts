/** The six pairs of protocols as requests to Kleis over the fakes: a client's wire and a model that speaks another. */

import { WATCH } from "../../../src/protocols/end.ts";
import type { Protocol } from "../../../src/protocols/protocol.ts";
import { EventSplitter } from "../../../src/protocols/sse/splitter.ts";
import { type WireAnswer, wire } from "../../http/wire.ts";
import type { Door } from "../../support/door.ts";

export interface Pair {
  readonly from: Protocol;
  readonly to: Protocol;
  readonly provider: "claude" | "codex" | "copilot";
  readonly model: string;
  /** Before `/v1`. */
  readonly prefix: string;
}

/** Which model speaks each protocol and nothing else. */
const MODEL: Record<Protocol, Pick<Pair, "provider" | "model" | "prefix">> = {
  messages: { provider: "claude", model: "claude-sonnet-5", prefix: "/claude" },
  responses: { provider: "codex", model: "gpt-5.5", prefix: "/codex" },
  chat: { provider: "copilot", model: "grok-4.5", prefix: "/copilot" },
};

const PROTOCOLS = ["messages", "responses", "chat"] as const;

export const PAIRS: readonly Pair[] = PROTOCOLS.flatMap((from) =>
  PROTOCOLS.filter((to) => to !== from).map((to) => ({ from, to, ...MODEL[to] })),
);

export const nameOf = ({ from, to, model }: Pair): string => `${from} -> ${to} (${model})`;

export const PATH: Record<Protocol, string> = {
  messages: "/v1/messages",
  responses: "/v1/responses",
  chat: "/v1/chat/completions",
};

type Json = Record<string, unknown>;

const SCHEMA = {
  type: "object",
  properties: { path: { type: "string" } },
  required: ["path"],
  additionalProperties: false,
};

/** A tool by each protocol's declaration. */
const TOOL: Record<Protocol, object> = {
  messages: { name: "read", description: "Reads a file.", input_schema: SCHEMA },
  responses: { type: "function", name: "read", description: "Reads a file.", parameters: SCHEMA },
  chat: { type: "function", function: { name: "read", description: "Reads a file.", parameters: SCHEMA } },
};

/** The question of a first turn. */
export function question(from: Protocol, words: string, tools = false): Json {
  const rest = tools ? { tools: [TOOL[from]] } : {};
  switch (from) {
    case "messages":
      return { max_tokens: 500, system: "Be brief.", messages: [{ role: "user", content: words }], ...rest };
    case "responses":
      return { instructions: "Be brief.", input: [{ role: "user", content: words }], ...rest };
    case "chat":
      return {
        messages: [
          { role: "system", content: "Be brief." },
          { role: "user", content: words },
        ],
        ...rest,
      };
  }
}

export function send(door: Door, key: string, pair: Pair, body: Json): Promise<WireAnswer> {
  return wire(door.url + pair.prefix + PATH[pair.from], {
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: { model: pair.model, ...body },
  });
}

/** A whole response of the client's protocol as what a user sees of it. */
export interface Seen {
  readonly text: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly input: unknown }[];
  readonly model: string;
  readonly stop: unknown;
  readonly tokens: number;
}

const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const object = (value: unknown): Json => (value ?? {}) as Json;

/** What a JSON response says. */
export function seen(from: Protocol, value: unknown): Seen {
  const body = object(value);
  const usage = object(body.usage);
  const model = String(body.model);
  if (from === "messages") {
    const blocks = list(body.content);
    return {
      text: blocks.map(({ text }) => text ?? "").join(""),
      calls: blocks
        .filter(({ type }) => type === "tool_use")
        .map(({ id, name, input }) => ({ id: String(id), name: String(name), input })),
      model,
      stop: body.stop_reason,
      tokens: Number(usage.output_tokens),
    };
  }
  if (from === "responses") {
    const items = list(body.output);
    return {
      text: items.flatMap(({ content }) => list(content).map(({ text }) => text ?? "")).join(""),
      calls: items
        .filter(({ type }) => type === "function_call")
        .map((item) => ({
          id: String(item.call_id),
          name: String(item.name),
          input: JSON.parse(String(item.arguments)) as unknown,
        })),
      model,
      stop: body.status,
      tokens: Number(usage.output_tokens),
    };
  }
  const [choice] = list(body.choices);
  const message = object(choice?.message);
  return {
    text: String(message.content ?? ""),
    calls: list(message.tool_calls).map((call) => ({
      id: String(call.id),
      name: String(object(call.function).name),
      input: JSON.parse(String(object(call.function).arguments)) as unknown,
    })),
    model,
    stop: choice?.finish_reason,
    tokens: Number(usage.completion_tokens),
  };
}

/** The data of a stream's events, and how it ends by its protocol's watcher. */
export function eventsOf(
  from: Protocol,
  answer: { readonly body: Uint8Array },
): { readonly data: Json[]; readonly end: string } {
  const watcher = WATCH[from]();
  const ends: string[] = [];
  const data: Json[] = [];
  new EventSplitter().push(answer.body, (event) => {
    const line = new TextDecoder().decode(event);
    const state = watcher.see(event);
    if (state !== "open") ends.push(state);
    const json = /^data: (\{.*)$/m.exec(line)?.[1];
    if (json !== undefined) data.push(JSON.parse(json) as Json);
  });
  return { data, end: ends.join(" ") };
}

/** The same of a stream: what its deltas add up to. */
export function seenInStream(from: Protocol, answer: { readonly body: Uint8Array }): Seen {
  const { data } = eventsOf(from, answer);
  if (from === "responses") return seen(from, data.at(-1)?.response);
  if (from === "messages") return seen(from, messageOf(data));
  return seen(from, completionOf(data));
}

function messageOf(events: readonly Json[]): Json {
  const message = { ...object(events.find(({ type }) => type === "message_start")?.message) };
  const blocks: Json[] = [];
  for (const event of events) {
    const at = Number(event.index);
    if (event.type === "content_block_start") blocks[at] = { ...object(event.content_block), json: "" };
    const block = blocks[at] ?? {};
    const delta = object(event.delta);
    if (delta.type === "text_delta") block.text = `${block.text ?? ""}${delta.text}`;
    if (delta.type === "input_json_delta") block.json = `${block.json}${delta.partial_json}`;
    if (event.type === "content_block_stop" && block.type === "tool_use")
      block.input = block.json === "" ? {} : JSON.parse(String(block.json));
    if (event.type === "message_delta") Object.assign(message, delta, { usage: event.usage });
  }
  return { ...message, content: blocks };
}

function completionOf(chunks: readonly Json[]): Json {
  const message: Json = { content: "" };
  const calls: Json[] = [];
  let finish: unknown;
  let usage: unknown;
  for (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    const [choice] = list(chunk.choices);
    const delta = object(choice?.delta);
    message.content = `${message.content}${delta.content ?? ""}`;
    for (const call of list(delta.tool_calls)) {
      const at = Number(call.index);
      const own = object(call.function);
      const known = object(calls[at]?.function);
      calls[at] = {
        id: call.id ?? calls[at]?.id,
        function: {
          name: own.name ?? known.name,
          arguments: `${known.arguments ?? ""}${own.arguments ?? ""}`,
        },
      };
    }
    finish = choice?.finish_reason ?? finish;
  }
  return {
    model: chunks[0]?.model,
    choices: [{ finish_reason: finish, message: { ...message, tool_calls: calls } }],
    usage,
  };
}
