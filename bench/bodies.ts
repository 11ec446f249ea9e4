/** Request bodies of the sizes that agents send: system prompt, 20 tools, 80 messages. */

const words = "An agent's turn is a long list of what was said, read, run and found before. ".repeat(200);

/** About `bytes` bytes; `tools` declared, the conversation in 80 messages (in 2 when it is small). */
export function messagesBody(model: string, bytes: number, stream: boolean): Buffer {
  const count = bytes < 10_000 ? 2 : 80;
  const tools =
    bytes < 10_000
      ? []
      : Array.from({ length: 20 }, (_, at) => ({
          name: `tool_${at}`,
          description: words.slice(0, 900),
          input_schema: {
            type: "object",
            properties: { path: { type: "string" }, line: { type: "number" } },
            required: ["path"],
          },
        }));
  const part = Math.max(Math.floor((bytes - JSON.stringify(tools).length) / count) - 60, 10);
  const text = words.repeat(Math.ceil(part / words.length)).slice(0, part);
  const messages = Array.from({ length: count }, (_, at) => messageAt(at, text));
  messages.push({ role: "user", content: "Go on." });
  return Buffer.from(
    JSON.stringify({
      model,
      max_tokens: 1000,
      system: [{ type: "text", text: "You are an agent." }],
      tools,
      messages,
      stream,
    }),
  );
}

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

export function responsesBody(model: string, bytes: number, stream: boolean): Buffer {
  const count = bytes < 10_000 ? 2 : 80;
  const part = Math.max(Math.floor(bytes / count) - 120, 10);
  const text = words.repeat(Math.ceil(part / words.length)).slice(0, part);
  const input = Array.from({ length: count }, (_, at) => ({
    type: "message",
    role: at % 2 === 0 ? "user" : "assistant",
    content: [{ type: at % 2 === 0 ? "input_text" : "output_text", text }],
  }));
  return Buffer.from(
    JSON.stringify({
      model,
      instructions: "You are an agent.",
      input,
      store: false,
      include: ["reasoning.encrypted_content"],
      stream,
    }),
  );
}

export function chatBody(model: string, bytes: number, stream: boolean): Buffer {
  const count = bytes < 10_000 ? 2 : 80;
  const part = Math.max(Math.floor(bytes / count) - 40, 10);
  const text = words.repeat(Math.ceil(part / words.length)).slice(0, part);
  const messages = Array.from({ length: count }, (_, at) => ({
    role: at % 2 === 0 ? "user" : "assistant",
    content: text,
  }));
  return Buffer.from(JSON.stringify({ model, messages, stream_options: { include_usage: true }, stream }));
}
