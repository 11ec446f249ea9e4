/** Translated streams in memory: cut at every event, failing, silent and slow, over every pair of protocols. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Protocol } from "../../src/protocols/protocol.ts";
import { COMMIT_AFTER_MS } from "../../src/proxy/upstream.ts";
import type { Fetch } from "../../src/runtime.ts";
import { chatEvents, messagesEvents, responsesEvents } from "../fakes/index.ts";
import type { HandClock } from "../support/hand-clock.ts";
import { type Kleis, startKleis } from "../support/kleis.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { eventsOf, nameOf, PAIRS, PATH, type Pair, question, seenInStream } from "./support/pairs.ts";

const encoder = new TextEncoder();

/** A provider's stream that calls a tool, as the bytes of its events. */
const EVENTS: Record<Protocol, () => Uint8Array[]> = {
  messages: () => messagesEvents("thinking-tool").map((event) => named(event)),
  responses: () => responsesEvents("reasoning-tool").map((event) => named(event)),
  chat: () => chatEvents("reasoning-tool").map((event) => unnamed(event)),
};

const named = (event: object) =>
  encoder.encode(`event: ${(event as { type: string }).type}\ndata: ${JSON.stringify(event)}\n\n`);
const unnamed = (event: object | string) =>
  encoder.encode(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);

let kleis: Kleis;
let key: string;
let reply: () => Promise<Response> | Response;

async function withAccounts<K extends Kleis<HandClock> | Kleis<VirtualClock>>(fresh: K) {
  for (const provider of ["claude", "codex", "copilot"]) await fresh.account(provider);
  return { kleis: fresh, key: (await fresh.key()).key };
}

/** Lists of models are asked for in the background; they stay away. */
const network: Fetch = async (_url, { method }) =>
  method === "POST" ? reply() : Response.json({}, { status: 503 });

beforeEach(async () => {
  ({ kleis, key } = await withAccounts(await startKleis({ network })));
});

const stream = (body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>, status = 200) =>
  new Response(body, { status, headers: { "content-type": "text/event-stream" } });

function pieces(parts: readonly Uint8Array[], end: "close" | "error" | "open" = "close") {
  const rest = [...parts];
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = rest.shift();
      if (next !== undefined) return controller.enqueue(next);
      if (end === "close") controller.close();
      if (end === "error") controller.error(new Error("reset"));
      return undefined;
    },
  });
}

function open(pair: Pair, at: Pick<Kleis, "send"> = kleis, secret = key): Promise<Response> {
  const extra = pair.from === "chat" ? { stream_options: { include_usage: true } } : {};
  const body = { model: pair.model, ...question(pair.from, "Go on.", true), stream: true, ...extra };
  return at.send("POST", pair.prefix + PATH[pair.from], secret, body);
}

async function ask(pair: Pair) {
  const response = await open(pair);
  const text = await response.text();
  return { status: response.status, body: encoder.encode(text), text };
}

/** How the log says that the last request has ended. */
const outcome = () =>
  kleis.logged.flatMap(({ fields }) => (fields?.outcome === undefined ? [] : [fields.outcome])).at(-1);

/** How a stream ends: one good end, or its protocol's one error. */
const GOOD: Record<Protocol, string> = { messages: "end", responses: "end", chat: "end" };
const BROKEN: Record<Protocol, string> = { messages: "failed", responses: "failing end", chat: "failed" };

describe.each(PAIRS.map((pair) => [nameOf(pair), pair] as const))("%s", (_name, pair) => {
  test("is whole only if the provider's stream is, wherever that is cut", async () => {
    const all = EVENTS[pair.to]();
    reply = () => stream(pieces(all));
    const whole = await ask(pair);
    expect(eventsOf(pair.from, whole).end, whole.text).toBe(GOOD[pair.from]);
    expect(outcome()).toBe("complete");
    expect(seenInStream(pair.from, whole).calls).toHaveLength(1);

    for (const end of ["close", "error"] as const) {
      for (let cut = 0; cut < all.length; cut++) {
        reply = () => stream(pieces(all.slice(0, cut), end));
        const got = await ask(pair);
        const { end: how } = eventsOf(pair.from, got);
        // The last event or two may be a mere formality: usage and the marker of a chat stream.
        const isFormality =
          pair.to === "chat" && pair.provider === "copilot" && end === "close" && how === "end";
        if (isFormality) expect(cut).toBeGreaterThanOrEqual(all.length - 2);
        else expect(how, `cut after ${cut} by ${end}: ${got.text}`).toBe(BROKEN[pair.from]);
        expect([cut, end, outcome() === "complete"]).toEqual([cut, end, isFormality]);
      }
    }
  });

  test("takes the same bytes however they are sliced", async () => {
    const all = EVENTS[pair.to]();
    const bytes = new Uint8Array(await new Blob(all as BlobPart[]).arrayBuffer());
    reply = () => stream(pieces(all));
    const { data: whole } = eventsOf(pair.from, await ask(pair));
    const slices = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, at) =>
      bytes.slice(at * 7, at * 7 + 7),
    );
    reply = () => stream(pieces(slices));
    const { data: sliced } = eventsOf(pair.from, await ask(pair));
    const plain = (events: readonly object[]) =>
      JSON.stringify(events)
        .replaceAll(/_[0-9a-f]{24}/g, "_id")
        .replaceAll(/"created(_at)?":\d+/g, "");
    expect(plain(sliced)).toBe(plain(whole));
  });

  test("hears signs of life that its clients count, and the refusal that comes late", async () => {
    let refuse!: (response: Response) => void;
    const arrived = new Promise<void>((arrive) => {
      reply = () =>
        new Promise<Response>((resolve) => {
          refuse = resolve;
          arrive();
        });
    });
    const late = await withAccounts(await startKleis({ network, clock: new VirtualClock() }));
    const { clock } = late.kleis;
    const opening = open(pair, late.kleis, late.key);
    await arrived;
    await clock.advance(COMMIT_AFTER_MS);
    const response = await opening;
    expect(response.status).toBe(200);
    const reading = response.text();
    await clock.advance(31_000);
    refuse(
      Response.json(
        { error: { type: "overloaded_error", message: "Overloaded", code: "x" } },
        { status: 503 },
      ),
    );
    const text = await reading;
    const { end, data } = eventsOf(pair.from, { body: encoder.encode(text) });
    expect(end).toBe(BROKEN[pair.from]);
    expect(text).toContain("Overloaded");
    if (pair.from === "responses") {
      expect(data.filter(({ type }) => type === "response.in_progress").length).toBeGreaterThan(1);
      const numbers = data.map(({ sequence_number: number }) => number).filter((n) => typeof n === "number");
      expect(numbers.slice(0, -2)).toEqual([...numbers.slice(0, -2).keys()]);
    } else expect(text).toMatch(/^: /m);
  });

  test("stops the provider when its client leaves", async () => {
    let isCancelled = false;
    const all = EVENTS[pair.to]().slice(0, -3);
    reply = () =>
      stream(
        new ReadableStream<Uint8Array>({
          pull(controller) {
            const next = all.shift();
            if (next !== undefined) controller.enqueue(next);
          },
          cancel() {
            isCancelled = true;
          },
        }),
      );
    const response = await open(pair);
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    expect(isCancelled || kleis.sent.findLast(({ method }) => method === "POST")?.signal?.aborted).toBe(true);
  });

  test("is told of a context that overflows in the words on which its clients act", async () => {
    const said: Record<Protocol, object> = {
      messages: {
        type: "error",
        error: {
          type: "invalid_request_error",
          message: "prompt is too long: 210000 tokens > 200000 maximum",
        },
      },
      responses: {
        error: {
          code: "context_length_exceeded",
          type: "invalid_request_error",
          message: "Your input exceeds the context window of this model.",
        },
      },
      chat: {
        error: {
          code: "model_max_prompt_tokens_exceeded",
          message: "prompt token count of 210000 exceeds the limit of 200000",
        },
      },
    };
    reply = () => Response.json(said[pair.to], { status: 400 });
    const response = await open(pair);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string; code?: string } };
    if (pair.from === "messages") expect(error.message).toMatch(/^prompt is too long:/);
    else expect(error.code).toBe("context_length_exceeded");
  });
});

test.each(PAIRS.map((pair) => [nameOf(pair), pair] as const))(
  "an error event without data ends the client's stream with one (%s)",
  async (_name, pair) => {
    reply = () => stream(pieces([...EVENTS[pair.to]().slice(0, 2), encoder.encode("event: error\n\n")]));
    expect(eventsOf(pair.from, await ask(pair)).end).toBe(BROKEN[pair.from]);
  },
);

test("Copilot may leave out the formal end of a Messages stream that is whole", async () => {
  const pair = {
    ...PAIRS.find(({ from, to }) => from === "responses" && to === "messages")!,
    prefix: "/copilot",
  };
  const all = EVENTS.messages();
  const endAfter = async (events: number) => {
    reply = () => stream(pieces(all.slice(0, events)));
    return eventsOf(pair.from, await ask(pair));
  };
  expect((await endAfter(all.length - 1)).data.at(-1)).toMatchObject({ type: "response.completed" });
  expect((await endAfter(all.length - 2)).end).toBe(BROKEN.responses);
});

describe("a ChatGPT plan, which only streams,", () => {
  const PLAN = PAIRS.filter(({ to }) => to === "responses").map((pair) => [pair.from, pair] as const);

  const ask = (pair: Pair, streams: boolean) =>
    kleis.send("POST", pair.prefix + PATH[pair.from], key, {
      model: pair.model,
      ...question(pair.from, "Go on.", true),
      stream: streams,
    });

  test.each(PLAN)("ends by its older name and all the same well (%s)", async (_from, pair) => {
    reply = () => stream(pieces(responsesEvents("done-event").map((event) => named(event))));
    const text = await (await ask(pair, true)).text();
    expect(eventsOf(pair.from, { body: encoder.encode(text) }).end).toBe("end");
    expect((await ask(pair, false)).status).toBe(200);
  });

  test.each(PLAN)(
    "fails inside its stream with the status that the failure stands for (%s)",
    async (_from, pair) => {
      const error = { code: "server_is_overloaded", message: "busy, says planted-token-2" };
      const failed = { type: "response.failed", response: { id: "resp_1", status: "failed", error } };
      reply = () => stream(pieces([named(failed)]));
      const whole = await ask(pair, false);
      expect(whole.status).toBe(503);
      const text = await whole.text();
      expect(text).toContain("busy, says [hidden]");
      expect(outcome()).toBe("provider_error");
      const streamed = await (await ask(pair, true)).text();
      expect(streamed).toContain("busy, says [hidden]");
      expect(eventsOf(pair.from, { body: encoder.encode(streamed) }).end).toBe(BROKEN[pair.from]);
    },
  );

  test("has not called a tool whose arguments are no JSON", async () => {
    const pair = PAIRS.find(({ from, to }) => from === "messages" && to === "responses")!;
    const spoilt = responsesEvents("tool").map((event) =>
      JSON.parse(JSON.stringify(event).replaceAll(/("arguments":|"delta":)"(?:[^"\\]|\\.)*"/g, '$1"{oops"')),
    );
    reply = () => stream(pieces(spoilt.map((event) => named(event))));
    const text = await (await ask(pair, true)).text();
    const { end, data } = eventsOf("messages", { body: encoder.encode(text) });
    expect(end, text).toBe("failed");
    expect(data.some(({ type }) => type === "message_stop")).toBe(false);
    expect(outcome()).toBe("provider_error");
    expect((await ask(pair, false)).status).toBeGreaterThanOrEqual(500);
  });
});
