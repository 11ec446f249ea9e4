/** Compression: whatever the provider packs and whatever it says about it, the client gets plain bytes and true headers. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderEvents } from "../fakes/index.ts";
import { MESSAGES, RESPONSES } from "../fakes/inference.ts";
import type { AccountName } from "../support/accounts.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { ask, readAll, readUntil } from "./support/client.ts";
import { createTestApp, type TestApp } from "./support/test-app.ts";
import { bodyOf, drain, requestBody } from "./support/ways.ts";
import { concat, textOf, theOneEnd } from "./support/wire.ts";

const ASK = { model: "m", stream: true, tools: [], text: "", includeUsage: true };
const EVENTS = renderEvents(MESSAGES.play("emoji", ASK, {}).events);
const PLAIN = Buffer.concat(EVENTS);
const JSON_BODY = Buffer.from(
  JSON.stringify({
    id: "msg_1",
    type: "message",
    role: "assistant",
    content: [{ type: "text", text: "東京 🧵".repeat(500) }],
  }),
);
const ERROR_BODY = Buffer.from(
  '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}',
);

let kleis: TestApp;
beforeAll(async () => {
  kleis = await createTestApp();
});
afterAll(() => kleis.close());

/** How an answer may be packed and labelled. */
const LABELS: [string, (plain: Buffer) => Buffer, Record<string, string>][] = [
  ["plain", (plain) => plain, {}],
  ["packed and labelled", gzipSync, { "content-encoding": "gzip" }],
  ["packed without a label", gzipSync, {}],
  ["labelled but not packed", (plain) => plain, { "content-encoding": "gzip" }],
  ["packed and labelled as plain", gzipSync, { "content-encoding": "identity" }],
];

/** The bytes in pieces of a size, with an empty one before them. */
function piecesOf(bytes: Buffer, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [new Uint8Array(0)];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

async function answer(
  as: AccountName,
  stream: boolean,
  bytes: Buffer,
  size: number,
  headers: Record<string, string>,
  status = 200,
) {
  const type = stream && status === 200 ? "text/event-stream" : "application/json";
  kleis.serve(
    () =>
      new Response(bodyOf(piecesOf(bytes, size)), { status, headers: { "content-type": type, ...headers } }),
  );
  return kleis.post("/v1/messages", { ...requestBody("messages", "claude-sonnet-4-6"), stream }, { as });
}

describe.each(LABELS)("an answer that is %s", (_name, pack, headers) => {
  // One byte at a time also parts the two bytes by which gzip is known.
  test.each([1, 2, 7, 100_000])(
    "reaches the client plain and without a label, in pieces of %i bytes",
    async (size) => {
      for (const as of ["claude", "claudeKey"] as const) {
        const stream = await answer(as, true, pack(PLAIN), size, headers);
        expect(stream.headers.has("content-encoding")).toBe(false);
        expect(stream.headers.has("content-length")).toBe(false);
        expect(Buffer.from(concat(await drain(stream.body!))).equals(PLAIN)).toBe(true);

        const whole = await answer(as, false, pack(JSON_BODY), size, headers);
        expect(whole.headers.has("content-encoding")).toBe(false);
        expect(Buffer.from(await whole.arrayBuffer()).equals(JSON_BODY)).toBe(true);

        const refused = await answer(as, true, pack(ERROR_BODY), size, headers, 529);
        expect(refused.status).toBe(529);
        expect(refused.headers.has("content-encoding")).toBe(false);
        expect(Buffer.from(await refused.arrayBuffer()).equals(ERROR_BODY)).toBe(true);
      }
    },
  );
});

test("a packed stream that is cut at any byte ends with one error, or whole", async () => {
  const packed = gzipSync(PLAIN);
  for (let cut = 1; cut < packed.length; cut++) {
    const response = await answer("claudeKey", true, packed.subarray(0, cut), 64, {});
    const got = concat(await drain(response.body!));
    const end = theOneEnd("messages", got);
    const events = textOf(got).replace(/event: error\n.*\n\n$/, "");
    expect(PLAIN.toString().startsWith(events), `cut at ${cut}`).toBe(true);
    expect(end === "success", `cut at ${cut}`).toBe(events === PLAIN.toString());
  }
});

describe("through the real Node server", () => {
  let door: Door;
  let key: string;
  beforeAll(async () => {
    door = await openDoor();
    await connectAll(door);
    key = await door.key();
  });
  afterAll(() => door.close());

  test.each(["labelled", "unlabelled"] as const)(
    "%s gzip, streamed or not, in small pieces",
    async (gzip) => {
      for (const stream of [true, false]) {
        for (const [path, model, fake] of [
          ["/v1/messages", "claude-sonnet-4-6", door.fakes.claude],
          ["/v1/responses", "gpt-5.5", door.fakes.codex],
          ["/copilot/v1/chat/completions", "gpt-5-mini", door.fakes.copilot],
        ] as const) {
          fake.script({ scenario: "emoji", gzip, chunk: 11, text: "x" });
          const protocol = path.endsWith("messages")
            ? "messages"
            : path.endsWith("responses")
              ? "responses"
              : "chat";
          const response = await ask(door.url + path, key, { ...requestBody(protocol, model), stream })
            .answered;
          const { text, complete } = await readAll(response);
          expect([response.statusCode, complete]).toEqual([200, true]);
          expect(response.headers["content-encoding"]).toBeUndefined();
          if (stream) expect(theOneEnd(protocol, Buffer.from(text))).toBe("success");
          else expect(JSON.stringify(JSON.parse(text))).toContain("東京");
        }
      }
    },
  );

  test("a packed stream is passed on event by event, as the provider flushes it", async () => {
    const { createGzip, constants } = await import("node:zlib");
    const events = renderEvents(RESPONSES.play("text", ASK, {}).events);
    door.fakes.codex.script({
      raw: async (res) => {
        res.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
        const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
        gzip.pipe(res);
        gzip.write(events[0]);
      },
    });
    const client = ask(`${door.url}/v1/responses`, key, requestBody("responses", "gpt-5.5"));
    expect(await readUntil(await client.answered, "\n\n")).toBe(events[0]?.toString());
    client.leave();
  });
});
