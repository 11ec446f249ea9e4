/** OpenAI's SDK against an OpenAI API key (providers/codex.md §3 and §4): every body arrives byte for byte. */
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import type { ChatCompletionContentPart } from "openai/resources/chat/completions";
import { describe, expect, test } from "vitest";
import * as z from "zod";
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
import { FORMS, headerOf, OWN_AGENT, PIXEL, refusalOf, type Wire } from "./scene.ts";

const scene = openOpenAI();
const MODEL = "gpt-5.4";
const HELLO: Params = { model: MODEL, input: "Hello there" };
const CHAT_HELLO: ChatParams = { model: MODEL, messages: [{ role: "user", content: "Hello there" }] };

function headers(streams: boolean) {
  return {
    accept: streams ? "text/event-stream" : "application/json",
    "accept-encoding": "identity",
    authorization: `Bearer ${scene.account("openaiKey").secret}`,
    "content-type": "application/json",
    "user-agent": OWN_AGENT,
  };
}

/** The last request went on as the bytes that the SDK sent, and the answer says so. */
function expectUntouched(wire: Wire): void {
  expect(scene.upstream().at(-1)!.bytes.toString()).toBe(wire.last().bytes.toString());
  expect(wire.changes()).toEqual(["none"]);
}

const ERRORS = [
  ["error:context-length", OpenAI.BadRequestError, 400, "context_length_exceeded"],
  ["error:404-previous", OpenAI.NotFoundError, 404, "previous_response_not_found"],
  ["error:rate-limit", OpenAI.RateLimitError, 429, "rate_limit_exceeded"],
  ["error:500", OpenAI.InternalServerError, 500, null],
  ["error:503", OpenAI.InternalServerError, 503, "server_is_overloaded"],
] as const;

describe.each(FORMS)("OpenAI's SDK with responses on an API key, $form", ({ streams }) => {
  test("reads text; of Kleis's there is only the key and the name on the request", async () => {
    const { client, wire } = scene.openai("openaiKey");
    const response = await ask(client, streams, {
      ...HELLO,
      temperature: 0.2,
      metadata: { run: "1" },
      store: true,
    });
    expect(response).toMatchObject({
      status: "completed",
      model: MODEL,
      output: [{ content: [{ text: `The fake ${MODEL} heard: Hello there` }] }],
      usage: { total_tokens: 150 },
    });
    expectUntouched(wire);
    expect(scene.only()).toMatchObject({ path: "/v1/responses", query: "" });
    expect(scene.only().headers).toEqual(headers(streams));
    expect(wire.last().headers.get("x-kleis-account")).toBe(scene.account("openaiKey").id);
    expect(wire.last().headers.get("x-ratelimit-remaining-requests")).toBe("99");
  });

  test("calls tools, runs them and sends everything back, reasoning and ids included", async () => {
    const { client, wire } = scene.openai("openaiKey");
    scene.fakes.codex.script("parallel-tools", "reasoning-tool", "reasoning-tool", "text");
    let params: Params = { ...HELLO, tools: TOOLS, include: ["reasoning.encrypted_content"], store: false };
    const names: string[][] = [];
    for (let turn = 0; turn < 4; turn++) {
      if (turn === 2) params = { ...params, tools: [NO_ARGUMENTS] };
      const response = await ask(client, streams, params);
      expectUntouched(wire);
      names.push(callsOf(response).map(({ name }) => name));
      if (callsOf(response).length > 0) params = answered(params, response);
    }
    expect(names).toEqual([["read_file", "bash"], ["read_file"], ["get_time"], []]);
    expect(scene.upstream()[3]!.body.input).toMatchObject([
      user("Hello there"),
      { type: "function_call", id: expect.stringMatching(/^fc_/) },
      { type: "function_call" },
      { output: "contents of path value" },
      { output: "output of command value" },
      { type: "reasoning", id: expect.stringMatching(/^rs_/), encrypted_content: expect.any(String) },
      { type: "function_call", name: "read_file" },
      { output: "contents of path value" },
      { type: "reasoning" },
      { type: "function_call", name: "get_time", arguments: "{}" },
      { output: "12:00" },
    ]);
  });

  test("goes on from an earlier answer that OpenAI kept, and sends images", async () => {
    const { client, wire } = scene.openai("openaiKey");
    const first = await ask(client, streams, HELLO);
    const image_url = `data:image/png;base64,${PIXEL}`;
    const content = [{ type: "input_image" as const, image_url, detail: "auto" as const }];
    await ask(client, streams, {
      ...HELLO,
      previous_response_id: first.id,
      input: [{ role: "user", content }],
    });
    expectUntouched(wire);
    expect(scene.upstream()[1]!.body.previous_response_id).toBe(first.id);
  });

  test("changes nothing but the id when it asks by a prefixed one", async () => {
    const { client, wire } = scene.openai("openaiKey", { prefix: "" });
    const response = await ask(client, streams, { ...HELLO, model: `openai/${MODEL}` });
    expect(response.model).toBe(`openai/${MODEL}`);
    expect(scene.only().bytes.toString()).toBe(wire.last().bytes.toString().replace("openai/", ""));
    expect(wire.changes()).toEqual(["model-prefix"]);
  });

  test.each(ERRORS)("raises the class of OpenAI's %s", async (scenario, kind, status, code) => {
    const { client } = scene.openai("openaiKey");
    scene.fakes.codex.script(scenario);
    const error = await refusalOf(ask(client, streams, HELLO));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, code, requestID: "req-fake" });
  });
});

describe.each(FORMS)("OpenAI's SDK with chat on an API key, $form", ({ streams }) => {
  test("reads text; of Kleis's there is only the key and the name on the request", async () => {
    const { client, wire } = scene.openai("openaiKey");
    const params: ChatParams = {
      ...CHAT_HELLO,
      messages: [{ role: "developer", content: "Be brief." }, ...CHAT_HELLO.messages],
      max_completion_tokens: 50,
    };
    const completion = await chat(client, streams, params);
    expect(completion).toMatchObject({
      object: "chat.completion",
      model: MODEL,
      choices: [{ finish_reason: "stop", message: { role: "assistant" } }],
    });
    expect(messageOf(completion).content).toBe(`The fake ${MODEL} heard: Hello there`);
    expectUntouched(wire);
    expect(scene.only()).toMatchObject({ path: "/v1/chat/completions", query: "" });
    expect(scene.only().headers).toEqual(headers(streams));
  });

  test("calls tools in parallel, runs them and sends the results back", async () => {
    const { client, wire } = scene.openai("openaiKey");
    scene.fakes.codex.script("parallel-tools", "tools", "text");
    const first: ChatParams = { ...CHAT_HELLO, tools: CHAT_TOOLS };
    const message = messageOf(await chat(client, streams, first));
    expect(chatCallsOf(message)).toMatchObject([
      [expect.any(String), "read_file", '{"path":"path value"}'],
      [expect.any(String), "bash", '{"command":"command value"}'],
    ]);
    const second = { ...chatAnswered(first, message), tools: [CHAT_NO_ARGUMENTS] };
    const next = messageOf(await chat(client, streams, second));
    expectUntouched(wire);
    expect(chatCallsOf(next)).toMatchObject([[expect.any(String), "get_time", "{}"]]);
    await chat(client, streams, chatAnswered(second, next));
    expectUntouched(wire);
    expect(scene.upstream()[2]!.body.messages).toMatchObject([
      {},
      { role: "assistant", tool_calls: [{}, {}] },
      { role: "tool", content: "contents of path value" },
      { role: "tool", content: "output of command value" },
      { role: "assistant", tool_calls: [{ function: { name: "get_time" } }] },
      { role: "tool", content: "12:00" },
    ]);
  });

  test("sends images, and reads the id that it asked for", async () => {
    const { client, wire } = scene.openai("openaiKey", { prefix: "" });
    const content: ChatCompletionContentPart[] = [
      { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
      { type: "text", text: "What is this?" },
    ];
    const params: ChatParams = { model: `codex/${MODEL}`, messages: [{ role: "user", content }] };
    const completion = await chat(client, streams, params);
    expect(completion.model).toBe(`codex/${MODEL}`);
    expect(messageOf(completion).content).toContain("What is this?");
    expect(scene.only().bytes.toString()).toBe(wire.last().bytes.toString().replace("codex/", ""));
    expect(wire.changes()).toEqual(["model-prefix"]);
  });

  test.each(ERRORS)("raises the class of OpenAI's %s", async (scenario, kind, status, code) => {
    const { client } = scene.openai("openaiKey");
    scene.fakes.codex.script(scenario);
    const error = await refusalOf(chat(client, streams, CHAT_HELLO));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, code, requestID: "req-fake" });
    if (status === 429) expect(headerOf(error, "retry-after-ms")).toBe("1200");
  });
});

describe("OpenAI's SDK on an API key", () => {
  test("throws on a stream that breaks in the middle, in both protocols", async () => {
    const { client } = scene.openai("openaiKey");
    const cut = { scenario: "text", cutAfterEvents: 3 } as const;
    scene.fakes.codex.script("error-mid", cut, "error-then-failed", cut);
    const [told, broken] = [
      await refusalOf(chat(client, true, CHAT_HELLO)),
      await refusalOf(chat(client, true, CHAT_HELLO)),
    ];
    expect(told).toBeInstanceOf(OpenAI.APIError);
    expect(told).toMatchObject({ code: "model_overloaded" });
    expect(broken).toMatchObject({ code: "upstream_stream_incomplete" });
    expect(await refusalOf(ask(client, true, HELLO))).toMatchObject({ code: "server_is_overloaded" });
    expect(await refusalOf(ask(client, true, HELLO))).toMatchObject({ code: "ECONNRESET" });
  });

  test("parses structured output in both protocols", async () => {
    const { client, wire } = scene.openai("openaiKey");
    const City = z.object({ city: z.string() });
    const staged = { scenario: "text", text: '{"city":"Köln"}' } as const;
    scene.fakes.codex.script(staged, staged);
    const response = await client.responses.parse({
      ...HELLO,
      text: { format: zodTextFormat(City, "city") },
    });
    expect(response.output_parsed).toEqual({ city: "Köln" });
    expectUntouched(wire);
    const completion = await client.chat.completions.parse({
      ...CHAT_HELLO,
      response_format: zodResponseFormat(City, "city"),
    });
    expect(completion.choices[0]?.message.parsed).toEqual({ city: "Köln" });
    expectUntouched(wire);
  });

  test("gets the usage of a chat stream only when it asks for it", async () => {
    const { client, wire } = scene.openai("openaiKey");
    expect((await chat(client, true, CHAT_HELLO)).usage).toBeUndefined();
    const counted = await chat(client, true, { ...CHAT_HELLO, stream_options: { include_usage: true } });
    expect(counted.usage).toMatchObject({ prompt_tokens: 20, completion_tokens: 9, total_tokens: 29 });
    expectUntouched(wire);
  });

  test("says that OpenAI's key is at fault, not the client's, in OpenAI's words", async () => {
    const { client } = scene.openai("openaiKey");
    scene.fakes.codex.script("error:401");
    const error = await refusalOf(ask(client, false, HELLO));
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ code: "token_expired" });
    expect(scene.upstream()).toHaveLength(1);
  });
});
