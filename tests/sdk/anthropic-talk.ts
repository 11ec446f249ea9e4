/** What the tests with Anthropic's SDK say to a model: tools with something behind them, and one call for both forms. */
import Anthropic from "@anthropic-ai/sdk";
import { expect } from "vitest";
import type { AccountName } from "../support/accounts.ts";
import { type ClientSettings, type Dict, openScene } from "./scene.ts";

/** The scene with Anthropic's SDK as its client. */
export function openAnthropic() {
  const scene = openScene();
  return Object.assign(scene, {
    anthropic(name: AccountName, options?: ClientSettings) {
      const { wire, root, common } = scene.settings(name, options);
      return { wire, client: new Anthropic({ ...common, authToken: null, baseURL: root }) };
    },
  });
}

/** The request without the choice of form. */
export type Params = Omit<Anthropic.MessageCreateParamsNonStreaming, "stream">;

/** The message, from one answer or gathered by the SDK out of a stream. */
export async function ask(client: Anthropic, streams: boolean, params: Params): Promise<Anthropic.Message> {
  return streams ? client.messages.stream(params).finalMessage() : client.messages.create(params);
}

export function user(content: Anthropic.MessageParam["content"]): Anthropic.MessageParam {
  return { role: "user", content };
}

/** Two tools whose results depend on their arguments. */
export const TOOLS: Anthropic.Tool[] = [
  {
    name: "read_file",
    description: "Reads a file",
    input_schema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
  },
  {
    name: "bash",
    description: "Runs a command",
    input_schema: {
      type: "object",
      properties: { command: { type: "string" }, timeout: { type: "integer" } },
      required: ["command"],
    },
  },
];

export const NO_ARGUMENTS: Anthropic.Tool = {
  name: "get_time",
  input_schema: { type: "object", properties: {} },
};

const RUN: Record<string, (input: Dict) => string> = {
  read_file: ({ path }) => `contents of ${String(path)}`,
  bash: ({ command }) => `output of ${String(command)}`,
  get_time: () => "12:00",
};

/** Runs every tool that a message calls; a name that the client never declared fails the test. */
export function runTools(message: Anthropic.Message): Anthropic.ToolResultBlockParam[] {
  return callsOf(message).map(({ id, name, input }) => {
    const run = RUN[name];
    expect(run, `the client declared no tool ${name}`).toBeDefined();
    return { type: "tool_result", tool_use_id: id, content: run!(input as Dict) };
  });
}

export function callsOf(message: Anthropic.Message): Anthropic.ToolUseBlock[] {
  return message.content.filter((block) => block.type === "tool_use");
}

export function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

/** The next turn: the model's message as it came, and what its tools returned. */
export function answered(
  params: Params,
  message: Anthropic.Message,
  results: Anthropic.ToolResultBlockParam[],
): Params {
  const said: Anthropic.MessageParam = { role: "assistant", content: message.content };
  return { ...params, messages: [...params.messages, said, user(results)] };
}
