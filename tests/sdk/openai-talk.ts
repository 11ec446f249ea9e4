/** What the tests with OpenAI's SDK say to a model, in both of its protocols: tools with something behind them. */
import OpenAI from "openai";
import type {
  ChatCompletion,
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionFunctionTool,
  ChatCompletionMessage,
  ChatCompletionMessageParam,
} from "openai/resources/chat/completions";
import type {
  FunctionTool,
  Response,
  ResponseCreateParamsNonStreaming,
  ResponseFunctionToolCall,
  ResponseInputItem,
} from "openai/resources/responses/responses";
import { expect } from "vitest";
import { type Dict, objectOf } from "../fakes/inspect.ts";
import type { AccountName } from "../support/accounts.ts";
import { type ClientSettings, openScene } from "./scene.ts";

/** The scene with OpenAI's SDK as its client. */
export function openOpenAI() {
  const scene = openScene();
  return Object.assign(scene, {
    openai(name: AccountName, options?: ClientSettings) {
      const { wire, root, common } = scene.settings(name, options);
      return { wire, client: new OpenAI({ ...common, baseURL: `${root}/v1` }) };
    },
  });
}

/** Requests without the choice of form. */
export type Params = Omit<ResponseCreateParamsNonStreaming, "stream">;
export type ChatParams = Omit<ChatCompletionCreateParamsNonStreaming, "stream">;

/** The response: one answer, or what the last event of a stream holds. */
export async function ask(client: OpenAI, streams: boolean, params: Params): Promise<Response> {
  if (!streams) return client.responses.create(params);
  let last: Response | undefined;
  for await (const event of await client.responses.create({ ...params, stream: true })) {
    if (event.type === "response.completed" || event.type === "response.incomplete") last = event.response;
  }
  if (last === undefined) throw new Error("the stream had no last event");
  return last;
}

/** The completion: one answer, or gathered by the SDK out of a stream. */
export async function chat(client: OpenAI, streams: boolean, params: ChatParams): Promise<ChatCompletion> {
  return streams
    ? client.chat.completions.stream(params).finalChatCompletion()
    : client.chat.completions.create(params);
}

const READ = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const RUN = {
  type: "object",
  properties: { command: { type: "string" }, timeout: { type: "integer" } },
  required: ["command"],
};

export const TOOLS: FunctionTool[] = [
  { type: "function", name: "read_file", description: "Reads a file", parameters: READ, strict: false },
  { type: "function", name: "bash", description: "Runs a command", parameters: RUN, strict: false },
];

export const NO_ARGUMENTS: FunctionTool = {
  type: "function",
  name: "get_time",
  parameters: { type: "object", properties: {} },
  strict: false,
};

export const CHAT_TOOLS: ChatCompletionFunctionTool[] = [
  { type: "function", function: { name: "read_file", description: "Reads a file", parameters: READ } },
  { type: "function", function: { name: "bash", description: "Runs a command", parameters: RUN } },
];

export const CHAT_NO_ARGUMENTS: ChatCompletionFunctionTool = {
  type: "function",
  function: { name: "get_time", parameters: { type: "object", properties: {} } },
};

const TOOL_RESULTS: Record<string, (input: Dict) => string> = {
  read_file: ({ path }) => `contents of ${String(path)}`,
  bash: ({ command }) => `output of ${String(command)}`,
  get_time: () => "12:00",
};

function run(name: string, json: string): string {
  const tool = TOOL_RESULTS[name];
  expect(tool, `the client declared no tool ${name}`).toBeDefined();
  return tool!(objectOf(JSON.parse(json)) ?? {});
}

export function callsOf(response: Response): ResponseFunctionToolCall[] {
  return response.output.filter((item) => item.type === "function_call");
}

/** The next turn of a conversation that the client keeps: every item as it came, and what its tools returned. */
export function answered(params: Params, response: Response): Params {
  const results: ResponseInputItem[] = callsOf(response).map(({ call_id, name, arguments: json }) => ({
    type: "function_call_output",
    call_id,
    output: run(name, json),
  }));
  const before = Array.isArray(params.input) ? params.input : [user(params.input ?? "")];
  return { ...params, input: [...before, ...(response.output as ResponseInputItem[]), ...results] };
}

export function user(content: string): ResponseInputItem {
  return { role: "user", content };
}

/** Name and arguments of each call of a chat message. */
export function chatCallsOf(message: ChatCompletionMessage): [id: string, name: string, json: string][] {
  return (message.tool_calls ?? []).flatMap((call) =>
    call.type === "function" ? [[call.id, call.function.name, call.function.arguments]] : [],
  );
}

export function chatAnswered(params: ChatParams, message: ChatCompletionMessage): ChatParams {
  const results: ChatCompletionMessageParam[] = chatCallsOf(message).map(([tool_call_id, name, json]) => ({
    role: "tool",
    tool_call_id,
    content: run(name, json),
  }));
  return { ...params, messages: [...params.messages, message, ...results] };
}

export function messageOf(completion: ChatCompletion): ChatCompletionMessage {
  const message = completion.choices[0]?.message;
  if (message === undefined) throw new Error("the completion has no choice");
  return message;
}
