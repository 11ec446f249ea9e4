/** Token counts for a provider that does not count. */
import { expect, test } from "vitest";
import type { JsonObject } from "../../../src/json.ts";
import { MESSAGES } from "../../../src/protocols/translate/messages/index.ts";
import { estimateTokens } from "../../../src/protocols/translate/values/estimate.ts";

function estimate(body: JsonObject): number {
  return estimateTokens(MESSAGES.decodeRequest({ model: "m", messages: [], ...body }).request);
}

test("counts bytes, messages and images, with a margin", () => {
  expect(estimate({})).toBe(0);
  expect(estimate({ system: "s".repeat(3600) })).toBe(1100);
  expect(estimate({ messages: [{ role: "user", content: "é".repeat(1800) }] })).toBe(Math.ceil(1004 * 1.1));
  const image = {
    type: "image",
    source: { type: "base64", media_type: "image/png", data: "A".repeat(99_999) },
  };
  expect(estimate({ messages: [{ role: "user", content: [image] }] })).toBe(Math.ceil(1604 * 1.1));
});

test("tools, calls and results count", () => {
  const tool = { name: "f", description: "d".repeat(360), input_schema: { type: "object" } };
  expect(estimate({ tools: [tool] })).toBeGreaterThan(110);
  const call = { type: "tool_use", id: "i", name: "f", input: { a: "x".repeat(360) } };
  const result = { type: "tool_result", tool_use_id: "i", content: "y".repeat(360) };
  const messages = [
    { role: "assistant", content: [call] },
    { role: "user", content: [result] },
  ];
  expect(estimate({ messages })).toBeGreaterThan(220);
});
