/** Answers in one piece, and what is called one: their silence has an end, and they are taken for what they are. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { VirtualClock } from "../support/virtual-clock.ts";
import { type House, type HouseAccount, openHouse } from "./support/house.ts";
import { parse } from "./support/vendors.ts";
import { bodyOf, drain, eventStream, requestBody } from "./support/ways.ts";
import { concat, textOf, theOneEnd, utf8 } from "./support/wire.ts";

const IDLE_MS = 100_000;
const JSON_TYPE = { "content-type": "application/json" };

let house: House<VirtualClock>;
beforeAll(async () => {
  house = await openHouse({
    env: { KLEIS_IDLE_TIMEOUT_MS: String(IDLE_MS), KLEIS_CLIENT_STALL_MS: "9000000" },
  });
});
afterAll(() => house.close());

/** What comes of a body that says so much and then nothing, once the limit has passed. */
async function stalled(body: string, status: number, path: string, as: HouseAccount, asked: object) {
  house.serve(() => new Response(bodyOf([utf8(body)], "open"), { status, headers: JSON_TYPE }));
  const before = house.sent.length;
  const answered = house.post(path, asked, { as });
  while (house.sent.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
  await house.clock.advance(0);
  const reading = answered.then(async (response) => ({
    status: response.status,
    text: await response.text().catch(() => "broken off"),
  }));
  await house.clock.advance(IDLE_MS - 1);
  expect(house.sent.at(-1)?.signal?.aborted).toBe(false);
  await house.clock.advance(1);
  const got = await reading;
  expect(house.sent.at(-1)?.signal?.aborted).toBe(true);
  return { ...got, log: house.logs.at(-1) };
}

const MESSAGE = { model: "claude-sonnet-4-6", max_tokens: 5, messages: [] };
const TOOLS = { tools: [{ name: "lookup", input_schema: { type: "object" } }] };
const CHAT = { model: "gpt-5-mini", messages: [{ role: "user", content: "x" }] };

describe("a provider that falls silent inside an answer is given up after the idle limit", () => {
  test.each<[string, number, string, HouseAccount, object]>([
    ["an answer whose tool names are put back", 200, "/v1/messages", "claude", { ...MESSAGE, ...TOOLS }],
    [
      "an answer whose model is put back",
      200,
      "/v1/messages",
      "claudeKey",
      { ...MESSAGE, model: "claude/claude-sonnet-4-6" },
    ],
    ["an answer that is folded", 200, "/copilot/v1/chat/completions", "copilot", CHAT],
    ["what should be a stream", 200, "/v1/responses", "openaiKey", requestBody("responses", "gpt-5.5")],
  ])("with words, where the client has been told nothing yet: %s", async (_what, status, path, as, asked) => {
    const got = await stalled(as === "openaiKey" ? " " : '{"error":', status, path, as, asked);
    expect(got.status).toBe(504);
    expect(got.text).toContain("sent nothing for 100 seconds");
    expect(got.log).toMatchObject({ status: 504, code: "upstream_timeout" });
  });

  test.each<[string, number, string, HouseAccount, object]>([
    ["an answer", 200, "/v1/messages", "claudeKey", MESSAGE],
    [
      "an answer to a streaming request",
      200,
      "/v1/responses",
      "openaiKey",
      requestBody("responses", "gpt-5.5"),
    ],
    [
      "a count of tokens",
      200,
      "/v1/messages/count_tokens",
      "claudeKey",
      { model: MESSAGE.model, messages: [] },
    ],
  ])("and broken off where it has begun: %s", async (_what, status, path, as, asked) => {
    const got = await stalled('{"error":', status, path, as, asked);
    expect(got).toMatchObject({ status, text: "broken off", log: { status, outcome: "idle" } });
  });

  test.each<[string, number, string, HouseAccount, object]>([
    ["Copilot", 429, "/copilot/v1/chat/completions", "copilot", CHAT],
    ["the Codex backend", 429, "/v1/responses", "codex", requestBody("responses", "gpt-5.5")],
    ["OpenAI's API", 500, "/v1/responses", "openaiKey", { model: "gpt-5.5", input: "x" }],
    ["Claude", 529, "/v1/messages", "claudeKey", MESSAGE],
  ])(
    "but an error's body is waited for 10 s only: its status stands (%s)",
    async (_what, status, path, as, asked) => {
      house.serve(() => new Response(bodyOf([utf8('{"error":')], "open"), { status, headers: JSON_TYPE }));
      const before = house.sent.length;
      const answered = house.post(path, asked, { as });
      while (house.sent.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
      await house.clock.advance(10_000);
      const response = await answered;
      expect(response.status).toBe(status);
      expect((await response.json()).error.message).toContain(`answered ${status}`);
      expect(house.sent.at(-1)?.signal?.aborted).toBe(true);
      expect(house.logs.at(-1)).toMatchObject({ status, outcome: "provider_error" });
    },
  );

  test("and so is that of a late one, as an error event where the client has its 200", async () => {
    house.serve(async () => {
      await house.clock.sleep(50_000);
      return new Response(bodyOf([utf8('{"error":')], "open"), { status: 500, headers: JSON_TYPE });
    });
    const before = house.sent.length;
    const answered = house.post("/v1/messages", { ...MESSAGE, stream: true }, { as: "claudeKey" });
    while (house.sent.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
    await house.clock.advance(45_000);
    const reading = drain((await answered).body!);
    await house.clock.advance(15_000);
    const got = concat(await reading);
    expect(theOneEnd("messages", got)).toBe("error");
    expect(textOf(got)).toContain("answered 500");
  });

  test("but a client that reads slowly is not the provider's silence", async () => {
    house.serve(() => new Response(bodyOf([utf8('{"a":'), utf8("1}")]), { headers: JSON_TYPE }));
    const response = await house.post("/v1/messages", MESSAGE, { as: "claudeKey" });
    const reader = response.body!.getReader();
    await reader.read();
    await house.clock.advance(10 * IDLE_MS);
    expect(textOf((await reader.read()).value!)).toBe("1}");
    expect((await reader.read()).done).toBe(true);
  });
});

describe("the beginning of a body says what it is, where its label may be wrong", () => {
  const CREATED = 'event: response.created\ndata: {"type":"response.created","response":{"id":"r"}}\n\n';
  const DONE =
    'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}\n\n';
  const streaming = requestBody("responses", "gpt-5.5");
  const whole = { model: "gpt-5.5", input: "x" };

  const asked = async (pieces: string[], type: string, as: HouseAccount, body: object) => {
    house.serve(() => new Response(bodyOf(pieces.map(utf8)), { headers: { "content-type": type } }));
    const response = await house.post("/v1/responses", body, { as });
    return {
      type: response.headers.get("content-type"),
      status: response.status,
      text: await response.text(),
    };
  };

  test.each([
    ["as it came", [CREATED, DONE], "application/json"],
    ["behind a comment", [": hi\n\n", CREATED + DONE], "application/json; charset=utf-8"],
    ["behind empty lines, in small pieces", ["\n", "\r\n", "\n", ...CREATED, ...DONE], "application/json"],
  ])("an event stream that is labelled JSON is one: %s", async (_how, pieces, type) => {
    for (const as of ["openaiKey", "codex"] as const) {
      const got = await asked(pieces, type, as, streaming);
      expect(got.type).toBe("text/event-stream; charset=utf-8");
      expect(got.text).toBe(pieces.join(""));
    }
  });

  test("and when it is cut it ends with its error event", async () => {
    const { text } = await asked([CREATED], "application/json", "openaiKey", streaming);
    expect(text.startsWith(CREATED)).toBe(true);
    expect(theOneEnd("responses", utf8(text))).toBe("error");
  });

  test("it is read as one for a client that does not stream", async () => {
    const { text, status } = await asked([CREATED, DONE], "application/json", "codex", whole);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({ id: "r", status: "completed", output: [] });
  });

  test.each([
    ["", '{"id":"r", "n":1.0}'],
    ["behind spaces and a byte order mark", '\ufeff \n {"id":"r"}'],
    ["a list", "[ 1 ]"],
  ])("JSON in answer to a streaming request stays what it is, as it comes: %s", async (_how, json) => {
    let gave = 0;
    const pieces = [...json].map(utf8);
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull(controller) {
          const piece = pieces[gave++];
          if (piece === undefined) controller.close();
          else controller.enqueue(piece);
        },
      },
      { highWaterMark: 0 },
    );
    house.serve(() => new Response(body, { headers: JSON_TYPE }));
    const response = await house.post("/v1/responses", streaming, { as: "openaiKey" });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(gave).toBeLessThan(pieces.length);
    expect(Buffer.from(await response.arrayBuffer()).toString()).toBe(json);
  });

  test("JSON that is labelled a stream is the answer of a client that does not stream", async () => {
    const json = '{"id":"r", "object":"response","n":1.0}';
    const got = await asked([json], "text/event-stream", "codex", whole);
    expect(got).toEqual({ status: 200, type: "application/json", text: json });
  });

  test("and an error for one that streams: its SDK would read nothing in it, and end well", async () => {
    const json = utf8('{"id":"r","object":"response"}');
    expect(await parse("responses", json)).toEqual({ events: [], error: null });
    house.serve(() => eventStream(bodyOf([json])));
    const response = await house.post("/v1/responses", streaming, { as: "openaiKey" });
    expect(theOneEnd("responses", new Uint8Array(await response.arrayBuffer()))).toBe("error");
  });
});
