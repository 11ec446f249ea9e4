/**
 * A Worker with KLEIS_NATIVE_STREAMS=on, in workerd: the runtime passes an untouched stream on by itself, and all that
 * can be promised of a stream whose bytes cannot be called back still holds.
 */

import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import { openStage, type Stage } from "../conformance/stage.ts";
import { endsOf, eventsOf, request } from "../conformance/wire.ts";
import { openWorld, until, type World } from "../conformance/world.ts";
import { messagesEvents, messagesWire, renderEvents } from "../fakes/index.ts";

const IDLE_MS = 3_000;
const EVENTS = renderEvents(messagesEvents("text").map(messagesWire));
const WHOLE = Buffer.concat(EVENTS);

let stage: Stage;
let world: World;

beforeAll(async () => {
  if (sqldMissing !== null) return;
  stage = await openStage("native");
  const start: Stage["start"] = (variables) =>
    stage.start({ ...variables, KLEIS_IDLE_TIMEOUT_MS: String(IDLE_MS) });
  world = await openWorld("native", { ...stage, start });
});

afterAll(async () => {
  await world?.close();
  await stage?.close();
});

type Answering = (res: import("node:http").ServerResponse) => void | Promise<void>;

/** Asks for a stream that the provider answers as `raw` says. */
async function ask(raw: Answering, key = world.accounts.claudeKey.key): Promise<Response> {
  world.fakes.claude.script({
    async raw(res) {
      res.writeHead(200, { "content-type": "text/event-stream" });
      await raw(res);
    },
  });
  const body = request("messages", "claude-sonnet-5", "hello", true);
  const response = await world.ask("/v1/messages", body, { key });
  expect(response.status).toBe(200);
  return response;
}

/** What the client got, and whether the stream was ended in order. */
async function received(response: Response): Promise<{ bytes: Buffer; isEnded: boolean }> {
  const parts: Uint8Array[] = [];
  const reader = response.body!.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value);
    return { bytes: Buffer.concat(parts), isEnded: true };
  } catch {
    return { bytes: Buffer.concat(parts), isEnded: false };
  }
}

/** How each request so far ended, as the log says. */
function outcomes(): string[] {
  return world
    .log()
    .split("\n")
    .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Record<string, unknown>] : []))
    .flatMap(({ outcome }) => (typeof outcome === "string" ? [outcome] : []));
}

const ends = (bytes: Buffer) => endsOf("messages", eventsOf(bytes.toString()));

describe.skipIf(sqldMissing !== null)("a stream that workerd passes on by itself", () => {
  test("reaches the client as the bytes that came, however they are cut, and ends with the provider", async () => {
    const long = Buffer.concat([
      ...EVENTS.slice(0, 3),
      ...Array.from({ length: 3000 }, (_, at) =>
        Buffer.from(
          `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"–${at}"}}\n\n`,
        ),
      ),
      ...EVENTS.slice(3),
    ]);
    const response = await ask(async (res) => {
      for (let at = 0; at < long.length; at += 997) res.write(long.subarray(at, at + 997));
      res.end();
    });
    const { bytes, isEnded } = await received(response);
    expect(bytes.equals(long)).toBe(true);
    expect(isEnded).toBe(true);
  });

  test("is unpacked where the provider packed it without a word", async () => {
    const response = await ask((res) => void res.end(gzipSync(WHOLE)));
    expect((await received(response)).bytes.toString()).toBe(WHOLE.toString());
  });

  test("that ends or breaks between two events ends with one error event behind the last byte", async () => {
    for (const cut of ["end", "destroy"] as const) {
      for (let count = 0; count < EVENTS.length - 1; count++) {
        const before = Buffer.concat(EVENTS.slice(0, count));
        const response = await ask(async (res) => {
          res.flushHeaders();
          if (before.length > 0) await new Promise((written) => res.write(before, written));
          await new Promise((done) => setTimeout(done, 20));
          if (cut === "end") res.end();
          else res.destroy();
        });
        const { bytes, isEnded } = await received(response);
        expect(bytes.subarray(0, before.length).equals(before), `${cut} after ${count}`).toBe(true);
        expect({ isEnded, ends: ends(bytes) }, `${cut} after ${count}`).toEqual({
          isEnded: true,
          ends: ["error"],
        });
        expect(bytes.toString()).toContain("upstream_stream_incomplete");
      }
    }
  });

  test("that breaks inside an event is broken off, so that nobody takes it for whole", async () => {
    const last = WHOLE.length - (EVENTS.at(-1)?.length ?? 0);
    const boundaries = new Set(EVENTS.map((_, at) => Buffer.concat(EVENTS.slice(0, at)).length));
    for (let at = 5; at < last; at += 41) {
      if (boundaries.has(at)) continue;
      const response = await ask(async (res) => {
        await new Promise((written) => res.write(WHOLE.subarray(0, at), written));
        await new Promise((done) => setTimeout(done, 20));
        res.destroy();
      });
      const { bytes, isEnded } = await received(response);
      expect(WHOLE.subarray(0, bytes.length).equals(bytes) || ends(bytes).at(-1) === "error", `${at}`).toBe(
        true,
      );
      // Where only the empty line is missing the event is whole, and the error can follow it.
      expect(isEnded, `${at}`).toBe(ends(isEnded ? bytes : Buffer.alloc(0)).length === 1);
    }
  });

  test("whose last empty line is missing gets it, and nothing else", async () => {
    const response = await ask((res) => void res.end(WHOLE.subarray(0, WHOLE.length - 2)));
    expect((await received(response)).bytes.toString()).toBe(WHOLE.toString());
  });

  test("in which the provider announces an error gets no second one", async () => {
    const error =
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
    const said = Buffer.concat([...EVENTS.slice(0, 3), Buffer.from(error)]);
    const response = await ask((res) => void res.end(said));
    expect((await received(response)).bytes.toString()).toBe(said.toString());
  });

  test("in which the provider announces an error without its name gets it once more, by its name", async () => {
    const error = 'data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
    const said = Buffer.concat([...EVENTS.slice(0, 3), Buffer.from(error)]);
    const response = await ask((res) => void res.end(said));
    expect((await received(response)).bytes.toString()).toBe(`${said}\n\nevent: error\n${error}\n\n`);
  });

  test("ends soon after the provider's last event, though the provider stays on the line", async () => {
    const response = await ask((res) => void res.write(WHOLE));
    const asked = world.fakes.claude.inference.at(-1)!;
    const { bytes, isEnded } = await received(response);
    expect(bytes.toString()).toBe(WHOLE.toString());
    expect(isEnded).toBe(true);
    await until("the provider's side ends", 20_000, () => asked.aborted);
  });

  test("in which the provider falls silent ends with a time-out", async () => {
    const before = Buffer.concat(EVENTS.slice(0, 4));
    const response = await ask((res) => void res.write(before));
    const { bytes, isEnded } = await received(response);
    expect(bytes.subarray(0, before.length).equals(before)).toBe(true);
    expect(isEnded).toBe(true);
    expect(ends(bytes)).toEqual(["error"]);
    expect(bytes.toString()).toContain("upstream_timeout");
  });

  test("is whole for a client that reads late, with the error behind the last byte", async () => {
    const filler = Buffer.from(`: ${"x".repeat(65_000)}\n\n`);
    const before = Buffer.concat([...EVENTS.slice(0, 3), ...Array.from({ length: 100 }, () => filler)]);
    let broke = false;
    const response = await ask(async (res) => {
      await new Promise((written) => res.write(before, written));
      res.destroy();
      broke = true;
    });
    await until("the provider breaks off", 20_000, () => broke);
    const { bytes, isEnded } = await received(response);
    expect(bytes.subarray(0, before.length).equals(before)).toBe(true);
    expect({ isEnded, ends: ends(bytes) }).toEqual({ isEnded: true, ends: ["error"] });
  });

  test("is let go at the provider when its client leaves", async () => {
    // workerd learns that a client has left when it writes to it.
    const response = await ask((res) => {
      res.write(EVENTS[0]);
      const more = setInterval(() => res.write('event: ping\ndata: {"type":"ping"}\n\n'), 50);
      res.on("close", () => clearInterval(more));
    });
    const asked = world.fakes.claude.inference.at(-1)!;
    const reader = response.body!.getReader();
    await reader.read();
    expect(asked.aborted).toBe(false);
    await reader.cancel();
    await until("the provider's side ends", IDLE_MS / 2, () => asked.aborted);
  });

  test("counts as complete for a client that leaves with the last event in its hand", async () => {
    const before = outcomes().length;
    const response = await ask((res) => void res.write(WHOLE));
    const reader = response.body!.getReader();
    let text = "";
    while (!text.includes("message_stop"))
      text += Buffer.from((await reader.read()).value ?? []).toString("latin1");
    await reader.cancel();
    await until("it is logged", 5_000, () => outcomes().length > before);
    expect(outcomes().slice(before)).toEqual(["complete"]);
  });

  test("is told apart in the log by how it ended", async () => {
    for (const outcome of ["complete", "incomplete", "provider_error", "idle", "client_left"])
      expect(outcomes()).toContain(outcome);
  });
});

describe.skipIf(sqldMissing !== null)("a stream whose events are changed", () => {
  test("goes event by event all the same: only whole events, then the error", async () => {
    world.fakes.copilot.script({
      async raw(res) {
        res.writeHead(200, { "content-type": "text/event-stream" });
        const first = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { role: "assistant", content: "a" }, finish_reason: null }] })}\n\n`;
        await new Promise((written) => res.write(`${first}data: {"id":"c","obj`, written));
        await new Promise((done) => setTimeout(done, 20));
        res.destroy();
      },
    });
    const response = await world.ask("/v1/chat/completions", request("chat", "gpt-5-mini", "hello", true), {
      key: world.accounts.copilot.key,
    });
    const { bytes, isEnded } = await received(response);
    expect(isEnded).toBe(true);
    expect(endsOf("chat", eventsOf(bytes.toString()))).toContain("error");
    expect(bytes.toString()).not.toContain('"obj\n');
  });
});
