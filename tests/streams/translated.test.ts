/** Translated streams through the real Node door: providers that break off at every event, clients that leave or stop reading. */
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Protocol } from "../../src/protocols/protocol.ts";
import { CHAT, type Dialect, MESSAGES, RESPONSES } from "../fakes/inference.ts";
import { NOTHING_ASKED } from "../fakes/scenarios/ask.ts";
import { nameOf, PAIRS, type Pair, question, send } from "../proxy/support/pairs.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { ask, pause, readAll } from "./support/client.ts";
import { parse, wanted } from "./support/vendors.ts";
import { theOneEnd } from "./support/wire.ts";

let door: Door;
let key: string;
beforeAll(async () => {
  door = await openDoor({ env: { KLEIS_IDLE_TIMEOUT_MS: "600000" } });
  await connectAll(door);
  key = await door.key();
});
afterAll(() => door.close());

const PATH: Record<Protocol, string> = {
  messages: "/v1/messages",
  responses: "/v1/responses",
  chat: "/v1/chat/completions",
};

const DIALECTS: Record<Protocol, Dialect> = { messages: MESSAGES, responses: RESPONSES, chat: CHAT };

/** What the provider says: text alone, reasoning before a call, calls at once. */
const SCENARIOS: Record<Protocol, readonly string[]> = {
  messages: ["text", "thinking-tool", "parallel-tools"],
  responses: ["text", "reasoning-tool", "parallel-tools"],
  chat: ["text", "reasoning-tool", "parallel-tools"],
};

const CASES = PAIRS.map((pair) => [nameOf(pair), pair] as const);
const streaming = (pair: Pair) => ({ ...question(pair.from, "Hi", true), stream: true });

/** How many events the provider's stream has, and after how many of them the answer is whole. */
function lengthOf({ to }: Pair, scenario: string, cut: "end" | "destroy"): { all: number; whole: number } {
  const { events } = DIALECTS[to].play(
    scenario,
    { ...NOTHING_ASKED, includeUsage: true },
    { text: "Hi you." },
  );
  // Copilot may leave out what follows the reason, if it ends the stream itself.
  const reason = events.findIndex(({ data }) => /"finish_reason":"/.test(data)) + 1;
  const whole = to === "chat" && cut === "end" ? reason : events.length;
  return { all: events.length, whole };
}

/** The provider breaks off after so many events, however often it is asked. */
async function cutAfter(pair: Pair, scenario: string, cut: "end" | "destroy", events: number) {
  const fake = door.fakes[pair.provider];
  fake.always(() => ({ scenario: scenario as "text", text: "Hi you.", cutAfterEvents: events, cut }));
  return send(door, key, pair, streaming(pair));
}

/** At the end of the answer it is cut in both ways, before by turns. */
const NEAR_END = 4;

describe.each(CASES)("%s: a stream that breaks off is never taken for a whole one", (_name, pair) => {
  test.each(SCENARIOS[pair.to])("%s, after every event, by an end and by a reset", async (scenario) => {
    for (const [odd, cut] of (["end", "destroy"] as const).entries()) {
      const { all, whole } = lengthOf(pair, scenario, cut);
      for (let events = 0; events <= all; events++) {
        if (events % 2 === odd && events < all - NEAR_END) continue;
        const answer = await cutAfter(pair, scenario, cut, events);
        const where = `a ${cut} after ${events} of ${all} events: ${answer.text.slice(-300)}`;
        if (answer.status !== 200) {
          expect([502, 503, 504], where).toContain(answer.status);
          continue;
        }
        expect(theOneEnd(pair.from, answer.body), where).toBe(events >= whole ? "success" : "error");
        const read = await parse(pair.from, answer.body);
        expect(read.events, where).toEqual(wanted(pair.from, answer.body).events);
      }
    }
    door.fakes[pair.provider].always();
  });
});

test("a response in one piece from a stream that breaks off is an error", async () => {
  const pair = PAIRS.find(({ from, to }) => from === "messages" && to === "responses")!;
  const fake = door.fakes.codex;
  fake.always(() => ({ scenario: "text", cutAfterEvents: 6 }));
  const answer = await send(door, key, pair, question(pair.from, "Hi"));
  fake.always();
  expect(answer.status).toBeGreaterThanOrEqual(500);
  expect(answer.json).toMatchObject({ type: "error", error: { message: expect.any(String) } });
});

/** Longer than a test may take: what waits for the provider instead of acting by itself never gets there. */
const NEVER_MS = 120_000;

describe.each(CASES)("%s: a client that leaves closes the provider's connection", (_name, pair) => {
  test.each([
    ["before it has responded", { headersAfterMs: NEVER_MS }],
    ["in the middle of the stream", { silenceMs: NEVER_MS }],
  ])("%s", async (_when, delivery) => {
    const fake = door.fakes[pair.provider];
    const from = fake.inference.length;
    fake.script({ scenario: "text", ...delivery });
    const client = ask(door.url + pair.prefix + PATH[pair.from], key, {
      model: pair.model,
      ...streaming(pair),
    });
    const request = await fake.arrived(from + 1);
    // To have got as far as the case says; it holds at any moment.
    await pause(30);
    client.leave();
    await request.closed;
    expect(request.aborted).toBe(true);
  });
});

/** 64 kB of text as each protocol sends it, and what must come before. */
const BULK = "x".repeat(64_000);
const line = (event: object, name = (event as { type?: string }).type) =>
  `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(event)}\n\n`;
const ENDLESS: Record<Protocol, { readonly head: string; readonly block: string }> = {
  messages: {
    head:
      line({
        type: "message_start",
        message: { id: "m", type: "message", role: "assistant", content: [], usage: { input_tokens: 1 } },
      }) + line({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
    block: line({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: BULK } }),
  },
  responses: {
    head:
      line({ type: "response.created", response: { id: "r", status: "in_progress", output: [] } }) +
      line({
        type: "response.output_item.added",
        output_index: 0,
        item: { id: "i", type: "message", role: "assistant", content: [] },
      }),
    block: line({ type: "response.output_text.delta", output_index: 0, content_index: 0, delta: BULK }),
  },
  chat: {
    head: "",
    block: line({ id: "c", choices: [{ index: 0, delta: { content: BULK }, finish_reason: null }] }),
  },
};

/** Sends for as long as somebody takes it; `limit` bytes at most. */
function endless(to: Protocol, limit: number, taken: { bytes: number; stuck: boolean }) {
  const { head, block } = ENDLESS[to];
  return {
    raw: (res: ServerResponse) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(head);
      const more = () => {
        taken.stuck = false;
        while (!res.destroyed && taken.bytes < limit) {
          taken.bytes += block.length;
          if (!res.write(block)) {
            taken.stuck = true;
            return;
          }
        }
        res.end();
      };
      res.on("drain", more);
      more();
    },
  };
}

const MB = 1_000_000;
const LIMIT = 16 * MB;

/** Each decoder and each encoder once. */
const LONG = CASES.filter(([, { from, to }]) =>
  ["messages-responses", "responses-chat", "chat-messages"].includes(`${from}-${to}`),
);

test.each(LONG)(
  "%s: a long stream waits for a client that stops reading, and then goes on",
  async (_name, pair) => {
    const taken = { bytes: 0, stuck: false };
    door.fakes[pair.provider].script(endless(pair.to, LIMIT, taken));
    const body = { model: pair.model, ...question(pair.from, "Hi"), stream: true };
    const response = await ask(door.url + pair.prefix + PATH[pair.from], key, body).answered;
    response.pause();
    // Until all buffers on the way are full: nothing has moved for a while.
    for (let before = -1; before !== taken.bytes || !taken.stuck; ) {
      before = taken.bytes;
      await pause(100);
    }
    expect(taken.bytes).toBeLessThan(LIMIT);
    const reading = readAll(response);
    response.resume();
    const { text, complete } = await reading;
    expect(complete).toBe(true);
    expect(taken.bytes).toBeGreaterThanOrEqual(LIMIT);
    expect(text.length).toBeGreaterThan(LIMIT * 0.9);
    // The provider's stream had no end.
    expect(theOneEnd(pair.from, Buffer.from(text))).toBe("error");
  },
);
