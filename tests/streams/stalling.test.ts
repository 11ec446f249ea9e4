/** Clients that stop reading, through the real Node door: their place and the provider's connection are free again. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Inference } from "../fakes/inference.ts";
import { connectKeys, type Door, openDoor } from "../support/door.ts";
import { ask, type Client, pause, readAll } from "./support/client.ts";
import { requestBody } from "./support/ways.ts";

let door: Door;
let key: string;
beforeAll(async () => {
  door = await openDoor({
    env: { KLEIS_CLIENT_STALL_MS: "1000", KLEIS_MAX_STREAMS: "1", LOG_LEVEL: "info" },
  });
  // Their answers in one piece pass as they come.
  await connectKeys(door);
  key = await door.key();
});
afterAll(() => door.close());

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => lines.push(String(text)) > 0);
});
afterEach(() => vi.restoreAllMocks());

const BLOCK = Buffer.from(`data: {"x":"${"x".repeat(60_000)}"}\n\n`);

const SPACE = Buffer.alloc(60_000, " ");
const STREAM = "text/event-stream";

const MESSAGES = requestBody("messages", "claude-sonnet-4-6");
const CHAT = { ...requestBody("chat", "gpt-5.5"), stream: false };

const ROUTES = [
  ["a stream", "/v1/messages", MESSAGES, "claude", STREAM, BLOCK],
  ["an answer in one piece", "/v1/chat/completions", CHAT, "codex", "application/json", SPACE],
] as const;

/** Sends blocks for as long as somebody takes them. */
const endless = (type: string, block: Buffer) => ({
  raw: (res: ServerResponse) => {
    res.writeHead(200, { "content-type": type });
    const more = () => {
      while (!res.destroyed && res.write(block));
    };
    res.on("drain", more);
    more();
  },
});

async function firstBytes(client: Client): Promise<IncomingMessage> {
  const response = await client.answered;
  response.once("data", () => response.pause());
  return response;
}

test.each(ROUTES)("%s", async (_what, path, body, provider, type, block) => {
  const fake: Inference<never> = door.fakes[provider];
  const from = fake.inference.length;
  fake.script(endless(type, block) as never);
  const client = ask(door.url + path, key, body);
  await firstBytes(client);
  const request = await fake.arrived(from + 1);
  // The only place is taken.
  expect((await ask(door.url + path, key, body).answered).statusCode).toBe(429);
  await request.closed;
  expect(request.aborted).toBe(true);
  expect(lines.filter((line) => line.includes('"outcome":"client_stalled"')).length).toBe(1);
  const next = await ask(door.url + path, key, body).answered;
  expect([next.statusCode, (await readAll(next)).complete]).toEqual([200, true]);
  client.leave();
});

test("a client that reads slowly gets all of its answer", async () => {
  door.fakes.claude.script({ scenario: "big-event", delayMs: 300 } as never);
  const client = ask(`${door.url}/v1/messages`, key, MESSAGES);
  const response = await client.answered;
  const parts: Buffer[] = [];
  for await (const part of response) {
    parts.push(part);
    await pause(100);
  }
  expect(Buffer.concat(parts).toString()).toMatch(/event: message_stop\ndata: .*\n\n$/);
});
