import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import type { Operation } from "../../src/protocols/protocol.ts";
import { prepared } from "./copilot-setup.ts";

const url = "data:image/png;base64,iVBORw0KGgo=";
const chatImage = { type: "image_url", image_url: { url } };
const inputImage = { type: "input_image", image_url: url };
const block = { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } };
const document = {
  type: "document",
  source: { type: "base64", media_type: "application/pdf", data: "JVBERg==" },
};
const user = (content: JsonObject[] | string) => ({ role: "user", content });

describe("the vision header", () => {
  test.each<[string, "true" | null, Operation, JsonObject]>([
    ["chat with an image", "true", "chat", { messages: [user([chatImage])] }],
    [
      "chat with an image in its history",
      "true",
      "chat",
      { messages: [user([chatImage]), user("and now?")] },
    ],
    [
      "chat with an image from a tool",
      "true",
      "chat",
      { messages: [{ role: "tool", content: [chatImage] }] },
    ],
    ["chat without", null, "chat", { messages: [user("image_url")] }],
    ["chat without messages", null, "chat", {}],
    ["responses with an image", "true", "responses", { input: [user([inputImage])] }],
    [
      "responses with an image in a function's output",
      "true",
      "responses",
      { input: [{ type: "function_call_output", call_id: "c", output: [inputImage] }, user("what is it?")] },
    ],
    [
      "responses with text output",
      null,
      "responses",
      { input: [{ type: "function_call_output", output: "input_image" }] },
    ],
    ["responses with a string", null, "responses", { input: "input_image" }],
    ["responses with a file", null, "responses", { input: [user([{ type: "input_file", file_data: url }])] }],
    ["messages with an image", "true", "messages", { messages: [user([block])] }],
    [
      "messages with an image in a tool's result",
      "true",
      "messages",
      { messages: [user([{ type: "tool_result", tool_use_id: "t", content: [block] }]), user("go on")] },
    ],
    ["messages with a document", null, "messages", { messages: [user([document])] }],
    [
      "messages with a result of words",
      null,
      "messages",
      { messages: [user([{ type: "tool_result", content: "image" }])] },
    ],
    ["a count of messages with an image", "true", "count_tokens", { messages: [user([block])] }],
  ])("%s: %j", async (_case, expected, operation, body) => {
    const request = await prepared(body, { operation, headers: { "copilot-vision-request": "maybe" } });
    expect(request.headers.get("copilot-vision-request")).toBe(expected);
  });
});
