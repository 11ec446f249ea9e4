/** Request bodies of the sizes that agents send: below 10 KB two messages, else 80 messages and 20 tools. */

export type MakeBody = (bytes: number, stream: boolean) => Buffer;

const words = "An agent's turn is a long list of what was said, read, run and found before. ".repeat(400);
const TOOLS = Array.from({ length: 20 }, (_, at) => ({
  name: `tool_${at}`,
  description: words.slice(0, 900),
  schema: {
    type: "object",
    properties: { path: { type: "string" }, line: { type: "number" } },
    required: ["path"],
  },
}));

/** A body of `bytes` bytes, but for a few: `make` is given the tools, how many messages, and the text of each. */
function sized(bytes: number, make: (tools: typeof TOOLS, messages: number, text: string) => object): Buffer {
  const small = bytes < 10_000;
  const tools = small ? [] : TOOLS;
  const messages = small ? 2 : 80;
  const bare = JSON.stringify(make(tools, messages, "")).length;
  const length = Math.max(Math.floor((bytes - bare) / messages), 0);
  return Buffer.from(JSON.stringify(make(tools, messages, words.slice(0, length))));
}

export const messagesBody: MakeBody = (bytes, stream) =>
  sized(bytes, (tools, count, text) => ({
    model: "claude-sonnet-5",
    max_tokens: 1000,
    system: [{ type: "text", text: "You are an agent." }],
    tools: tools.map(({ schema, ...tool }) => ({ ...tool, input_schema: schema })),
    messages: [
      ...Array.from({ length: count }, (_, at) => messageAt(at, text)),
      { role: "user", content: "Go on." },
    ],
    stream,
  }));

function messageAt(at: number, text: string): object {
  if (at % 4 === 1)
    return {
      role: "assistant",
      content: [
        { type: "text", text },
        { type: "tool_use", id: `toolu_${at}`, name: `tool_${at % 20}`, input: { path: "a.ts" } },
      ],
    };
  if (at % 4 === 2)
    return {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: `toolu_${at - 1}`, content: text }],
    };
  return { role: at % 2 === 0 ? "user" : "assistant", content: text };
}

/** The same for another model. */
export function forModel(make: MakeBody, model: string): MakeBody {
  return (bytes, stream) =>
    Buffer.from(JSON.stringify({ ...JSON.parse(String(make(bytes, stream))), model }));
}

export const responsesBody: MakeBody = (bytes, stream) =>
  sized(bytes, (tools, count, text) => ({
    model: "gpt-5.5",
    instructions: "You are an agent.",
    tools: tools.map(({ schema, ...tool }) => ({ type: "function", ...tool, parameters: schema })),
    input: Array.from({ length: count }, (_, at) => ({
      type: "message",
      role: at % 2 === 0 ? "user" : "assistant",
      content: [{ type: at % 2 === 0 ? "input_text" : "output_text", text }],
    })),
    store: false,
    include: ["reasoning.encrypted_content"],
    stream,
  }));

export const chatBody: MakeBody = (bytes, stream) =>
  sized(bytes, (tools, count, text) => ({
    model: "gpt-5-mini",
    tools: tools.map(({ schema, ...tool }) => ({
      type: "function",
      function: { ...tool, parameters: schema },
    })),
    messages: Array.from({ length: count }, (_, at) => ({
      role: at % 2 === 0 ? "user" : "assistant",
      content: text,
    })),
    stream_options: { include_usage: true },
    stream,
  }));
