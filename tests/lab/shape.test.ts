import { expect, test } from "vitest";
import { shapeOf } from "./shape.ts";

test("paths and kinds, with the kind of each object and without contents", () => {
  const request = {
    model: "claude-sonnet-5",
    stream: true,
    tools: [],
    metadata: { user_id: "a person" },
    messages: [
      { role: "user", content: "a secret" },
      { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", input: { path: "/home/me" } }] },
    ],
  };
  expect(shapeOf(request)).toEqual([
    "messages[]<assistant>.content[]<tool_use>.id: string",
    "messages[]<assistant>.content[]<tool_use>.input: {…}",
    "messages[]<assistant>.content[]<tool_use>.type: string",
    "messages[]<assistant>.role: string",
    "messages[]<user>.content: string",
    "messages[]<user>.role: string",
    "metadata.user_id: string",
    "model: string",
    "stream: boolean",
    "tools: []",
  ]);
});

test("what a tool declares is its own", () => {
  const tools = [{ type: "function", name: "x", parameters: { type: "object", properties: { q: {} } } }];
  expect(shapeOf({ tools })).toContain("tools[]<function>.parameters: {…}");
  expect(shapeOf({ tools }).join()).not.toContain("properties");
});

test("the input of a Responses request is not a tool's", () => {
  expect(shapeOf({ input: [{ type: "reasoning", summary: [] }] })).toEqual([
    "input[]<reasoning>.summary: []",
    "input[]<reasoning>.type: string",
  ]);
});

test("names in lists that are names are shown", () => {
  expect(shapeOf({ include: ["reasoning.encrypted_content"] })).toEqual([
    "include[]=reasoning.encrypted_content",
  ]);
});

test.each(["/home/me/file.ts", "a b", "0190-7c3e", "item_0a1b2c3d4e5f67", "x".repeat(65), ""])(
  "a member called %j is not taken for a field",
  (name) => {
    expect(shapeOf({ map: { [name]: 1 } })).toEqual(["map.*: number"]);
  },
);

test.each(["a person", "/home/me", "x".repeat(65), ""])("a kind %j is not taken for one", (type) => {
  expect(shapeOf({ type })).toEqual(["type: string"]);
});

test.each([
  [null, ": null"],
  ["text", ": string"],
  [[[1]], "[][]: number"],
  [{}, ": {}"],
])("%j is a shape as well", (value, shape) => {
  expect(shapeOf(value)).toEqual([shape]);
});
