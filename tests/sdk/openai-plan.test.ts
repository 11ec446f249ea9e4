/** OpenAI's SDK against a ChatGPT plan (providers/codex.md §2): responses only, streamed or gathered. */
import OpenAI from "openai";
import type { ResponseInputItem } from "openai/resources/responses/responses";
import { describe, expect, test } from "vitest";
import { answered, ask, callsOf, NO_ARGUMENTS, openOpenAI, type Params, TOOLS, user } from "./openai-talk.ts";
import { all, FORMS, headerOf, OWN_AGENT, PIXEL, refusalOf } from "./scene.ts";

const scene = openOpenAI();
const MODEL = "gpt-5.5";
const HELLO: Params = { model: MODEL, instructions: "Be brief.", input: [user("Hello there")], store: false };
const ENCRYPTED = ["reasoning.encrypted_content"];
const V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const SESSION = expect.stringMatching(V7);

function headers(more: Record<string, string> = {}) {
  return {
    accept: "text/event-stream",
    "accept-encoding": "identity",
    authorization: `Bearer ${scene.account("codex").secret}`,
    "chatgpt-account-id": scene.fakes.codex.issueTokens().accountId,
    "content-type": "application/json",
    originator: "kleis",
    "session-id": SESSION,
    "user-agent": OWN_AGENT,
    ...more,
  };
}

describe.each(FORMS)("OpenAI's SDK on a ChatGPT plan, $form", ({ streams }) => {
  /** What Kleis must say about a request that only lacks the encrypted reasoning. */
  const FITTED = [...(streams ? [] : ["codex-stream"]), "codex-include", "codex-cache-key"];

  test("reads text and usage; the backend gets a streamed request that keeps nothing", async () => {
    const { client, wire } = scene.openai("codex");
    const response = await ask(client, streams, HELLO);
    expect(response).toMatchObject({
      object: "response",
      status: "completed",
      model: MODEL,
      output: [{ type: "message", role: "assistant", content: [{ type: "output_text" }] }],
      usage: { input_tokens: 120, output_tokens: 30, total_tokens: 150 },
    });
    expect(response.output[0]).toMatchObject({ content: [{ text: `The fake ${MODEL} heard: Hello there` }] });
    if (!streams) expect(response.output_text).toBe(`The fake ${MODEL} heard: Hello there`);
    const request = scene.only();
    expect(request).toMatchObject({ path: "/backend-api/codex/responses", query: "" });
    expect(request.headers).toEqual(headers());
    expect(request.body).toEqual({
      ...HELLO,
      stream: true,
      include: ENCRYPTED,
      prompt_cache_key: SESSION,
    });
    expect(wire.changes()).toEqual(FITTED);
    expect(Object.fromEntries(wire.last().headers)).toMatchObject({
      "x-kleis-provider": "codex",
      "x-kleis-account": scene.account("codex").id,
      "x-codex-primary-used-percent": "12",
      "content-type": streams ? "text/event-stream; charset=utf-8" : "application/json",
    });
  });

  test("may ask as freely as of the public API: what the backend refuses is taken out and declared", async () => {
    const { client, wire } = scene.openai("codex");
    const response = await ask(client, streams, {
      model: MODEL,
      input: "Hello there",
      temperature: 0.2,
      max_output_tokens: 50,
      metadata: { run: "1" },
      user: "me",
      service_tier: "auto",
    });
    expect(response.status).toBe("completed");
    expect(scene.only().body).toEqual({
      model: MODEL,
      input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "Hello there" }] }],
      instructions: "You are a helpful assistant.",
      include: ENCRYPTED,
      prompt_cache_key: SESSION,
      store: false,
      stream: true,
    });
    expect(new Set(wire.changes())).toEqual(
      new Set(["codex-fields", "codex-store", ...FITTED, "codex-instructions", "codex-input"]),
    );
  });

  test("has its system message moved to where the backend reads it", async () => {
    const { client, wire } = scene.openai("codex");
    const input: ResponseInputItem[] = [{ role: "system", content: "Be brief." }, user("Hello there")];
    await ask(client, streams, {
      model: MODEL,
      input,
      store: false,
      include: ["reasoning.encrypted_content"],
    });
    expect(scene.only().body).toMatchObject({ instructions: "Be brief.", input: [user("Hello there")] });
    expect(wire.changes()).toEqual([
      ...(streams ? [] : ["codex-stream"]),
      "codex-cache-key",
      "codex-instructions",
    ]);
  });

  test("calls tools in parallel and without arguments, and sends their results back", async () => {
    const { client, wire } = scene.openai("codex");
    scene.fakes.codex.script("parallel-tools", "reasoning-tool", "text");
    const first: Params = { ...HELLO, tools: TOOLS, parallel_tool_calls: true };
    const response = await ask(client, streams, first);
    expect(callsOf(response)).toMatchObject([
      { name: "read_file", arguments: '{"path":"path value"}' },
      { name: "bash", arguments: '{"command":"command value"}' },
    ]);
    expect(scene.only().body).toMatchObject({ tools: TOOLS, parallel_tool_calls: true });

    const second = { ...answered(first, response), tools: [NO_ARGUMENTS] };
    const next = await ask(client, streams, second);
    expect(callsOf(next)).toMatchObject([{ name: "get_time", arguments: "{}" }]);
    expect(wire.changes()).toEqual([...FITTED, "codex-item-ids"]);
    await ask(client, streams, answered(second, next));
    const { input } = scene.upstream()[2]!.body;
    expect(input).toMatchObject([
      user("Hello there"),
      { type: "function_call", name: "read_file", call_id: callsOf(response)[0]!.call_id },
      { type: "function_call", name: "bash", call_id: callsOf(response)[1]!.call_id },
      { type: "function_call_output", output: "contents of path value" },
      { type: "function_call_output", output: "output of command value" },
      { type: "reasoning" },
      { type: "function_call", name: "get_time" },
      { type: "function_call_output", output: "12:00" },
    ]);
  });

  test("sends reasoning back with its encrypted content and without the ids that nobody keeps", async () => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script("reasoning-tool", "reasoning-encrypted", "text");
    const first: Params = { ...HELLO, tools: TOOLS, reasoning: { effort: "high", summary: "auto" } };
    const response = await ask(client, streams, first);
    const [reasoning] = response.output;
    expect(reasoning).toMatchObject({
      type: "reasoning",
      summary: [{ type: "summary_text", text: "Checking the file." }],
      encrypted_content: expect.stringMatching(/^Z0FBQUFB.+/),
    });
    const second = answered(first, response);
    const next = await ask(client, streams, second);
    await ask(client, streams, { ...answered(second, next), tools: [] });
    const { input, reasoning: effort } = scene.upstream()[2]!.body;
    expect(effort).toEqual({ effort: "high", summary: "auto" });
    const { id: _, ...kept } = reasoning as { id: string };
    expect((input as object[])[1]).toEqual(kept);
    expect((input as object[])[4]).toMatchObject({
      type: "reasoning",
      encrypted_content: expect.any(String),
    });
    expect(JSON.stringify(input)).not.toMatch(/"id":/);
  });

  test("calls a custom tool with free text", async () => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script("custom-tool", "text");
    const first: Params = { ...HELLO, tools: [{ type: "custom", name: "apply_patch" }] };
    const response = await ask(client, streams, first);
    const [call] = response.output;
    expect(call).toMatchObject({
      type: "custom_tool_call",
      name: "apply_patch",
      input: "*** Begin Patch\n*** End Patch\n",
    });
    const { call_id } = call as { call_id: string };
    const output: ResponseInputItem = { type: "custom_tool_call_output", call_id, output: "done" };
    const next = answered(first, response);
    await ask(client, streams, { ...next, input: [...(next.input as ResponseInputItem[]), output] });
    expect(scene.upstream()[1]!.body.input).toMatchObject([
      {},
      { type: "custom_tool_call", call_id },
      output,
    ]);
  });

  test("sends an image as a data address", async () => {
    const { client } = scene.openai("codex");
    const image_url = `data:image/png;base64,${PIXEL}`;
    const content = [
      { type: "input_image" as const, image_url, detail: "auto" as const },
      { type: "input_text" as const, text: "What is this?" },
    ];
    await ask(client, streams, { ...HELLO, input: [{ role: "user", content }] });
    expect(scene.only().body.input).toEqual([{ role: "user", content }]);
  });

  test("keeps its conversation together under an id that only Kleis can read", async () => {
    const { client, wire } = scene.openai("codex");
    for (const prompt_cache_key of ["chat-1", "chat-1", "chat-2"])
      await ask(client, streams, { ...HELLO, prompt_cache_key });
    expect(wire.changes()).toEqual(FITTED);
    const keys = scene.upstream().map(({ body }) => String(body.prompt_cache_key));
    expect(keys[0]).toMatch(V7);
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
    expect(scene.upstream()[0]!.headers).toEqual(headers({ "session-id": keys[0]! }));
  });

  test("has its later turns cached, though it names no session", async () => {
    const { client } = scene.openai("codex");
    const first: Params = { ...HELLO, input: [user(`The first words, streams: ${streams}`)] };
    const response = await ask(client, streams, first);
    const next = await ask(client, streams, answered(first, response));
    expect(response.usage?.input_tokens_details.cached_tokens).toBe(0);
    expect(next.usage?.input_tokens_details.cached_tokens).toBeGreaterThan(0);
  });

  test("reads the prefixed id that it asked for, while the backend gets its own", async () => {
    const { client, wire } = scene.openai("codex", { prefix: "", key: scene.key });
    const response = await ask(client, streams, { ...HELLO, model: `codex/${MODEL}` });
    expect(response.model).toBe(`codex/${MODEL}`);
    expect(scene.only().body.model).toBe(MODEL);
    expect(wire.changes()).toEqual(["model-prefix", ...FITTED]);
  });

  test("reads refusals and cut answers as such", async () => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script("refusal", "incomplete");
    const refused = await ask(client, streams, HELLO);
    expect(refused.output[0]).toMatchObject({
      content: [{ type: "refusal", refusal: "I cannot help with that." }],
    });
    const cut = await ask(client, streams, HELLO);
    expect(cut).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });

  test.each(["done-event", "no-content-type", "data-only", "codex-frames"] as const)(
    "reads the whole answer through the backend's habit %s",
    async (scenario) => {
      const { client } = scene.openai("codex");
      scene.fakes.codex.script(scenario);
      const response = await ask(client, streams, HELLO);
      expect(response.status).toBe("completed");
      expect(response.output[0]).toMatchObject({
        content: [{ text: `The fake ${MODEL} heard: Hello there` }],
      });
    },
  );

  test.each([
    ["error:400", OpenAI.BadRequestError, 400, undefined, "Unsupported parameter: something_new"],
    [
      "error:context-length",
      OpenAI.BadRequestError,
      400,
      "context_length_exceeded",
      "exceeds the context window",
    ],
    ["error:403-workspace", OpenAI.PermissionDeniedError, 403, "codex_workspace_access_denied", "no access"],
    ["error:404-item", OpenAI.NotFoundError, 404, undefined, "Item with id 'rs_1' not found"],
    ["error:rate-limit", OpenAI.RateLimitError, 429, "rate_limit_exceeded", "try again in 1.2s"],
    ["error:500", OpenAI.InternalServerError, 500, undefined, "The server had an error."],
    ["error:503", OpenAI.InternalServerError, 503, "server_is_overloaded", "overloaded"],
    ["error:html403", OpenAI.InternalServerError, 503, "upstream_blocked", "CODEX_API_URL"],
  ] as const)(
    "raises the class of the backend's %s, with its words",
    async (scenario, kind, status, code, words) => {
      const { client } = scene.openai("codex");
      scene.fakes.codex.script(scenario);
      const error = await refusalOf(ask(client, streams, HELLO));
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({ status, message: expect.stringContaining(words) });
      if (code !== undefined) expect(error).toMatchObject({ code });
      if (scenario === "error:rate-limit") expect(headerOf(error, "retry-after")).toBe("2");
    },
  );

  test("raises RateLimitError that says when the plan's window resets", async () => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script("error:429");
    const error = await refusalOf(ask(client, streams, HELLO));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ type: "usage_limit_reached", error: { plan_type: "plus" } });
    expect(error).toHaveProperty("error.resets_at", expect.any(Number));
    expect(headerOf(error, "x-codex-primary-used-percent")).toBe("100");
  });

  test("raises AuthenticationError for a wrong key, at once and without asking the backend", async () => {
    const { client, wire } = scene.openai("codex", { key: `kleis_${"x".repeat(43)}`, maxRetries: 2 });
    const error = await refusalOf(ask(client, streams, HELLO));
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: "invalid_api_key" });
    expect(wire.exchanges).toHaveLength(1);
    expect(headerOf(error, "x-should-retry")).toBe("false");
    expect(scene.upstream()).toEqual([]);
  });

  test("raises NotFoundError that names an unknown model", async () => {
    const { client } = scene.openai("codex", { prefix: "", key: scene.key });
    const error = await refusalOf(ask(client, streams, { ...HELLO, model: "no-such-model" }));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: "model_not_found", param: "model" });
    expect(error).toHaveProperty("message", expect.stringContaining("no-such-model"));
    expect(scene.upstream()).toEqual([]);
  });

  test("tries again by itself when the backend is overloaded", async () => {
    const { client } = scene.openai("codex", { maxRetries: 1 });
    scene.fakes.codex.script("error:503", "text");
    expect((await ask(client, streams, HELLO)).status).toBe("completed");
    expect(scene.upstream()).toHaveLength(2);
  });
});

describe("OpenAI's SDK and a response that Kleis aggregates", () => {
  test("has the items that the backend's last event left out", async () => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script("empty-output");
    const response = await ask(client, false, { ...HELLO, tools: TOOLS });
    expect(response.output.map(({ type }) => type)).toEqual(["reasoning", "message", "function_call"]);
    expect(response.output_text).toBe(`The fake ${MODEL} heard: Hello there`);
  });

  test.each([
    ["failed", 503, "server_is_overloaded"],
    ["error-then-failed", 503, "server_is_overloaded"],
    ["error-flat", 503, "server_is_overloaded"],
  ] as const)("is the error that the stream told of: %s", async (scenario, status, code) => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script(scenario);
    const error = await refusalOf(ask(client, false, HELLO));
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status, code, message: expect.stringContaining("busy") });
  });

  test("is an error when the stream broke off", async () => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script({ scenario: "text", cutAfterEvents: 5 });
    const error = await refusalOf(ask(client, false, HELLO));
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 502, code: "upstream_stream_incomplete" });
  });
});

describe("OpenAI's SDK on a stream of a ChatGPT plan", () => {
  test("accumulates it with the SDK's own helper, which relies on stable ids", async () => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script("reasoning-tool", "text");
    const { output } = await client.responses.stream({ ...HELLO, tools: TOOLS }).finalResponse();
    expect(output).toMatchObject([{ type: "reasoning" }, { type: "function_call", name: "read_file" }]);
    const pieces: string[] = [];
    const stream = client.responses.stream(HELLO);
    stream.on("response.output_text.delta", ({ delta }) => pieces.push(delta));
    const { output_text } = await stream.finalResponse();
    expect(output_text).toBe(`The fake ${MODEL} heard: Hello there`);
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join("")).toBe(output_text);
  });

  test("gets the events in order, numbered as the backend numbered them", async () => {
    const { client } = scene.openai("codex");
    const events = await all(await client.responses.create({ ...HELLO, stream: true }));
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, at) => at));
    expect(events[0]!.type).toBe("response.created");
    expect(events.at(-1)!.type).toBe("response.completed");
  });

  test("reads the failure that the backend's last event tells", async () => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script("failed");
    const events = await all(await client.responses.create({ ...HELLO, stream: true }));
    expect(events.at(-1)).toMatchObject({
      type: "response.failed",
      response: { status: "failed", error: { code: "server_is_overloaded", message: "busy" } },
    });
  });

  test.each(["error-then-failed", "error-flat"] as const)(
    "throws on %s with the backend's code",
    async (scenario) => {
      const { client } = scene.openai("codex");
      scene.fakes.codex.script(scenario);
      const error = await refusalOf(ask(client, true, HELLO));
      expect(error).toBeInstanceOf(OpenAI.APIError);
      expect(error).toMatchObject({ code: "server_is_overloaded", message: expect.stringContaining("busy") });
    },
  );

  test.each([
    ["the connection drops", { cutAfterEvents: 5, cut: "destroy" }],
    ["the stream simply ends", { cutAfterEvents: 5, cut: "end" }],
    ["the stream ends in the middle of an event", { cutAt: 1500, cut: "end" }],
  ] as const)("throws when %s, and never takes the part for the whole", async (_, delivery) => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script({ scenario: "text", ...delivery }, { scenario: "text", ...delivery });
    const error = await refusalOf(ask(client, true, HELLO));
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: "ECONNRESET" });
    const again = await refusalOf(client.responses.stream(HELLO).finalResponse());
    expect(again).toMatchObject({ code: "ECONNRESET" });
  });

  test("reads whole characters through pieces of one byte and CRLF", async () => {
    const { client } = scene.openai("codex");
    scene.fakes.codex.script({ scenario: "emoji", chunk: 1, newline: "\r\n" });
    const { output_text } = await client.responses.stream(HELLO).finalResponse();
    expect(output_text).toBe("Grüße 👩‍👩‍👧‍👦 aus 東京 🇯🇵 – “ok” 🧵");
  });
});

test("a chat request to a plan's model is answered in chat", async () => {
  const { client, wire } = scene.openai("codex");
  const messages = [{ role: "user" as const, content: "Hello there" }];
  const completion = await client.chat.completions.create({ model: MODEL, messages });
  expect(completion.choices[0]?.message.content).toContain("Hello there");
  expect(completion.usage?.total_tokens).toBeGreaterThan(0);
  expect(wire.changes()).toContain("translated:chat-responses");
});
