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
