/** Time: what a client gets while the provider thinks, and what becomes of its answer after that. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AccountName } from "../support/accounts.ts";
import { checkErrorEvent } from "./support/oracle.ts";
import { createTestApp, type TestApp } from "./support/test-app.ts";
import { isErrorOf, parse, wanted } from "./support/vendors.ts";
import { bodyOf, drain, eventStream, requestBody, type StreamProtocol } from "./support/ways.ts";
import { concat, textOf, theOneEnd, utf8 } from "./support/wire.ts";

const COMMENT = ": kleis\n\n";
const KINDS: [StreamProtocol, AccountName, string][] = [
  ["messages", "claudeKey", "/v1/messages"],
  ["responses", "openaiKey", "/v1/responses"],
  ["chat", "openaiKey", "/v1/chat/completions"],
];
const WHOLE: Record<StreamProtocol, string> = {
  messages:
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
  responses: 'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r"}}\n\n',
  chat: 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
};
const MODEL: Record<StreamProtocol, string> = {
  messages: "claude-sonnet-4-6",
  responses: "gpt-5.5",
  chat: "gpt-5.5",
};

let kleis: TestApp;
beforeAll(async () => {
  kleis = await createTestApp();
});
afterAll(() => kleis.close());

/** Posts, and resolves once it is on its way: the store answers in real time, the clock may only move after that. */
async function underWay(
  { sent }: TestApp,
  post: () => Promise<Response>,
): Promise<{ response: Promise<Response> }> {
  const before = sent.length;
  const response = post();
  while (sent.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
  return { response };
}

/** Asks; the provider answers what `answer` gives, after `ms` milliseconds. */
async function ask(
  [protocol, as, path]: (typeof KINDS)[number],
  ms: number,
  answer: () => Response,
  change: object = {},
) {
  kleis.serve(async () => {
    await kleis.clock.sleep(ms);
    return answer();
  });
  let response: Response | undefined;
  const { response: asked } = await underWay(kleis, () =>
    kleis.post(path, { ...requestBody(protocol, MODEL[protocol]), ...change }, { as }),
  );
  asked.then((arrived) => {
    response = arrived;
  });
  return { asked, arrived: () => response };
}

const stream = (protocol: StreamProtocol) => eventStream(bodyOf([utf8(WHOLE[protocol])]));

describe.each(KINDS)("on %s", (...kind) => {
  const [protocol] = kind;

  test("a status that comes within 45 s is the client's status, whatever it is", async () => {
    const limit = {
      type: "error",
      error: { type: "rate_limit_error", message: "slow down", code: "rate_limit_exceeded" },
    };
    const { asked, arrived } = await ask(kind, 44_999, () =>
      Response.json(limit, { status: 429, headers: { "retry-after": "7" } }),
    );
    await kleis.clock.advance(44_998);
    expect(arrived()).toBeUndefined();
    await kleis.clock.advance(1);
    const response = await asked;
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(await response.json()).toEqual(limit);
  });

  test("after 45 s the client gets its 200 and a sign of life at once, then every 15 s, then the stream as it is", async () => {
    const { asked } = await ask(kind, 80_000, () => stream(protocol));
    await kleis.clock.advance(45_000);
    const response = await asked;
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-cache, no-transform");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const parts: string[] = [];
    const reader = response.body!.getReader();
    const reading = (async () => {
      for (let part = await reader.read(); !part.done; part = await reader.read())
        parts.push(textOf(part.value));
    })();
    await kleis.clock.advance(0);
    expect(parts).toEqual([COMMENT]);
    await kleis.clock.advance(14_999);
    expect(parts).toEqual([COMMENT]);
    await kleis.clock.advance(1);
    expect(parts).toEqual([COMMENT, COMMENT]);
    await kleis.clock.advance(20_000);
    await reading;
    expect(parts.join("")).toBe(COMMENT.repeat(3) + WHOLE[protocol]);
  });

  test.each([
    [
      "an error of the provider's own",
      429,
      JSON.stringify({
        type: "error",
        error: { type: "rate_limit_error", message: "slow down", code: "rate_limit_exceeded" },
      }),
    ],
    ["words without a form", 502, "Bad gateway"],
    ["a web page", 503, "<html><body>markup</body></html>"],
  ])(
    "%s that comes after that is the protocol's error event, with its words",
    async (_what, status, body) => {
      const { asked } = await ask(kind, 50_000, () => new Response(body, { status }));
      await kleis.clock.advance(45_000);
      const response = await asked;
      expect(response.status).toBe(200);
      const reading = drain(response.body!);
      await kleis.clock.advance(10_000);
      const got = concat(await reading);
      const text = textOf(got);
      expect(text.startsWith(COMMENT)).toBe(true);
      expect(theOneEnd(protocol, got)).toBe("error");
      const event = got.subarray(utf8(COMMENT).length);
      checkErrorEvent(protocol, event);
      const word = /slow down|Bad gateway/.exec(body)?.[0] ?? "503 Service Unavailable";
      expect(textOf(event)).toContain(word);
      expect(textOf(event)).not.toContain("markup");
      const want = wanted(protocol, got);
      const { events, error } = await parse(protocol, got);
      expect(events).toEqual([]);
      expect(want.error !== null && isErrorOf(protocol, error, want.error)).toBe(true);
    },
  );

  test("a connection that fails late is reported in the stream too", async () => {
    const { asked } = await ask(kind, 50_000, () => {
      throw new TypeError("connect ECONNREFUSED");
    });
    await kleis.clock.advance(45_000);
    const reading = drain((await asked).body!);
    await kleis.clock.advance(10_000);
    const got = concat(await reading);
    expect(theOneEnd(protocol, got)).toBe("error");
    expect(textOf(got)).toContain("could not be reached");
  });

  test("silence inside the stream: a comment after 15 s, and none where events come", async () => {
    const { asked } = await ask(kind, 0, () => {
      let step = 0;
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
        {
          async pull(controller) {
            step++;
            await kleis.clock.sleep(step < 4 ? 14_000 : 31_000);
            if (step < 4) controller.enqueue(utf8(": ping\n\n"));
            else if (step === 4) controller.enqueue(utf8(WHOLE[protocol]));
            else controller.close();
          },
        },
        { highWaterMark: 0 },
      );
      return eventStream(body);
    });
    await kleis.clock.advance(0);
    const reading = drain((await asked).body!);
    await kleis.clock.advance(120_000);
    expect(textOf(concat(await reading))).toBe(": ping\n\n".repeat(3) + COMMENT.repeat(2) + WHOLE[protocol]);
  });

  test("a client that does not stream never gets a status before the provider has given one", async () => {
    const { asked, arrived } = await ask(
      kind,
      300_000,
      () => Response.json({ error: { message: "no" } }, { status: 400 }),
      {
        stream: false,
      },
    );
    await kleis.clock.advance(299_999);
    expect(arrived()).toBeUndefined();
    await kleis.clock.advance(1);
    expect((await asked).status).toBe(400);
  });
});

describe("a provider that gives no header in time", () => {
  let impatient: TestApp;
  beforeAll(async () => {
    impatient = await createTestApp({ env: { KLEIS_HEADER_TIMEOUT_MS: "60000" } });
    impatient.serve(() => new Promise(() => {}));
  });
  afterAll(() => impatient.close());

  const asked = ([protocol, as, path]: (typeof KINDS)[number], stream: boolean) =>
    underWay(impatient, () =>
      impatient.post(path, { ...requestBody(protocol, MODEL[protocol]), stream }, { as }),
    );

  test.each(KINDS)("%s: 504 in the protocol's shape for a client that does not stream", async (...kind) => {
    const { response } = await asked(kind, false);
    await impatient.clock.advance(60_000);
    const answer = await response;
    expect(answer.status).toBe(504);
    const body = await answer.json();
    expect(body.error.message).toContain("within 60 seconds");
    expect(body.error.type).toBe(kind[0] === "messages" ? "timeout_error" : "server_error");
    expect(body.error.code).toBe("upstream_timeout");
    expect(impatient.sent.at(-1)?.signal?.aborted).toBe(true);
    expect(impatient.logs.at(-1)).toMatchObject({ status: 504, code: "upstream_timeout" });
  });

  test.each(KINDS)("%s: an error event for one that has its 200", async (...kind) => {
    const { response } = await asked(kind, true);
    await impatient.clock.advance(45_000);
    const reading = drain((await response).body!);
    await impatient.clock.advance(15_000);
    const got = concat(await reading);
    expect(theOneEnd(kind[0], got)).toBe("error");
    expect(textOf(got)).toContain("within 60 seconds");
    expect(impatient.sent.at(-1)?.signal?.aborted).toBe(true);
  });
});

test("a stream in which the provider falls silent for the idle limit ends with an error, and is let go", async () => {
  const idle = await createTestApp({ env: { KLEIS_IDLE_TIMEOUT_MS: "100000" } });
  idle.serve(() => eventStream(bodyOf([utf8(": begun\n\n")], "open")));
  const response = await idle.post("/v1/messages", requestBody("messages", MODEL.messages), {
    as: "claudeKey",
  });
  const reading = drain(response.body!);
  await idle.clock.advance(100_000);
  const got = textOf(concat(await reading));
  expect(got).toMatch(/^: begun\n\n(: kleis\n\n){6}event: error\n.*sent nothing for 100 seconds.*\n\n$/);
  expect(idle.sent.at(-1)?.signal?.aborted).toBe(true);
  expect(idle.logs.at(-1)).toMatchObject({ outcome: "idle" });

  // The same for a client that does not stream while the provider does.
  const asked = await underWay(idle, () =>
    idle.post("/v1/responses", { ...requestBody("responses", "gpt-5.5"), stream: false }, { as: "codex" }),
  );
  await idle.clock.advance(100_000);
  const whole = await asked.response;
  expect(whole.status).toBe(504);
  expect((await whole.json()).error).toMatchObject({ code: "upstream_timeout" });
  expect(idle.sent.at(-1)?.signal?.aborted).toBe(true);
  idle.close();
});

test("a client that leaves right after its 200 disturbs no other request when the provider refuses later", async () => {
  const { asked } = await ask(KINDS[0]!, 50_000, () => Response.json({}, { status: 500 }));
  await kleis.clock.advance(45_000);
  await (await asked).body!.cancel();
  // An error that nobody takes would fail this run.
  await kleis.clock.advance(10_000);
  expect(kleis.sent.at(-1)?.signal?.aborted).toBe(true);
  expect(kleis.logs.at(-1)).toMatchObject({ outcome: "client_left" });
});
