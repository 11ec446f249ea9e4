/** OpenAI's SDK against Copilot's chat and responses endpoints (providers/copilot.md §3, §4.1 and §4.2). */
import OpenAI from "openai";
import type { ChatCompletionContentPart } from "openai/resources/chat/completions";
import { describe, expect, test } from "vitest";
import {
  answered,
  ask,
  CHAT_NO_ARGUMENTS,
  CHAT_TOOLS,
  type ChatParams,
  callsOf,
  chat,
  chatAnswered,
  chatCallsOf,
  messageOf,
  NO_ARGUMENTS,
  openOpenAI,
  type Params,
  TOOLS,
  user,
} from "./openai-talk.ts";
import { all, FORMS, headerOf, OWN_AGENT, PIXEL, refusalOf } from "./scene.ts";

const scene = openOpenAI();
const CHAT_MODEL = "gpt-5-mini";
const MODEL = "gpt-5.4";
const CHAT_HELLO: ChatParams = { model: CHAT_MODEL, messages: [{ role: "user", content: "Hello there" }] };
const HELLO: Params = { model: MODEL, input: [user("Hello there")] };
const ENCRYPTED = ["reasoning.encrypted_content"];
const DATA_URL = `data:image/png;base64,${PIXEL}`;

function headers(streams: boolean, more: Record<string, string> = {}) {
  return {
    accept: streams ? "text/event-stream" : "application/json",
    "accept-encoding": "identity",
    authorization: `Bearer ${scene.account("copilot").secret}`,
    "content-type": "application/json",
    "openai-intent": "conversation-edits",
    "user-agent": OWN_AGENT,
    "x-github-api-version": "2026-06-01",
    "x-initiator": "user",
    ...more,
  };
}

function withoutId({ id: _, ...item }: { id?: string }): object {
  return item;
}

const ERRORS = [
  ["error:model-not-supported", OpenAI.BadRequestError, 400, "model_not_supported", "not supported"],
  ["error:402", OpenAI.APIError, 402, "quota_exceeded", "You have no quota"],
  [
    "error:403",
    OpenAI.PermissionDeniedError,
    403,
    "upstream_error",
    "not authorized to use this Copilot feature",
  ],
  ["error:422", OpenAI.UnprocessableEntityError, 422, "content_filter", "filtered"],
  ["error:429", OpenAI.RateLimitError, 429, "rate_limited", "exceeded your rate limit"],
  ["error:500", OpenAI.InternalServerError, 500, "upstream_error", "internal server error"],
  ["error:503", OpenAI.InternalServerError, 503, "upstream_provider_rate_limit", "upstream provider"],
] as const;

describe.each(FORMS)("OpenAI's SDK with chat on Copilot, $form", ({ streams }) => {
  const ASKED_FOR_USAGE = streams ? ["copilot-usage"] : ["none"];

  test("reads text and usage", async () => {
    const { client, wire } = scene.openai("copilot");
    const params: ChatParams = {
      ...CHAT_HELLO,
      messages: [{ role: "system", content: "Be brief." }, ...CHAT_HELLO.messages],
    };
    const completion = await chat(client, streams, params);
    expect(completion).toMatchObject({
      model: CHAT_MODEL,
      choices: [{ index: 0, finish_reason: "stop" }],
      usage: { prompt_tokens: 20, completion_tokens: 9, total_tokens: 29 },
    });
    expect(messageOf(completion).content).toBe(`The fake ${CHAT_MODEL} heard: Hello there`);
    const request = scene.only();
    expect(request).toMatchObject({ path: "/chat/completions", query: "" });
    expect(request.headers).toEqual(headers(streams));
    expect(request.body).toEqual({
      ...params,
      ...(streams ? { stream: true, stream_options: { include_usage: true } } : {}),
    });
    expect(wire.changes()).toEqual(ASKED_FOR_USAGE);
    expect(Object.fromEntries(wire.last().headers)).toMatchObject({
      "x-kleis-provider": "copilot",
      "x-kleis-account": scene.account("copilot").id,
      "x-github-request-id": "FAKE:1234",
    });
  });

  test("calls tools in parallel, runs them and sends the results back as an agent", async () => {
    const { client } = scene.openai("copilot");
    scene.fakes.copilot.script({ scenario: "parallel-tools", sharedIndex: streams }, "tools", "text");
    const first: ChatParams = { ...CHAT_HELLO, tools: CHAT_TOOLS };
    const message = messageOf(await chat(client, streams, first));
    expect(chatCallsOf(message)).toMatchObject([
      [expect.any(String), "read_file", '{"path":"path value"}'],
      [expect.any(String), "bash", '{"command":"command value"}'],
    ]);
    const second = { ...chatAnswered(first, message), tools: [CHAT_NO_ARGUMENTS] };
    const next = messageOf(await chat(client, streams, second));
    expect(chatCallsOf(next)).toMatchObject([[expect.any(String), "get_time", "{}"]]);
    await chat(client, streams, chatAnswered(second, next));
    expect(scene.upstream().map((request) => request.headers["x-initiator"])).toEqual([
      "user",
      "agent",
      "agent",
    ]);
    expect(scene.upstream()[2]!.body.messages).toMatchObject([
      {},
      {
        role: "assistant",
        tool_calls: [{ function: { name: "read_file" } }, { function: { name: "bash" } }],
      },
      { role: "tool", content: "contents of path value" },
      { role: "tool", content: "output of command value" },
      { role: "assistant", tool_calls: [{ function: { name: "get_time" } }] },
      { role: "tool", content: "12:00" },
    ]);
  });

  test("reads one choice where Copilot splits Claude's answer into several", async () => {
    const { client } = scene.openai("copilot");
    scene.fakes.copilot.script("split-choices");
    const params: ChatParams = { ...CHAT_HELLO, model: "claude-sonnet-4.6", tools: CHAT_TOOLS };
    const completion = await chat(client, streams, params);
    expect(completion.choices).toHaveLength(1);
    expect(completion.choices[0]).toMatchObject({ index: 0, finish_reason: "tool_calls" });
    expect(messageOf(completion).content).toBe("The fake claude-sonnet-4.6 heard: Hello there");
    expect(chatCallsOf(messageOf(completion)).map(([, name]) => name)).toEqual(["read_file", "bash"]);
  });

  test("sends opaque reasoning back as it came", async () => {
    const { client } = scene.openai("copilot");
    scene.fakes.copilot.script("reasoning-opaque", "text");
    const params: ChatParams = { ...CHAT_HELLO, model: "claude-sonnet-4.6" };
    let opaque = "";
    if (streams) {
      const chunks = await all(await client.chat.completions.create({ ...params, stream: true }));
      for (const chunk of chunks) {
        const delta: object = chunk.choices[0]?.delta ?? {};
        if ("reasoning_opaque" in delta) opaque += String(delta.reasoning_opaque);
      }
    } else {
      opaque = Reflect.get(messageOf(await chat(client, false, params)), "reasoning_opaque");
    }
    expect(opaque).toBe("b3BhcXVlLXR3bw==");
    const replayed = { role: "assistant" as const, content: "…", reasoning_opaque: opaque };
    await chat(client, streams, {
      ...params,
      messages: [...params.messages, replayed, { role: "user", content: "And again" }],
    });
    expect(scene.upstream()[1]!.body.messages).toMatchObject([{}, replayed, {}]);
  });

  test("announces images", async () => {
    const { client } = scene.openai("copilot");
    const content: ChatCompletionContentPart[] = [
      { type: "image_url", image_url: { url: DATA_URL } },
      { type: "text", text: "What is this?" },
    ];
    await chat(client, streams, { ...CHAT_HELLO, messages: [{ role: "user", content }] });
    expect(scene.only().headers).toEqual(headers(streams, { "copilot-vision-request": "true" }));
    expect(scene.only().body.messages).toEqual([{ role: "user", content }]);
  });

  test("reads the prefixed id that it asked for, while Copilot gets its own", async () => {
    const { client, wire } = scene.openai("copilot", { prefix: "", key: scene.key });
    const completion = await chat(client, streams, { ...CHAT_HELLO, model: "copilot/gpt-5-mini" });
    expect(completion.model).toBe("copilot/gpt-5-mini");
    expect(scene.only().body.model).toBe("gpt-5-mini");
    expect(wire.changes()).toEqual([
      "model-prefix",
      ...ASKED_FOR_USAGE.filter((change) => change !== "none"),
    ]);
  });

  test.each(["filter-first-chunk", "null-choices", "no-done", "emoji"] as const)(
    "reads the whole answer through Copilot's habit %s",
    async (scenario) => {
      const { client } = scene.openai("copilot");
      scene.fakes.copilot.script(scenario);
      const completion = await chat(client, streams, CHAT_HELLO);
      expect(completion.choices[0]?.finish_reason).toBe("stop");
      expect(messageOf(completion).content).toMatch(/Hello there|🧵$/);
    },
  );

  test.each(ERRORS)("raises the class of Copilot's %s", async (scenario, kind, status, code, words) => {
    const { client } = scene.openai("copilot");
    scene.fakes.copilot.script(scenario);
    const error = await refusalOf(chat(client, streams, CHAT_HELLO));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, code, message: expect.stringContaining(words) });
    // Days: the SDK would sleep them.
    if (status === 429) expect(headerOf(error, "retry-after")).toBeNull();
  });

  test("runs the SDK's tool runner to its end", async () => {
    const { client } = scene.openai("copilot");
    scene.fakes.copilot.script("parallel-tools", "text");
    const seen: string[] = [];
    const runner = {
      model: CHAT_MODEL,
      messages: [{ role: "user" as const, content: "Hello there" }],
      tools: CHAT_TOOLS.map(({ function: declared }) => ({
        type: "function" as const,
        function: {
          name: declared.name,
          description: declared.description ?? "",
          parameters: declared.parameters ?? {},
          function: (json: string) => {
            seen.push(`${declared.name} ${json}`);
            return "done";
          },
        },
      })),
    };
    const content = streams
      ? await client.chat.completions.runTools({ ...runner, stream: true }).finalContent()
      : await client.chat.completions.runTools(runner).finalContent();
    expect(content).toBe(`The fake ${CHAT_MODEL} heard: Hello there`);
    expect(seen).toEqual(['read_file {"path":"path value"}', 'bash {"command":"command value"}']);
  });
});

describe.each(FORMS)("OpenAI's SDK with responses on Copilot, $form", ({ streams }) => {
  test("reads text; Copilot is told to keep nothing", async () => {
    const { client, wire } = scene.openai("copilot");
    const response = await ask(client, streams, { ...HELLO, instructions: "Be brief." });
    expect(response).toMatchObject({
      status: "completed",
      model: MODEL,
      output: [{ content: [{ text: `The fake ${MODEL} heard: Hello there` }] }],
      usage: { total_tokens: 150 },
    });
    expect(scene.only()).toMatchObject({ path: "/responses", query: "" });
    expect(scene.only().headers).toEqual(headers(streams));
    expect(scene.only().body).toEqual({
      ...HELLO,
      instructions: "Be brief.",
      ...(streams ? { stream: true } : {}),
      store: false,
      include: ENCRYPTED,
    });
    expect(wire.changes()).toEqual(["copilot-store", "copilot-include"]);
  });

  test("calls tools, reasons, and sends everything back without the ids that change", async () => {
    const { client, wire } = scene.openai("copilot");
    scene.fakes.copilot.script("parallel-tools", "reasoning-tool", "reasoning-tool", "text");
    let params: Params = { ...HELLO, tools: TOOLS, store: false };
    const names: string[][] = [];
    let thought: { id?: string } = {};
    for (let turn = 0; turn < 4; turn++) {
      if (turn === 2) params = { ...params, tools: [NO_ARGUMENTS] };
      const response = await ask(client, streams, params);
      names.push(callsOf(response).map(({ name }) => name));
      if (turn === 1) thought = response.output[0]!;
      if (callsOf(response).length > 0) params = answered(params, response);
    }
    expect(names).toEqual([["read_file", "bash"], ["read_file"], ["get_time"], []]);
    expect(wire.changes()).toEqual(["copilot-include", "copilot-item-ids"]);
    expect(scene.upstream().map((request) => request.headers["x-initiator"])).toEqual([
      "user",
      "agent",
      "agent",
      "agent",
    ]);
    const { input } = scene.upstream()[3]!.body;
    expect(input).toMatchObject([
      user("Hello there"),
      { type: "function_call", name: "read_file" },
      { type: "function_call", name: "bash" },
      { output: "contents of path value" },
      { output: "output of command value" },
      withoutId(thought),
      { type: "function_call", name: "read_file" },
      { output: "contents of path value" },
      { type: "reasoning" },
      { type: "function_call", name: "get_time", arguments: "{}" },
      { output: "12:00" },
    ]);
    expect(JSON.stringify(input)).not.toMatch(/"id":/);
  });

  test("announces images, in a detail that Copilot takes", async () => {
    const { client, wire } = scene.openai("copilot");
    const image = { type: "input_image" as const, image_url: DATA_URL, detail: "auto" as const };
    await ask(client, streams, { ...HELLO, model: "gpt-5.5", input: [{ role: "user", content: [image] }] });
    expect(scene.only().headers).toEqual(headers(streams, { "copilot-vision-request": "true" }));
    expect(scene.only().body.input).toEqual([{ role: "user", content: [{ ...image, detail: "high" }] }]);
    expect(wire.changes()).toContain("copilot-images");
  });

  test("reads the prefixed id that it asked for, while Copilot gets its own", async () => {
    const { client } = scene.openai("copilot", { prefix: "", key: scene.key });
    const response = await ask(client, streams, { ...HELLO, model: "copilot/gpt-5.4" });
    expect(response.model).toBe("copilot/gpt-5.4");
    expect(scene.only().body.model).toBe("gpt-5.4");
  });

  test.each(ERRORS)("raises the class of Copilot's %s", async (scenario, kind, status, code, words) => {
    const { client } = scene.openai("copilot");
    scene.fakes.copilot.script(scenario);
    const error = await refusalOf(ask(client, streams, HELLO));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, code, message: expect.stringContaining(words) });
  });
});

describe("OpenAI's SDK on a stream of Copilot", () => {
  test("follows responses with its own gatherer, though Copilot's ids change with every event", async () => {
    const { client } = scene.openai("copilot");
    scene.fakes.copilot.script("reasoning-tool", "text");
    const called = await client.responses.stream({ ...HELLO, tools: TOOLS }).finalResponse();
    expect(called.output).toMatchObject([
      { type: "reasoning" },
      { type: "function_call", name: "read_file" },
    ]);
    const { output_text } = await client.responses.stream(HELLO).finalResponse();
    expect(output_text).toBe(`The fake ${MODEL} heard: Hello there`);
  });

  test("sees one id for a response and for each item in all of its events", async () => {
    const { client } = scene.openai("copilot");
    scene.fakes.copilot.script("parallel-tools");
    const events = await all(await client.responses.create({ ...HELLO, tools: TOOLS, stream: true }));
    const responses = events.flatMap((event) => ("response" in event ? [event.response.id] : []));
    expect(new Set(responses).size).toBe(1);
    const items = events.flatMap((event) => ("item_id" in event ? [event.item_id] : []));
    expect(new Set(items).size).toBe(2);
  });

  test("throws on an error in the middle and on a stream that breaks off, in both protocols", async () => {
    const { client } = scene.openai("copilot");
    const cut = { scenario: "text", cutAfterEvents: 3, cut: "end" } as const;
    scene.fakes.copilot.script("error-mid", cut, "error-flat", cut);
    const told = await refusalOf(chat(client, true, CHAT_HELLO));
    expect(told).toBeInstanceOf(OpenAI.APIError);
    expect(told).toMatchObject({ code: "model_overloaded", message: expect.stringContaining("overloaded") });
    expect(await refusalOf(chat(client, true, CHAT_HELLO))).toMatchObject({
      code: "upstream_stream_incomplete",
    });
    expect(await refusalOf(ask(client, true, HELLO))).toMatchObject({ code: "server_is_overloaded" });
    expect(await refusalOf(ask(client, true, HELLO))).toMatchObject({ code: "ECONNRESET" });
  });

  test("gathers tool calls whose first delta names no role", async () => {
    const { client } = scene.openai("copilot");
    scene.fakes.copilot.script("no-role");
    const message = messageOf(await chat(client, true, { ...CHAT_HELLO, tools: CHAT_TOOLS }));
    expect(message.role).toBe("assistant");
    expect(chatCallsOf(message).map(([, name]) => name)).toEqual(["read_file"]);
  });

  test("keeps the client's word that it wants no usage", async () => {
    const { client, wire } = scene.openai("copilot");
    const completion = await chat(client, true, { ...CHAT_HELLO, stream_options: { include_usage: false } });
    expect(completion.usage).toBeUndefined();
    expect(wire.changes()).toEqual(["none"]);
  });
});

test.each([true, false])(
  "a model that Copilot serves on another endpoint answers in chat (streams: %s)",
  async (streams) => {
    const { client, wire } = scene.openai("copilot");
    const completion = await chat(client, streams, { ...CHAT_HELLO, model: "gpt-5.3-codex" });
    expect(completion.choices[0]?.message.content).toContain("The fake gpt-5.3-codex heard");
    expect(wire.changes()).toContain("translated:chat-responses");
  },
);
