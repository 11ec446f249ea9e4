import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import type { Operation } from "../../src/protocols/protocol.ts";
import { prepared } from "./copilot-setup.ts";

const LEAD = "Attached media from tool result:";
const said = { role: "user", content: "now fix it" };
const answered = { role: "assistant", content: "done" };
const result = { type: "tool_result", tool_use_id: "toolu_1", content: "ok" };
const reminder = { type: "text", text: "<system-reminder>The todo list is empty.</system-reminder>" };
const words = { type: "text", text: "stop, use the other file" };

async function initiator(operation: Operation, body: JsonObject, headers = {}): Promise<string | null> {
  return (await prepared(body, { operation, headers })).headers.get("x-initiator");
}

describe("who began a request", () => {
  const chat = (...messages: JsonObject[]): [Operation, JsonObject] => ["chat", { messages }];
  const responses = (...input: JsonObject[]): [Operation, JsonObject] => ["responses", { input }];
  const messages = (...list: JsonObject[]): [Operation, JsonObject] => ["messages", { messages: list }];

  test.each<[string, "user" | "agent", [Operation, JsonObject]]>([
    ["chat: a human turn", "user", chat(said)],
    [
      "chat: a human turn after tool work",
      "user",
      chat(said, answered, { role: "tool", content: "x" }, said),
    ],
    ["chat: a human turn of parts", "user", chat({ role: "user", content: [words] })],
    ["chat: a tool's result", "agent", chat(said, answered, { role: "tool", content: "x" })],
    ["chat: a function's result", "agent", chat(said, { role: "function", name: "f", content: "x" })],
    ["chat: an assistant's turn", "agent", chat(said, answered)],
    ["chat: a system message last", "agent", chat(said, { role: "system", content: "x" })],
    ["chat: a developer message last", "agent", chat(said, { role: "developer", content: "x" })],
    ["chat: a tool's media as a string", "agent", chat(said, { role: "user", content: LEAD })],
    [
      "chat: a tool's media as parts",
      "agent",
      chat({ role: "user", content: [{ type: "text", text: LEAD }] }),
    ],
    [
      "chat: the lead text within other words",
      "user",
      chat({ role: "user", content: `${LEAD} what is it?` }),
    ],
    ["chat: no list", "user", ["chat", {}]],
    ["chat: a list that is none", "user", ["chat", { messages: "hi" }]],
    ["chat: an empty list", "user", chat()],

    ["responses: a string", "user", ["responses", { input: "hi" }]],
    ["responses: no input", "user", ["responses", {}]],
    ["responses: an empty list", "user", responses()],
    [
      "responses: a human turn",
      "user",
      responses({ role: "user", content: [{ type: "input_text", text: "hi" }] }),
    ],
    ["responses: a human turn as string", "user", responses(said)],
    [
      "responses: a function's output",
      "agent",
      responses(said, { type: "function_call_output", output: "x" }),
    ],
    [
      "responses: a custom tool's output",
      "agent",
      responses(said, { type: "custom_tool_call_output", output: "" }),
    ],
    ["responses: reasoning last", "agent", responses(said, { type: "reasoning", summary: [] })],
    ["responses: an item reference last", "agent", responses(said, { type: "item_reference", id: "msg_1" })],
    ["responses: compaction last", "agent", responses(said, { type: "compaction", encrypted_content: "x" })],
    ["responses: an assistant's turn", "agent", responses(said, answered)],
    [
      "responses: a tool's media",
      "agent",
      responses({ role: "user", content: [{ type: "input_text", text: LEAD }] }),
    ],

    ["messages: a string", "user", messages(said)],
    ["messages: an empty string", "user", messages({ role: "user", content: "" })],
    ["messages: text blocks", "user", messages({ role: "user", content: [words] })],
    ["messages: a reminder alone", "user", messages({ role: "user", content: [reminder] })],
    ["messages: an assistant's turn", "agent", messages(said, answered)],
    [
      "messages: a tool's result",
      "agent",
      messages(said, answered, { role: "user", content: [result, result] }),
    ],
    ["messages: a result and a reminder", "agent", messages({ role: "user", content: [result, reminder] })],
    ["messages: a result and a human's words", "user", messages({ role: "user", content: [result, words] })],
    ["messages: both", "user", messages({ role: "user", content: [result, reminder, words] })],
    [
      "messages: a result and an image",
      "user",
      messages({ role: "user", content: [result, { type: "image" }] }),
    ],
    [
      "messages: a tool's media",
      "agent",
      messages({ role: "user", content: [{ type: "text", text: LEAD }] }),
    ],
    ["messages: no content at all", "user", messages({ role: "user", content: [] })],
    ["messages: an empty list", "user", messages()],
    [
      "count_tokens: a tool's result",
      "agent",
      ["count_tokens", { messages: [{ role: "user", content: [result] }] }],
    ],
  ])("%s is %s", async (_case, expected, [operation, body]) => {
    expect(await initiator(operation, body)).toBe(expected);
  });

  test("the client's own word is honoured, in both directions", async () => {
    expect(await initiator("chat", { messages: [said] }, { "X-Initiator": "agent" })).toBe("agent");
    expect(await initiator("chat", { messages: [answered] }, { "x-initiator": "user" })).toBe("user");
  });

  test.each(["Agent", "agent, agent", "auto", ""])(
    "a word that is not exactly one of the two is not: %j",
    async (word) => {
      expect(await initiator("chat", { messages: [said] }, { "x-initiator": word })).toBe("user");
    },
  );
});

describe("what an agent asks for by itself", () => {
  const turn: JsonObject = { messages: [said], input: [said] };
  const OPERATIONS: Operation[] = ["chat", "responses", "messages"];
  const MARKS: [string, string][] = [
    ...["review", "compact", "collab_spawn", "memory_consolidation", "anything"].map(
      (value): [string, string] => ["x-openai-subagent", value],
    ),
    ["x-codex-parent-thread-id", "0199"],
    ["x-codex-turn-metadata", '{"turn_id":"1","request_kind":"compaction"}'],
    ["x-codex-turn-metadata", '{"thread_source": "subagent"}'],
    ["x-claude-code-request-class", "subagent"],
    ["x-claude-code-request-class", "workflow"],
    ["x-claude-code-request-class", "compaction"],
    ["x-claude-code-request-class", "auxiliary"],
    ["x-claude-code-auxiliary-type", "memory_save"],
    ["x-claude-code-agent-id", "a1"],
    ["x-claude-code-parent-agent-id", "a1"],
    ["x-parent-session-id", "ses_1"],
    ["x-interaction-type", "conversation-subagent"],
    ["x-interaction-type", "agent-session-name-generation"],
  ];

  test.each(MARKS)("is known by %s: %s", async (name, value) => {
    for (const operation of OPERATIONS) {
      expect(await initiator(operation, turn, { [name]: value })).toBe("agent");
      expect(await initiator(operation, turn, { [name]: value, "x-initiator": "user" })).toBe("user");
    }
    expect(await initiator("responses", { ...turn, client_metadata: { [name]: value } })).toBe("agent");
  });

  test.each([
    ["x-openai-subagent", ""],
    ["x-codex-turn-metadata", '{"turn_id":"1","request_kind":"turn","thread_source":"user"}'],
    ["x-claude-code-request-class", "main"],
    ["x-claude-code-request-class", "side_reply"],
    ["x-claude-code-session-id", "s"],
    ["x-session-id", "ses_1"],
    ["x-interaction-type", "conversation-agent"],
  ])("is not what comes with %s: %j", async (name, value) => {
    for (const operation of OPERATIONS)
      expect(await initiator(operation, turn, { [name]: value })).toBe("user");
    expect(await initiator("responses", { ...turn, client_metadata: { [name]: value } })).toBe("user");
  });

  const TITLE = "You are a title generator. You output ONLY a thread title. Nothing else.";
  const SUMMARY = "You are a context summarization assistant. Your task is to read a conversation.";
  test.each([TITLE, SUMMARY, "You are a helpful AI assistant tasked with summarizing conversations."])(
    "is known by the system prompt %j",
    async (prompt) => {
      for (const content of [prompt, [{ type: "text", text: prompt }]]) {
        const messages = [{ role: "system", content }, said];
        expect(await initiator("chat", { messages })).toBe("agent");
        expect(await initiator("responses", { input: [{ role: "developer", content }, said] })).toBe("agent");
        expect(await initiator("messages", { system: content, messages: [said] })).toBe("agent");
      }
      expect(await initiator("responses", { instructions: prompt, input: "hi" })).toBe("agent");
      expect(await initiator("chat", { messages: [{ role: "user", content: prompt }] })).toBe("user");
      expect(
        await initiator("chat", { messages: [{ role: "system", content: `Never say: ${prompt}` }, said] }),
      ).toBe("user");
    },
  );

  test.each([
    "You are performing a CONTEXT CHECKPOINT COMPACTION. Create a handoff summary.",
    "Your task is to create a detailed summary of the conversation so far, paying close attention.",
    "CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.\n\nYour task is to create a detailed summary of this conversation.",
  ])("is known by the last message %j", async (content) => {
    const compaction = { role: "user", content: [{ type: "text", text: content }] };
    expect(await initiator("chat", { messages: [said, answered, compaction] })).toBe("agent");
    expect(await initiator("responses", { input: [said, answered, compaction] })).toBe("agent");
    expect(await initiator("responses", { input: content })).toBe("agent");
    expect(await initiator("messages", { messages: [said, answered, compaction] })).toBe("agent");
    expect(await initiator("messages", { messages: [compaction, answered, said] })).toBe("user");
  });
});
