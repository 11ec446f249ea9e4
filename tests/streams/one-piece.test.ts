/** Answers in one piece, and what is called one: their silence has an end, and they are taken for what they are. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AccountName } from "../support/accounts.ts";
import { createTestApp, type TestApp } from "./support/test-app.ts";
import { parse } from "./support/vendors.ts";
import { bodyOf, drain, eventStream, requestBody } from "./support/ways.ts";
import { concat, textOf, theOneEnd, utf8 } from "./support/wire.ts";

const IDLE_MS = 100_000;
const JSON_TYPE = { "content-type": "application/json" };

let kleis: TestApp;
beforeAll(async () => {
  kleis = await createTestApp({
    env: { KLEIS_IDLE_TIMEOUT_MS: String(IDLE_MS), KLEIS_CLIENT_STALL_MS: "9000000" },
  });
});
afterAll(() => kleis.close());

/** What comes of a body that says so much and then nothing, once the limit has passed. */
async function stalled(body: string, status: number, path: string, as: AccountName, asked: object) {
  kleis.serve(() => new Response(bodyOf([utf8(body)], "open"), { status, headers: JSON_TYPE }));
  const before = kleis.sent.length;
  const answered = kleis.post(path, asked, { as });
  while (kleis.sent.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
  await kleis.clock.advance(0);
  const reading = answered.then(async (response) => ({
    status: response.status,
    text: await response.text().catch(() => "broken off"),
  }));
  await kleis.clock.advance(IDLE_MS - 1);
  expect(kleis.sent.at(-1)?.signal?.aborted).toBe(false);
  await kleis.clock.advance(1);
  const got = await reading;
  expect(kleis.sent.at(-1)?.signal?.aborted).toBe(true);
  return { ...got, log: kleis.logs.at(-1) };
}

const MESSAGE = { model: "claude-sonnet-4-6", max_tokens: 5, messages: [] };
const TOOLS = { tools: [{ name: "lookup", input_schema: { type: "object" } }] };
const CHAT = { model: "gpt-5-mini", messages: [{ role: "user", content: "x" }] };

describe("a provider that falls silent inside an answer is given up after the idle limit", () => {
  test.each<[string, number, string, AccountName, object]>([
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
    ["JSON instead of a stream", 200, "/v1/responses", "openaiKey", requestBody("responses", "gpt-5.5")],
  ])("with words, where the client has been told nothing yet: %s", async (_what, status, path, as, asked) => {
    const begun = _what === "what should be a stream" ? " " : '{"error":';
    const got = await stalled(begun, status, path, as, asked);
    expect(got.status).toBe(504);
    expect(got.text).toContain("sent nothing for 100 seconds");
    expect(got.log).toMatchObject({ status: 504, code: "upstream_timeout" });
  });

  test.each<[string, number, string, AccountName, object]>([
    ["an answer", 200, "/v1/messages", "claudeKey", MESSAGE],
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

  test.each<[string, number, string, AccountName, object]>([
    ["Copilot", 429, "/copilot/v1/chat/completions", "copilot", CHAT],
    ["the Codex backend", 429, "/v1/responses", "codex", requestBody("responses", "gpt-5.5")],
    ["OpenAI's API", 500, "/v1/responses", "openaiKey", { model: "gpt-5.5", input: "x" }],
    ["Claude", 529, "/v1/messages", "claudeKey", MESSAGE],
  ])(
    "but an error's body is waited for 10 s only: its status stands (%s)",
    async (_what, status, path, as, asked) => {
      kleis.serve(() => new Response(bodyOf([utf8('{"error":')], "open"), { status, headers: JSON_TYPE }));
      const before = kleis.sent.length;
      const answered = kleis.post(path, asked, { as });
      while (kleis.sent.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
      await kleis.clock.advance(10_000);
      const response = await answered;
      expect(response.status).toBe(status);
      expect((await response.json()).error.message).toContain(`answered ${status}`);
      expect(kleis.sent.at(-1)?.signal?.aborted).toBe(true);
      expect(kleis.logs.at(-1)).toMatchObject({ status, outcome: "provider_error" });
    },
  );

  test("and so is that of a late one, as an error event where the client has its 200", async () => {
    kleis.serve(async () => {
      await kleis.clock.sleep(50_000);
      return new Response(bodyOf([utf8('{"error":')], "open"), { status: 500, headers: JSON_TYPE });
    });
    const before = kleis.sent.length;
    const answered = kleis.post("/v1/messages", { ...MESSAGE, stream: true }, { as: "claudeKey" });
    while (kleis.sent.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
    await kleis.clock.advance(45_000);
    const reading = drain((await answered).body!);
    await kleis.clock.advance(15_000);
    const got = concat(await reading);
    expect(theOneEnd("messages", got)).toBe("error");
    expect(textOf(got)).toContain("answered 500");
  });

  test("but a client that reads slowly is not the provider's silence", async () => {
    kleis.serve(() => new Response(bodyOf([utf8('{"a":'), utf8("1}")]), { headers: JSON_TYPE }));
    const response = await kleis.post("/v1/messages", MESSAGE, { as: "claudeKey" });
    const reader = response.body!.getReader();
    await reader.read();
    await kleis.clock.advance(10 * IDLE_MS);
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

  const asked = async (pieces: string[], type: string, as: AccountName, body: object) => {
    await kleis.uncool();
    kleis.serve(() => new Response(bodyOf(pieces.map(utf8)), { headers: { "content-type": type } }));
    const response = await kleis.post("/v1/responses", body, { as });
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

  const LABELS = ["application/json", "text/event-stream", "text/plain", "application/octet-stream", ""];

  test.each(
    LABELS.flatMap((label) =>
      [
        ["", '{"id":"r", "n":1.0}'],
        ["behind spaces and a byte order mark", '\ufeff \n {"id":"r"}'],
        ["a list", "[ 1 ]"],
        ["with an error that is null", '{"id":"r","error":null}'],
      ].map(([how = "", json = ""]) => [label, how, json] as const),
    ),
  )("JSON labelled “%s” never reaches a client that reads events: %s", async (label, _how, json) => {
    const got = await asked([json], label, "openaiKey", streaming);
    if (label === "text/event-stream") {
      expect(got.status).toBe(200);
      expect(theOneEnd("responses", utf8(got.text))).toBe("error");
    } else {
      expect(got.status).toBe(502);
      expect(JSON.parse(got.text)).toMatchObject({ error: { code: "upstream_invalid_response" } });
    }
    expect(got.text).not.toContain('"n":1.0');
  });

  const ERRORS = [
    [429, { error: { type: "usage_limit_reached", message: "used up", resets_in_seconds: 9000 } }],
    [400, { error: { type: "invalid_request_error", message: "used up" } }],
    [503, { type: "error", error: { type: "overloaded_error", message: "used up" } }],
    [502, { error: { message: "used up" } }],
  ] as const;

  test.each(ERRORS.flatMap(([status, error]) => LABELS.map((label) => [status, label, error] as const)))(
    "an error under a 200 is one, with a status (%i) where nothing was said yet: “%s”",
    async (status, label, error) => {
      const got = await asked([JSON.stringify(error)], label, "openaiKey", streaming);
      if (label === "text/event-stream") {
        expect(got.status).toBe(200);
        expect(theOneEnd("responses", utf8(got.text))).toBe("error");
      } else {
        expect(got.status).toBe(status);
        expect(JSON.parse(got.text)).toMatchObject({
          error: { message: expect.stringContaining("used up") },
        });
      }
      expect(got.text).toContain("used up");
      // And to a client that does not stream.
      const plain = await asked([JSON.stringify(error)], label, "openaiKey", whole);
      expect(plain.status).toBe(status);
    },
  );

  test.each(["text/event-stream", "text/plain", "application/json", ""])(
    "events labelled “%s” never reach a client that reads JSON",
    async (label) => {
      const got = await asked([CREATED + DONE], label, "openaiKey", whole);
      expect(got.status).toBe(502);
      expect(JSON.parse(got.text)).toMatchObject({ error: { code: "upstream_invalid_response" } });
    },
  );

  test("JSON that is labelled a stream is the answer of a client that does not stream", async () => {
    const json = '{"id":"r", "object":"response","n":1.0}';
    const got = await asked([json], "text/event-stream", "codex", whole);
    expect(got).toEqual({ status: 200, type: "application/json", text: json });
  });

  test("and an error for one that streams: its SDK would read nothing in it, and end well", async () => {
    const json = utf8('{"id":"r","object":"response"}');
    expect(await parse("responses", json)).toEqual({ events: [], error: null });
    kleis.serve(() => eventStream(bodyOf([json])));
    const response = await kleis.post("/v1/responses", streaming, { as: "openaiKey" });
    expect(theOneEnd("responses", new Uint8Array(await response.arrayBuffer()))).toBe("error");
  });
});

describe("a body that is packed though plain bytes were asked for", () => {
  const EVENTS =
    'event: response.created\ndata: {"type":"response.created","response":{"id":"r"}}\n\n' +
    'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}\n\n';
  const JSON_TEXT = '{"id":"r","object":"response","output":[],"status":"completed"}';

  const PACKED: readonly (readonly [string, (text: string) => Uint8Array<ArrayBuffer>])[] = [
    ["gzip", (text) => new Uint8Array(gzipSync(text))],
    ["x-gzip", (text) => new Uint8Array(gzipSync(text))],
    ["deflate", (text) => new Uint8Array(deflateSync(text))],
    ["deflate", (text) => new Uint8Array(deflateRawSync(text))],
    ["br", (text) => new Uint8Array(brotliCompressSync(text))],
    ["BR", (text) => new Uint8Array(brotliCompressSync(text))],
    ["identity", (text) => utf8(text)],
    ["gzip", (text) => utf8(text)],
    ["br", (text) => utf8(text)],
    ["zstd", (text) => utf8(text)],
  ];

  const answered = async (
    coding: string,
    bytes: Uint8Array<ArrayBuffer>,
    type: string,
    body: object,
    status = 200,
  ) => {
    const headers = { "content-type": type, "content-encoding": coding };
    const pieces = [bytes.subarray(0, 3), bytes.subarray(3)];
    kleis.serve(() => new Response(bodyOf(pieces), { status, headers }));
    const response = await kleis.post("/v1/responses", body, { as: "openaiKey" });
    expect(response.headers.has("content-encoding")).toBe(false);
    return { status: response.status, text: await response.text() };
  };

  test.each(PACKED)(
    "%s is unpacked, or plain under its label: a stream, an answer, an error",
    async (coding, pack) => {
      expect(
        await answered(coding, pack(EVENTS), "text/event-stream", requestBody("responses", "gpt-5.5")),
      ).toEqual({
        status: 200,
        text: EVENTS,
      });
      const whole = { model: "gpt-5.5", input: "x" };
      expect(await answered(coding, pack(JSON_TEXT), "application/json", whole)).toEqual({
        status: 200,
        text: JSON_TEXT,
      });
      const error = JSON.stringify({ error: { message: "no", type: "invalid_request_error" } });
      expect(await answered(coding, pack(error), "application/json", whole, 400)).toEqual({
        status: 400,
        text: error,
      });
    },
  );

  test.each(["compress", "gzip, br", "snappy", "<script>", "zstd"])(
    "%s that cannot be unpacked is refused in words, and an error keeps its status",
    async (coding) => {
      const bytes = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3, 4]);
      for (const body of [requestBody("responses", "gpt-5.5"), { model: "gpt-5.5", input: "x" }]) {
        const got = await answered(coding, bytes, "text/event-stream", body);
        expect(got.status).toBe(502);
        expect(got.text).toContain("cannot be decompressed");
        expect(got.text).not.toContain("<script>");
        const refused = await answered(coding, bytes, "application/json", body, 418);
        expect(refused.status).toBe(418);
        expect(JSON.parse(refused.text).error.message).toContain("418");
      }
    },
  );
});
