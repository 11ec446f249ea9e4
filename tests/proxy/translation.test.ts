/** A model through a protocol that its provider does not speak: every pair, streamed and in one piece, over the strict fakes. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type WireAnswer, wire } from "../http/wire.ts";
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

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  wire(door.url + path, {
    headers: { "x-api-key": key, "content-type": "application/json", ...headers },
    body,
  });

/** The body of the last request that a fake took. */
const lastBody = (provider: "claude" | "codex" | "copilot") =>
  door.fakes[provider].inference.at(-1)?.json as Record<string, unknown>;

const changesOf = ({ headers }: WireAnswer) => String(headers["x-kleis-changes"]).split(",");

test("tokens of a model whose provider counts none are estimated, and nothing is asked", async () => {
  const before = door.fakes.codex.inference.length;
  const messages = [{ role: "user", content: "word ".repeat(400) }];
  const answer = await post("/v1/messages/count_tokens", { model: "gpt-5.5", messages });
  expect(answer.status, answer.text).toBe(200);
  const { input_tokens: tokens } = answer.json as { input_tokens: number };
  expect(tokens).toBeGreaterThan(300);
  expect(tokens).toBeLessThan(900);
  expect(changesOf(answer)).toEqual(["estimated:tokens"]);
  expect(door.fakes.codex.inference.length).toBe(before);
});

test("what cannot be carried is refused with its place and what to do, in the client's shape", async () => {
  const body = { model: "claude-sonnet-5", input: "go on", previous_response_id: "resp_1" };
  const answer = await post("/v1/responses", body);
  expect(answer.status).toBe(400);
  expect(answer.json).toMatchObject({ error: { code: "untranslatable", param: "previous_response_id" } });
  const image = { type: "image", source: { type: "file", file_id: "file_1" } };
  const messages = [{ role: "user", content: [image] }];
  const other = await post("/v1/messages", { model: "gpt-5.5", max_tokens: 9, messages });
  expect(other.status).toBe(400);
  expect(other.json).toMatchObject({
    type: "error",
    error: { type: "invalid_request_error", message: expect.stringContaining("`messages.0.content.0") },
  });
});

test("the vendor's headers of the client stay behind, those that the body needs go along", async () => {
  const answer = await post(
    "/v1/responses",
    { model: "claude-sonnet-5", input: "hi", reasoning: { effort: "low" } },
    { "openai-beta": "x=1", "anthropic-beta": "context-1m-2025-08-07" },
  );
  expect(answer.status, answer.text).toBe(200);
  const sent = door.fakes.claude.inference.at(-1);
  expect(sent?.headers["openai-beta"]).toBeUndefined();
  expect(sent?.headers["anthropic-beta"]).not.toContain("context-1m");
});

describe("reasoning over several turns", () => {
  const first = { role: "user", content: "Read it." };
  const tool = { name: "read", description: "Reads.", input_schema: { type: "object", properties: {} } };

  /** A turn of GPT's for a Messages client, with thinking and a call; and the next turn's messages. */
  async function turn(): Promise<object[]> {
    door.fakes.codex.script("reasoning-tool");
    const answer = await post("/v1/messages", {
      model: "gpt-5.5",
      max_tokens: 900,
      messages: [first],
      tools: [tool],
      thinking: { type: "adaptive" },
    });
    expect(answer.status, answer.text).toBe(200);
    const { content } = answer.json as { content: { type: string; id?: string; signature?: string }[] };
    expect(content.find(({ type }) => type === "thinking")?.signature).toMatch(/^kls1\.codex\./);
    const call = content.find(({ type }) => type === "tool_use");
    const result = { type: "tool_result", tool_use_id: call?.id, content: "done" };
    return [first, { role: "assistant", content }, { role: "user", content: [result] }];
  }

  const goOn = async (model: string, messages: object[]) => {
    const answer = await post("/v1/messages", { model, max_tokens: 900, messages, tools: [tool] });
    expect(answer.status, answer.text).toBe(200);
    return answer;
  };

  test("goes back to the account and model that made it", async () => {
    const messages = await turn();
    const answer = await goOn("gpt-5.5", messages);
    const { input } = lastBody("codex") as { input: { type?: string; encrypted_content?: string }[] };
    const reasoning = input.find(({ type }) => type === "reasoning");
    expect(reasoning?.encrypted_content).toBeDefined();
    expect(reasoning?.encrypted_content).not.toContain("kls1.");
    expect(changesOf(answer)).not.toContain("dropped:reasoning");
  });

  test("stays behind for another model, translated or not", async () => {
    const messages = await turn();
    const other = await goOn("gpt-6-luna", messages);
    expect(JSON.stringify(lastBody("codex"))).not.toMatch(/kls1\.|encrypted_content":"/);
    expect(changesOf(other)).toContain("dropped:reasoning");
    const native = await goOn("claude-sonnet-5", messages);
    expect(JSON.stringify(lastBody("claude"))).not.toContain("kls1.");
    expect(changesOf(native)).toContain("foreign-reasoning");
  });

  test("begins each turn's request as the one before", async () => {
    const messages = await turn();
    await goOn("gpt-5.5", messages);
    const before = (lastBody("codex") as { input: object[] }).input;
    await goOn("gpt-5.5", [...messages, { role: "assistant", content: "Well." }, first]);
    const after = (lastBody("codex") as { input: object[] }).input;
    expect(after.slice(0, before.length)).toEqual(before);
  });
});

describe("an OpenAI API key", () => {
  const tools = [
    { type: "function", function: { name: "read", parameters: { type: "object", properties: {} } } },
  ];
  const body = { model: "gpt-5.5", messages: [{ role: "user", content: "Hi" }], tools };
  let own: string;

  beforeAll(async () => {
    const id = await door.account({
      provider: "codex",
      kind: "api_key",
      api_key: door.fakes.codex.issueApiKey(),
    });
    own = await door.key({ accounts: [id] });
  });
  const ask = (change: object) => post("/v1/chat/completions", { ...body, ...change }, { "x-api-key": own });

  test("gets chat with tools and an effort answered by the Responses endpoint", async () => {
    const answer = await ask({ reasoning_effort: "high" });
    expect(answer.status, answer.text).toBe(200);
    expect(changesOf(answer)[0]).toBe("translated:chat-responses");
    expect(door.fakes.codex.inference.at(-1)?.path).toContain("/responses");
  });

  test.each([[{}], [{ reasoning_effort: "none" }], [{ reasoning_effort: "high", tools: undefined }]])(
    "keeps its chat endpoint for %o",
    async (change) => {
      const answer = await ask(change);
      expect(answer.status, answer.text).toBe(200);
      expect(changesOf(answer)).toEqual(["none"]);
    },
  );
});
