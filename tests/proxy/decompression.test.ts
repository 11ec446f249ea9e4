/**
 * A provider's packed answer costs no more than an answer may: one that unpacks to far more than came ends with an error
 * in words, whatever kind of answer it is, and others have their turn while one is unpacked. An error that is too large
 * keeps its status and says what its beginning says.
 */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ByteSource } from "../../src/bytes.ts";
import { decompressWithin } from "../../src/proxy/stream/decompress.ts";
import { createTestApp, type TestApp } from "../streams/support/test-app.ts";
import { requestBody, type StreamProtocol } from "../streams/support/ways.ts";
import { theOneEnd } from "../streams/support/wire.ts";
import type { AccountName } from "../support/accounts.ts";

const MIB = 1024 * 1024;

let kleis: TestApp;
beforeAll(async () => {
  kleis = await createTestApp();
});
afterAll(() => kleis.close());

/** Packs so that few bytes hold much. `label`: what the answer says of it. */
const CODINGS: Record<string, { pack: (plain: Buffer) => Buffer; label: string }> = {
  gzip: { pack: (plain) => gzipSync(plain, { level: 9 }), label: "gzip" },
  "gzip without a label": { pack: (plain) => gzipSync(plain, { level: 9 }), label: "" },
  deflate: { pack: (plain) => deflateSync(plain, { level: 9 }), label: "deflate" },
  br: { pack: (plain) => brotliCompressSync(plain), label: "br" },
};

const pings = (text: string) => Buffer.from(text.repeat(Math.ceil((3 * MIB) / text.length)));
const json = (start: string) => Buffer.from(`${start}${"a".repeat(3 * MIB)}"}`);
const MESSAGES_BOMB = pings('event: ping\ndata: {"type": "ping"}\n\n');
const RESPONSES_BOMB = pings(
  'event: response.in_progress\ndata: {"type":"response.in_progress","response":{}}\n\n',
);
const ERROR_BOMB = json('{"type":"error","error":{"type":"overloaded_error","message":"Too busy: ');

interface Kind {
  readonly as: AccountName;
  readonly protocol: StreamProtocol;
  readonly path: string;
  readonly model: string;
  readonly stream: boolean;
  readonly body: Buffer;
  readonly type: string;
}

const EVENTS = "text/event-stream";
const JSON_TYPE = "application/json";
const MESSAGES = { protocol: "messages", path: "/v1/messages", model: "claude-sonnet-4-6" } as const;
const RESPONSES = { protocol: "responses", path: "/v1/responses", model: "gpt-5.5" } as const;
const CHAT = { protocol: "chat", path: "/copilot/v1/chat/completions", model: "gpt-5-mini" } as const;

const STREAMS: Record<string, Kind> = {
  messages: { ...MESSAGES, as: "claudeKey", stream: true, body: MESSAGES_BOMB, type: EVENTS },
  responses: { ...RESPONSES, as: "codex", stream: true, body: RESPONSES_BOMB, type: EVENTS },
  "responses without a label": { ...RESPONSES, as: "codex", stream: true, body: RESPONSES_BOMB, type: "" },
};
/** Answers that are read before they are passed on. */
const READ: Record<string, Kind> = {
  gathered: { ...RESPONSES, as: "codex", stream: false, body: RESPONSES_BOMB, type: EVENTS },
  changed: { ...CHAT, as: "copilot", stream: false, body: json('{"id":"'), type: JSON_TYPE },
};

async function answered(kind: Kind, coding: keyof typeof CODINGS, status = 200): Promise<Response> {
  const { pack, label } = CODINGS[coding]!;
  const headers = { "content-type": kind.type, ...(label === "" ? {} : { "content-encoding": label }) };
  const packed = new Uint8Array(pack(kind.body));
  kleis.serve(() => new Response(packed, { status, headers }));
  const body = { ...requestBody(kind.protocol, kind.model), stream: kind.stream };
  return kleis.post(kind.path, body, { as: kind.as });
}

const each = (kinds: Record<string, Kind>) =>
  Object.entries(kinds).flatMap(([name, kind]) =>
    Object.keys(CODINGS).map((coding) => ({ name, kind, coding })),
  );

describe("a response that expands too far", () => {
  test.each(each(STREAMS))("as a stream ($name, $coding) ends with an error", async ({ kind, coding }) => {
    const response = await answered(kind, coding);
    expect(response.status).toBe(200);
    const got = Buffer.from(await response.arrayBuffer());
    expect(theOneEnd(kind.protocol, got)).toBe("error");
    expect(got.subarray(-2000).toString()).toContain("decompresses to more than 200 times its size");
    expect(kleis.logs.at(-1)).toMatchObject({ outcome: "too_large" });
  });

  test.each(each(READ))("as a body that is $name ($coding) becomes an error", async ({ kind, coding }) => {
    const response = await answered(kind, coding);
    const text = await response.text();
    expect([response.status, text]).toEqual([
      502,
      expect.stringContaining("decompresses to more than 200 times"),
    ]);
  });

  test.each(Object.keys(CODINGS))("passed as it came (%s), aborts the connection", async (coding) => {
    const kind: Kind = {
      ...MESSAGES,
      as: "claudeKey",
      stream: false,
      body: json('{"id":"'),
      type: JSON_TYPE,
    };
    const response = await answered(kind, coding);
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect(kleis.logs.at(-1)).toMatchObject({ outcome: "too_large" });
  });

  test.each(Object.keys(CODINGS))(
    "as an error (%s) keeps its status and the beginning of its message",
    async (coding) => {
      for (const stream of [true, false]) {
        const kind: Kind = { ...MESSAGES, as: "claudeKey", stream, body: ERROR_BOMB, type: JSON_TYPE };
        const response = await answered(kind, coding, 529);
        expect(response.status).toBe(529);
        expect(await response.json()).toMatchObject({
          type: "error",
          error: { type: "overloaded_error", message: expect.stringMatching(/^Too busy: a+$/) },
        });
      }
    },
  );
});

describe("an error of more than a MiB", () => {
  const LONG = "y".repeat(2 * MIB);
  const words = expect.stringMatching(/^Busy "now"\nagain/);
  test.each([
    ["an object", `{"error":{"code":"busy","message":"Busy \\"now\\"\\nagain ${LONG}"}}`, words],
    ["an object with more behind its words", `{"message":"Busy \\"now\\"\\nagain","trace":"${LONG}"}`, words],
    ["plain text", `Busy "now"\nagain ${LONG}`, words],
    ["a web page", `<!doctype html><title>Busy</title>${LONG}`, expect.stringContaining("503")],
    ["no words at all", `{"trace":"${LONG}"}`, expect.stringContaining("503")],
  ])(
    "that is %s keeps its status and says its beginning in the route's shape",
    async (_name, body, message) => {
      for (const [kind, as] of [
        [MESSAGES, "claudeKey"],
        [RESPONSES, "codex"],
        [CHAT, "copilot"],
      ] as const) {
        kleis.serve(() => new Response(body, { status: 503 }));
        const response = await kleis.post(kind.path, requestBody(kind.protocol, kind.model), { as });
        const text = await response.text();
        expect(response.status).toBe(503);
        expect(text.length).toBeLessThan(10_000);
        expect(JSON.parse(text)).toMatchObject({ error: { message } });
      }
    },
  );
});

test("other requests are served while a body that arrived at once is decompressed", async () => {
  let left = 64;
  const piece = new Uint8Array(128 * 1024);
  const packed: ByteSource = {
    read: async () => (left-- > 0 ? { done: false, value: piece } : { done: true }),
    cancel: async () => {},
  };
  const clock = { sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };
  const source = decompressWithin(packed, (stream) => stream, clock);
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  while (!(await source.read()).done);
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(7);
});
