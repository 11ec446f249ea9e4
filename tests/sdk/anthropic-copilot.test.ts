/** Anthropic's SDK against Copilot's messages endpoint (providers/copilot.md §3 and §4.3). */
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
import { all, FORMS, headerOf, OWN_AGENT, PIXEL, refusalOf } from "./scene.ts";

const scene = openAnthropic();
const MODEL = "claude-sonnet-5";
const HELLO: Params = { model: MODEL, max_tokens: 200, messages: [user("Hello there")] };

function headers(streams: boolean, initiator = "user") {
  return {
    accept: streams ? "text/event-stream" : "application/json",
    "accept-encoding": "identity",
    "anthropic-beta": "interleaved-thinking-2025-05-14",
    "anthropic-version": "2026-10-21",
    authorization: `Bearer ${scene.account("copilot").secret}`,
    "content-type": "application/json",
    "openai-intent": "conversation-edits",
    "user-agent": OWN_AGENT,
    "x-github-api-version": "2026-06-01",
    "x-initiator": initiator,
  };
}

describe.each(FORMS)("Anthropic's SDK on Copilot, $form", ({ streams }) => {
  test("reads text; the body goes on as it was", async () => {
    const { client, wire } = scene.anthropic("copilot");
    const message = await ask(client, streams, { ...HELLO, system: "Be brief." });
    expect(textOf(message)).toBe(`The fake ${MODEL} heard: Hello there`);
    expect(message).toMatchObject({ model: MODEL, stop_reason: "end_turn", usage: { output_tokens: 7 } });
    const request = scene.only();
    expect(request).toMatchObject({ path: "/v1/messages", query: "" });
    expect(request.headers).toEqual(headers(streams));
    expect(request.bytes.toString()).toBe(wire.last().bytes.toString());
    expect(wire.changes()).toEqual(["none"]);
    expect(wire.last().headers.get("x-kleis-provider")).toBe("copilot");
  });

  test("calls tools in parallel and without arguments; results are an agent's turn, not a person's", async () => {
    const { client, wire } = scene.anthropic("copilot");
    scene.fakes.copilot.script("parallel-tools", "no-arg-tool", "text");
    const tools = [{ ...TOOLS[0]!, eager_input_streaming: true }, TOOLS[1]!, NO_ARGUMENTS];
    const first: Params = { ...HELLO, tools };
    const message = await ask(client, streams, first);
    expect(callsOf(message).map(({ name }) => name)).toEqual(["read_file", "bash"]);
    expect(wire.changes()).toEqual(["copilot-fields"]);
    expect(scene.only().body.tools).toEqual([...TOOLS, NO_ARGUMENTS]);

    const second = answered(first, message, runTools(message));
    const next = await ask(client, streams, second);
    expect(callsOf(next)).toMatchObject([{ name: "get_time", input: {} }]);
    await ask(client, streams, answered(second, next, runTools(next)));
    expect(scene.upstream().map((request) => request.headers["x-initiator"])).toEqual([
      "user",
      "agent",
      "agent",
    ]);
    expect(scene.upstream()[2]!.body.messages).toMatchObject([
      {},
      { content: [{ name: "read_file" }, { name: "bash" }] },
      { content: [{ content: "contents of path value" }, { content: "output of command value" }] },
      { content: [{ name: "get_time", input: {} }] },
      { content: [{ content: "12:00" }] },
    ]);
  });

  test("sends a thinking block back with its signature untouched", async () => {
    const { client } = scene.anthropic("copilot");
    scene.fakes.copilot.script("thinking-tool", "text");
    const first: Params = { ...HELLO, tools: TOOLS, thinking: { type: "adaptive" } };
    const message = await ask(client, streams, first);
    expect(message.content[0]).toMatchObject({ type: "thinking", thinking: "Let me look at this." });
    await ask(client, streams, answered(first, message, runTools(message)));
    const { messages } = scene.upstream()[1]!.body;
    expect((messages as Anthropic.MessageParam[])[1]!.content).toEqual(message.content);
  });

  test("announces images, also those that a tool returned", async () => {
    const { client } = scene.anthropic("copilot");
    const image: Anthropic.ImageBlockParam = {
      type: "image",
      source: { type: "base64", media_type: "image/png", data: PIXEL },
    };
    await ask(client, streams, {
      ...HELLO,
      messages: [user([image, { type: "text", text: "What is this?" }])],
    });
    expect(scene.only().headers).toEqual({ ...headers(streams), "copilot-vision-request": "true" });
    expect(scene.only().body.messages).toMatchObject([{ content: [image, {}] }]);

    scene.fakes.copilot.script("parallel-tools", "text");
    const first: Params = { ...HELLO, tools: TOOLS };
    const message = await ask(client, streams, first);
    const results = runTools(message).map((result) => ({ ...result, content: [image] }));
    await ask(client, streams, answered(first, message, results));
    expect(scene.upstream()[2]!.headers).toEqual({
      ...headers(streams, "agent"),
      "copilot-vision-request": "true",
    });
  });

  test.each([
    ["copilot/claude-sonnet-5", "claude-sonnet-5", "model-prefix"],
    ["copilot/claude-sonnet-4-6", "claude-sonnet-4.6", "model-spelling"],
  ])("reads the id %s that it asked for, while Copilot gets %s", async (asked, sent, change) => {
    const { client, wire } = scene.anthropic("copilot", { prefix: "" });
    const message = await ask(client, streams, { ...HELLO, model: asked });
    expect(message.model).toBe(asked);
    expect(scene.only().body.model).toBe(sent);
    expect(wire.changes()).toEqual([change]);
  });

  test.each([
    ["error:model-not-supported", Anthropic.BadRequestError, 400, "invalid_request_error", "not supported"],
    ["error:402", Anthropic.PaymentRequiredError, 402, "billing_error", "You have no quota"],
    [
      "error:403",
      Anthropic.PermissionDeniedError,
      403,
      "permission_error",
      "not authorized to use this Copilot",
    ],
    ["error:413", Anthropic.ContentTooLargeError, 413, "request_too_large", "Request Entity Too Large"],
    ["error:429", Anthropic.RateLimitError, 429, "rate_limit_error", "exceeded your rate limit"],
    ["error:500", Anthropic.InternalServerError, 500, "api_error", "internal server error"],
    [
      "error:503",
      Anthropic.ServiceUnavailableError,
      503,
      "overloaded_error",
      "upstream provider is rate limited",
    ],
  ] as const)(
    "raises the class of Copilot's %s in Anthropic's shape",
    async (scenario, kind, status, type, words) => {
      const { client } = scene.anthropic("copilot");
      scene.fakes.copilot.script(scenario);
      const error = await refusalOf(ask(client, streams, HELLO));
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({ status, type, apiMessage: expect.stringContaining(words) });
      // Days: the SDK would sleep them.
      if (scenario === "error:429") expect(headerOf(error, "retry-after")).toBeNull();
    },
  );
});

describe("Anthropic's SDK on a stream of Copilot", () => {
  test.each(["trailing-done", "no-stop", "ping-storm"] as const)(
    "reads a whole message from %s",
    async (scenario) => {
      const { client } = scene.anthropic("copilot");
      scene.fakes.copilot.script(scenario, scenario);
      expect(await ask(client, true, HELLO)).toMatchObject({ stop_reason: "end_turn" });
      const events = await all(await client.messages.create({ ...HELLO, stream: true }));
      expect(events.at(-1)).toEqual({ type: "message_stop" });
    },
  );

  test("throws on an error in the middle, and on a stream that breaks off", async () => {
    const { client } = scene.anthropic("copilot");
    scene.fakes.copilot.script("error-mid", { scenario: "text", cutAfterEvents: 4, cut: "end" });
    expect(await refusalOf(ask(client, true, HELLO))).toMatchObject({ type: "overloaded_error" });
    const error = await refusalOf(ask(client, true, HELLO));
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({ type: "overloaded_error" });
  });
});

describe("Anthropic's SDK counting tokens on Copilot", () => {
  const { max_tokens: _, ...params } = HELLO;

  test("reads the count where Copilot counts", async () => {
    const { client } = scene.anthropic("copilot");
    scene.fakes.copilot.rules.countTokens = true;
    expect((await client.messages.countTokens(params)).input_tokens).toBeGreaterThan(0);
    scene.fakes.copilot.rules.countTokens = false;
    expect(scene.only().path).toBe("/v1/messages/count_tokens");
  });

  test("raises NotFoundError where it does not", async () => {
    const { client } = scene.anthropic("copilot");
    const error = await refusalOf(client.messages.countTokens(params));
    expect(error).toBeInstanceOf(Anthropic.NotFoundError);
    expect(error).toMatchObject({ type: "not_found_error" });
  });
});

test("a message thread is refused in the words on which the SDK's runner sends the whole conversation", async () => {
  const { client } = scene.anthropic("copilot");
  const params = {
    model: MODEL,
    max_tokens: 200,
    unsupportedRequestBehavior: "continue_unthreaded" as const,
  };
  const thread = client.beta.messages.thread(params);
  await thread.send({ role: "user", content: "Hello there" });
  await thread.send({ role: "user", content: "And again" });
  expect(scene.upstream()).toHaveLength(2);
  expect(scene.upstream()[1]!.body.messages).toHaveLength(3);
  expect(scene.upstream()[1]!.body).not.toHaveProperty("thread");
});
