/** Clients that leave or read slowly, and providers that break, linger or fall silent, through the real Node door. */
import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { RecordedRequest } from "../fakes/index.ts";
import { renderEvents } from "../fakes/index.ts";
import { MESSAGES } from "../fakes/inference.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { ask, pause, readAll, readUntil } from "./support/client.ts";
import { requestBody } from "./support/ways.ts";

let door: Door;
let key: string;
beforeAll(async () => {
  door = await openDoor({ env: { LOG_LEVEL: "info", KLEIS_IDLE_TIMEOUT_MS: "600000" } });
  await connectAll(door);
  key = await door.key();
});
afterAll(() => door.close());

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

/** The line of the request log, once it is there. */
async function logged(): Promise<Record<string, unknown>> {
  const line = await vi.waitUntil(() => lines.find((text) => text.includes('"event":"request"')), {
    timeout: 20_000,
    interval: 5,
  });
  return JSON.parse(line);
}

interface Route {
  name: string;
  path: string;
  body: object;
  fake: () => {
    arrived(n: number): Promise<RecordedRequest>;
    inference: RecordedRequest[];
    script: (...scenarios: never[]) => void;
  };
}

const ROUTES: Route[] = [
  {
    name: "Claude",
    path: "/v1/messages",
    body: requestBody("messages", "claude-sonnet-4-6"),
    fake: () => door.fakes.claude,
  },
  {
    name: "Codex",
    path: "/v1/responses",
    body: requestBody("responses", "gpt-5.5"),
    fake: () => door.fakes.codex,
  },
  {
    name: "Copilot",
    path: "/copilot/v1/chat/completions",
    body: requestBody("chat", "gpt-5-mini"),
    fake: () => door.fakes.copilot,
  },
];

/** Longer than a test may take: what waits for the provider instead of acting by itself never gets there. */
const NEVER_MS = 120_000;
const NOTHING = { model: "m", stream: true, tools: [], text: "", includeUsage: true };

describe("a client that leaves closes the provider's connection, though the provider has nothing to say", () => {
  const cases = ROUTES.flatMap(({ name }, at) =>
    [
      ["while the provider has not answered", { headersAfterMs: NEVER_MS }, true],
      ["in the middle of the stream", { silenceMs: NEVER_MS }, true],
      ["without streaming, while the provider has not answered", { headersAfterMs: NEVER_MS }, false],
      ["without streaming, in the middle of the answer", { silenceMs: NEVER_MS, chunk: 50 }, false],
    ].map(([when, delivery, stream]) => [`${name}: ${when}`, at, delivery, stream] as const),
  );

  test.each(cases)("%s", async (_name, at, delivery, stream) => {
    const { path, body, fake } = ROUTES[at]!;
    const from = fake().inference.length;
    fake().script({ scenario: "text", ...(delivery as object) } as never);
    const client = ask(door.url + path, key, { ...body, stream });
    const request = await fake().arrived(from + 1);
    // To have got as far as the case says; it holds at any moment.
    await pause(30);
    client.leave();
    await request.closed;
    expect(request.aborted).toBe(true);
    expect(await logged()).toMatchObject({ outcome: "client_left" });
  });
});

describe("a provider that does not hang up", () => {
  test.each(ROUTES)(
    "$name: after the last event the client's answer ends and the connection is let go",
    async ({ path, body, fake }) => {
      const from = fake().inference.length;
      fake().script({ scenario: "text", keepOpen: true } as never);
      const client = ask(door.url + path, key, body);
      const request = await fake().arrived(from + 1);
      const { complete, text } = await readAll(await client.answered);
      expect(complete).toBe(true);
      expect(text).not.toContain("upstream_stream_incomplete");
      await request.closed;
      expect(await logged()).toMatchObject({ outcome: "complete", status: 200 });
    },
  );

  test.each([
    ["Claude", 0, "message_stop"],
    ["Codex", 1, '"type":"response.completed"'],
    ["Copilot", 2, "[DONE]"],
  ] as const)(
    "%s: a client that hangs up right after the last event has had its answer",
    async (_name, at, last) => {
      const { path, body, fake } = ROUTES[at]!;
      const from = fake().inference.length;
      fake().script({ scenario: "text", keepOpen: true } as never);
      const client = ask(door.url + path, key, body);
      await readUntil(await client.answered, last);
      client.leave();
      await (await fake().arrived(from + 1)).closed;
      expect(await logged()).toMatchObject({ outcome: "complete", status: 200 });
    },
  );

  test("but says nothing for the idle limit is given up with an error", async () => {
    const impatient = await openDoor({
      fakes: door.fakes,
      env: { KLEIS_IDLE_TIMEOUT_MS: "300" },
      folder: door.folder,
    });
    const from = door.fakes.claude.inference.length;
    door.fakes.claude.script({ scenario: "text", silenceMs: 20_000 });
    const client = ask(`${impatient.url}/v1/messages`, key, ROUTES[0]!.body);
    const { text, complete } = await readAll(await client.answered);
    expect(complete).toBe(true);
    expect(text).toMatch(
      /^event: message_start\n.*\n\nevent: error\ndata: .*sent nothing for 0 seconds.*\n\n$/,
    );
    await (await door.fakes.claude.arrived(from + 1)).closed;
    const closing = impatient.restart().then((again) => again);
    await (await closing).admin("GET", "/admin/keys");
  });
});

describe("events travel as they come", () => {
  test("and the head before them, as soon as the provider has given its own", async () => {
    door.fakes.claude.script({
      raw: (res: ServerResponse) =>
        void res
          .writeHead(200, { "content-type": "text/event-stream", "request-id": "req_up" })
          .flushHeaders(),
    });
    const client = ask(`${door.url}/v1/messages`, key, ROUTES[0]!.body);
    const { statusCode, headers } = await client.answered;
    expect([statusCode, headers["request-id"], headers["content-type"]]).toEqual([
      200,
      "req_up",
      "text/event-stream; charset=utf-8",
    ]);
    client.leave();
  });

  test.each(ROUTES)(
    "$name: the first is with the client while the provider still thinks about the second",
    async ({ path, body, fake }) => {
      fake().script({ scenario: "text", silenceMs: NEVER_MS } as never);
      const client = ask(door.url + path, key, body);
      await readUntil(await client.answered, "\n\n");
      client.leave();
    },
  );

  test("what came before a connection broke reaches a client that reads late", async () => {
    const from = door.fakes.claude.inference.length;
    const [start, open] = MESSAGES.play("text", NOTHING, {}).events;
    const delta = JSON.stringify({
      type: "content_block_delta",
      index: 0,
      delta: { type: "text_delta", text: "x".repeat(8_000) },
    });
    const block = Buffer.from(`event: content_block_delta\ndata: ${delta}\n\n`);
    let taken = 0;
    door.fakes.claude.script({
      raw: async (res: ServerResponse) => {
        res.writeHead(200, { "content-type": "text/event-stream" });
        for (const event of renderEvents([start!, open!])) res.write(event);
        // As much as all the buffers on the way take, and then a broken connection.
        for (let stuck = false; !stuck; ) {
          let written = 0;
          for (let at = 0; at < 8; at++)
            res.write(block, (error) => {
              if (!error) written += block.length;
            });
          await pause(5);
          for (let waited = 0; written < 8 * block.length && waited < 400; waited += 10) await pause(10);
          taken += written;
          stuck = written < 8 * block.length;
        }
        res.destroy();
      },
    });
    const client = ask(`${door.url}/v1/messages`, key, ROUTES[0]!.body);
    const response = await client.answered;
    await (await door.fakes.claude.arrived(from + 1)).closed;
    const { text, complete } = await readAll(response);
    expect(complete).toBe(true);
    const got = text.split("event: content_block_delta").length - 1;
    expect(got * block.length).toBeGreaterThanOrEqual(taken);
    expect(text.slice(-400)).toMatch(/\n\nevent: error\n.*before the response was complete.*\n\n$/);
  });

  test("an answer in one piece that breaks off is no clean end", async () => {
    door.fakes.claude.script({ scenario: "text", cutAt: 40 });
    const client = ask(`${door.url}/v1/messages`, key, { ...ROUTES[0]!.body, stream: false, tools: [] });
    const response = await client.answered;
    const { complete } = await readAll(response);
    expect([response.statusCode, complete]).not.toEqual([200, true]);
  });
});
