/** Anthropic's SDK against a Claude API key (providers/claude.md §6): every body reaches Anthropic byte for byte. */
import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, test } from "vitest";
import {
  answered,
  ask,
  callsOf,
  NO_ARGUMENTS,
  openAnthropic,
  type Params,
  runTools,
  TOOLS,
  textOf,
  user,
} from "./anthropic-talk.ts";
import { FORMS, headerOf, OWN_AGENT, PIXEL, refusalOf, type Wire } from "./scene.ts";

const scene = openAnthropic();
const MODEL = "claude-opus-4-8";
const HELLO: Params = { model: MODEL, max_tokens: 200, messages: [user("Hello there")] };

/** The last request went on as the bytes that the SDK sent, and the answer says so. */
function expectUntouched(wire: Wire): void {
  expect(scene.upstream().at(-1)!.bytes.toString()).toBe(wire.last().bytes.toString());
  expect(wire.changes()).toEqual(["none"]);
}

describe.each(FORMS)("Anthropic's SDK on a Claude API key, $form", ({ streams }) => {
  test("reads text; of Kleis's there is only the key and the name on the request", async () => {
    const { client, wire } = scene.anthropic("claudeKey");
    const message = await ask(client, streams, { ...HELLO, system: "You are OpenCode." });
    expect(textOf(message)).toBe(`The fake ${MODEL} heard: Hello there`);
    expect(message).toMatchObject({ model: MODEL, stop_reason: "end_turn", usage: { input_tokens: 12 } });
    expectUntouched(wire);
    const request = scene.only();
    expect(request).toMatchObject({ path: "/v1/messages", query: "" });
    expect(request.headers).toEqual({
      accept: "application/json",
      "accept-encoding": "identity",
      "anthropic-version": "2026-10-21",
      "content-type": "application/json",
      "user-agent": OWN_AGENT,
      "x-api-key": scene.account("claudeKey").secret,
    });
    expect(wire.last().headers.get("x-kleis-account")).toBe(scene.account("claudeKey").id);
    expect(wire.last().headers.get("anthropic-ratelimit-requests-remaining")).toBe("49");
  });

  test("calls tools in parallel, runs them and sends the results back, thinking included", async () => {
    const { client, wire } = scene.anthropic("claudeKey");
    scene.fakes.claude.script("parallel-tools", "thinking-tool", "no-arg-tool", "text");
    const first: Params = {
      ...HELLO,
      max_tokens: 4000,
      thinking: { type: "adaptive" },
      tools: [...TOOLS, NO_ARGUMENTS],
    };
    let params = first;
    const names: string[][] = [];
    for (let turn = 0; turn < 4; turn++) {
      const message = await ask(client, streams, params);
      expectUntouched(wire);
      names.push(callsOf(message).map(({ name }) => name));
      if (message.stop_reason === "tool_use") params = answered(params, message, runTools(message));
    }
    expect(names).toEqual([["read_file", "bash"], ["read_file"], ["get_time"], []]);
    const { messages } = scene.upstream()[3]!.body;
    expect(messages).toMatchObject([
      { role: "user" },
      { content: [{ name: "read_file" }, { name: "bash" }] },
      { content: [{ content: "contents of path value" }, { content: "output of command value" }] },
      {
        content: [
          { type: "thinking", thinking: "Let me look at this." },
          { type: "text" },
          { name: "read_file" },
        ],
      },
      { content: [{ content: "contents of path value" }] },
      { content: [{ name: "get_time", input: {} }] },
      { content: [{ content: "12:00" }] },
    ]);
  });

  test("sends images as they are", async () => {
    const { client, wire } = scene.anthropic("claudeKey");
    const image: Anthropic.ImageBlockParam = {
      type: "image",
      source: { type: "base64", media_type: "image/png", data: PIXEL },
    };
    await ask(client, streams, {
      ...HELLO,
      messages: [user([image, { type: "text", text: "What is this?" }])],
    });
    expectUntouched(wire);
  });

  test("changes nothing but the id when it asks by a prefixed one", async () => {
    const { client, wire } = scene.anthropic("claudeKey", { prefix: "" });
    const message = await ask(client, streams, { ...HELLO, model: `anthropic/${MODEL}` });
    expect(message.model).toBe(`anthropic/${MODEL}`);
    expect(scene.only().bytes.toString()).toBe(wire.last().bytes.toString().replace("anthropic/", ""));
    expect(wire.changes()).toEqual(["model-prefix"]);
  });

  test("keeps the betas of its beta client", async () => {
    const { client, wire } = scene.anthropic("claudeKey");
    const params = {
      ...HELLO,
      messages: [{ role: "user" as const, content: "Hello there" }],
      betas: ["context-management-2025-06-27"],
      context_management: { edits: [{ type: "clear_tool_uses_20250919" as const }] },
    };
    const message = streams
      ? await client.beta.messages.stream(params).finalMessage()
      : await client.beta.messages.create(params);
    expect(message.stop_reason).toBe("end_turn");
    expectUntouched(wire);
    expect(scene.only().headers["anthropic-beta"]).toBe("context-management-2025-06-27");
  });

  test.each([
    ["error:400", Anthropic.BadRequestError, 400],
    ["error:429-api-key", Anthropic.RateLimitError, 429],
    ["error:500", Anthropic.InternalServerError, 500],
    ["error:529", Anthropic.OverloadedError, 529],
  ] as const)("raises the class of Anthropic's %s", async (scenario, kind, status) => {
    const { client } = scene.anthropic("claudeKey");
    scene.fakes.claude.script(scenario);
    const error = await refusalOf(ask(client, streams, HELLO));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, requestID: "req_fake" });
    if (status !== 429) return;
    expect(headerOf(error, "retry-after")).toBe("12");
    expect(headerOf(error, "anthropic-ratelimit-requests-remaining")).toBe("0");
  });
});

test("a key that Anthropic does not know any more is told apart from a wrong Kleis key by its words", async () => {
  const { client } = scene.anthropic("claudeKey");
  scene.fakes.claude.script("error:401");
  const error = await refusalOf(ask(client, false, HELLO));
  expect(error).toBeInstanceOf(Anthropic.AuthenticationError);
  expect(error).toHaveProperty("apiMessage", "Invalid authentication credentials");
  expect(scene.upstream()).toHaveLength(1);
});

test("an error in the middle of a stream is thrown with Anthropic's type", async () => {
  const { client } = scene.anthropic("claudeKey");
  scene.fakes.claude.script("error-mid", { scenario: "text", cutAfterEvents: 4 });
  expect(await refusalOf(ask(client, true, HELLO))).toMatchObject({ type: "overloaded_error" });
  expect(await refusalOf(ask(client, true, HELLO))).toMatchObject({ type: "overloaded_error" });
});

test("tokens are counted with the very body that was sent", async () => {
  const { client, wire } = scene.anthropic("claudeKey");
  const { max_tokens: _, ...params } = { ...HELLO, tools: TOOLS };
  expect((await client.messages.countTokens(params)).input_tokens).toBeGreaterThan(10);
  expectUntouched(wire);
  expect(scene.only()).toMatchObject({ path: "/v1/messages/count_tokens", query: "" });
});

test("a message thread goes through: Anthropic holds it, Kleis need not understand it", async () => {
  const { client, wire } = scene.anthropic("claudeKey");
  const thread = client.beta.messages.thread({ model: MODEL, max_tokens: 200, system: "Be brief." });
  const first = await thread.send({ role: "user", content: "Hello there" });
  expectUntouched(wire);
  await thread.send({ role: "user", content: "And again" });
  expectUntouched(wire);
  expect(scene.upstream()[1]!.headers["anthropic-beta"]).toBe("message-threads-2026-08-12");
  expect(scene.upstream()[1]!.body).toMatchObject({
    thread: { type: "continue", previous_message_id: first.id },
    messages: [{ content: "And again" }],
  });
});
