/** A model through a protocol that its provider does not speak: every pair, streamed and in one piece, over the strict fakes. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { eventsOf, nameOf, PAIRS, type Pair, question, seen, seenInStream, send } from "./support/pairs.ts";

let door: Door;
let key: string;

beforeAll(async () => {
  door = await openDoor();
  await connectAll(door);
  key = await door.key();
});
afterAll(() => door.close());
afterEach(async () => {
  await door.uncool();
  for (const fake of [door.fakes.claude, door.fakes.codex, door.fakes.copilot]) expect(fake.clear()).toBe(0);
  expect(door.fakes.violations()).toEqual([]);
});

/** How each protocol says that the model has ended its turn, and that it calls tools. */
const STOPS = {
  messages: { text: "end_turn", tool: "tool_use" },
  responses: { text: "completed", tool: "completed" },
  chat: { text: "stop", tool: "tool_calls" },
} as const;

const TOOL_SCENARIO = { messages: "tool", responses: "tool", chat: "tools" } as const;

/** One wire request of the client's with `stream` on or off. */
async function ask(pair: Pair, stream: boolean, tools = false) {
  const extra = stream && pair.from === "chat" ? { stream_options: { include_usage: true } } : {};
  const answer = await send(door, key, pair, {
    ...question(pair.from, "How are you?", tools),
    stream,
    ...extra,
  });
  return {
    answer,
    seen: () => (stream ? seenInStream(pair.from, answer) : seen(pair.from, answer.json)),
    changes: String(answer.headers["x-kleis-changes"]).split(","),
  };
}

const STREAMED: readonly [name: string, stream: boolean][] = [
  ["streamed", true],
  ["in one piece", false],
];

describe.each(PAIRS.map((pair) => [nameOf(pair), pair] as const))("%s", (_name, pair) => {
  const fake = () => door.fakes[pair.provider];

  test.each(STREAMED)("answers, %s", async (_streamed, stream) => {
    const before = fake().inference.length;
    const { answer, seen: read, changes } = await ask(pair, stream);
    expect(answer.status, answer.text).toBe(200);
    const { text, model, stop, tokens, calls } = read();
    expect(text).toContain("How are you?");
    expect(model).toBe(pair.model);
    expect(stop).toBe(STOPS[pair.from].text);
    expect(tokens).toBeGreaterThan(0);
    expect(calls).toEqual([]);
    expect(changes[0]).toBe(`translated:${pair.from}-${pair.to}`);
    expect(fake().inference.length).toBe(before + 1);
    if (stream) expect(eventsOf(pair.from, answer).end).toBe("end");
  });

  test.each(STREAMED)("calls a tool, %s", async (_streamed, stream) => {
    fake().script(TOOL_SCENARIO[pair.to] as never);
    const { answer, seen: read } = await ask(pair, stream, true);
    expect(answer.status, answer.text).toBe(200);
    const { calls, stop } = read();
    expect(calls).toHaveLength(1);
    expect(calls[0]?.name).toBe("read");
    expect(Object.keys(calls[0]?.input as object)).toEqual(["path"]);
    expect(stop).toBe(STOPS[pair.from].tool);
  });

  test.each(STREAMED)("reports a refusal in the client's protocol, %s", async (_streamed, stream) => {
    fake().script("error:429" as never);
    const { answer } = await ask(pair, stream);
    expect(answer.status, answer.text).toBe(429);
    const body = answer.json as { type?: string; error: { type: string; message: string } };
    expect(body.type).toBe(pair.from === "messages" ? "error" : undefined);
    expect(body.error.message).not.toBe("");
  });
});
