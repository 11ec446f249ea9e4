/** Many streams, slow readers and large events: what Kleis holds in memory stays small, and what it costs grows with the bytes. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testKeyOf } from "../../harness/secrets.ts";
import { MAX_EVENT_BYTES } from "../../src/protocols/sse/splitter.ts";
import { startFakes } from "../fakes/index.ts";
import { type Bundle, bundle, endAll, newFolder, run } from "../node/process.ts";
import { openDoor } from "../support/door.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { ask, pause, readAll } from "./support/client.ts";
import { createTestApp, type TestApp } from "./support/test-app.ts";
import { bodyOf, drain, eventStream, requestBody, wayOf } from "./support/ways.ts";
import { concat, textOf, theOneEnd, utf8 } from "./support/wire.ts";

const START = utf8('event: message_start\ndata: {"type":"message_start","message":{"id":"m"}}\n\n');
const END = utf8(
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
);

/** A text delta whose event has exactly this many bytes. */
function delta(bytes: number): Uint8Array<ArrayBuffer> {
  const [before, after] = [
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"',
    '"}}\n\n',
  ];
  return utf8(before + "x".repeat(bytes - before.length - after.length) + after);
}

const body = requestBody("messages", "claude-sonnet-4-6");

describe("a slow client", () => {
  let kleis: TestApp;
  beforeAll(async () => {
    kleis = await createTestApp();
  });
  afterAll(() => kleis.close());

  test("is read ahead for by one piece of the provider's at most", async () => {
    const piece = delta(16_384);
    let given = 0;
    kleis.serve(() =>
      eventStream(
        new ReadableStream<Uint8Array<ArrayBuffer>>(
          {
            pull(controller) {
              given++;
              controller.enqueue(given === 1 ? START : piece);
            },
          },
          { highWaterMark: 0 },
        ),
      ),
    );
    const response = await kleis.post("/v1/messages", body, { as: "claude" });
    const reader = response.body!.getReader();
    for (let taken = 0; taken < 50; taken++) {
      await pause(1);
      expect(given).toBeLessThanOrEqual(taken + 1);
      await reader.read();
    }
    await reader.cancel();
    await pause(1);
    expect(given).toBeLessThanOrEqual(51);
  });
});

describe("200 streams at once, none of which is read", () => {
  const STREAMS = 200;
  const EVENT_BYTES = 16 * 1024;
  /** 6 MiB each: the kernel's buffers towards a client take some 4, the rest of it Kleis must leave with the provider. */
  const EVENTS = 384;
  /** What the process may grow by in all, 1 MiB per stream; read ahead without end it would grow by 340 more. */
  const BOUND_MIB = 200;
  /** How many of them are read in the end; the others leave. */
  const READ = 20;

  let built: Bundle;
  beforeAll(() => {
    built = bundle();
  });
  afterAll(async () => {
    await endAll();
    built.remove();
  });

  test(`make the server grow by less than ${BOUND_MIB} MiB, and arrive whole when they are read`, async () => {
    const fakes = await startFakes();
    const server = run(built.path, {
      ...fakes.env,
      ADMIN_TOKEN: "load-tests-9b3f1c7a5d2e8046",
      ENCRYPTION_KEY: testKeyOf("seven"),
      KLEIS_DATA_DIR: newFolder(),
    });
    const url = await server.url;
    const admin = async (path: string, body: object) => {
      const headers = {
        authorization: "Bearer load-tests-9b3f1c7a5d2e8046",
        "content-type": "application/json",
      };
      return (await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) })).json();
    };
    const tokens = fakes.claude.issueTokens();
    await admin("/admin/accounts/import", {
      provider: "claude",
      kind: "oauth",
      access_token: tokens.accessToken,
      refresh_token: tokens.refreshToken,
      expires_at: tokens.expiresAt,
    });
    const { key } = await admin("/admin/keys", {});

    const block = delta(EVENT_BYTES);
    let written = 0;
    fakes.claude.always({
      raw: async (res: ServerResponse) => {
        res.writeHead(200, { "content-type": "text/event-stream" });
        res.write(START);
        for (let at = 0; at < EVENTS; at++) {
          await new Promise((resolve) => res.write(block, resolve));
          written += block.length;
        }
        res.end(END);
      },
    });

    const before = await warm(url, key, server.pid);
    written = 0;
    const open: IncomingMessage[] = [];
    for (let at = 0; at < STREAMS; at++) open.push(await ask(`${url}/v1/messages`, key, body).answered);
    for (let last = -1; written !== last; ) {
      last = written;
      await pause(500);
    }
    const grown = peakOf(server.pid) - before;
    console.info(
      `${STREAMS} streams: ${Math.round(written / 2 ** 20)} MiB on the way, the server grew by ${grown} MiB to ${before + grown} MiB`,
    );
    expect(open.map(({ statusCode }) => statusCode)).toEqual(open.map(() => 200));
    expect(grown).toBeLessThan(BOUND_MIB);

    const whole = START.length + EVENTS * block.length + END.length;
    const reads = await Promise.all(open.slice(0, READ).map((response) => sizeOf(response)));
    expect(new Set(reads)).toEqual(new Set([whole]));
    for (const response of open.slice(READ)) response.destroy();
    await Promise.all(fakes.claude.inference.map(({ closed }) => closed));
    await fakes.close();
  });

  /** Serves some streams first, so that what the process needs anyway is there; its size then, in MiB. */
  async function warm(url: string, key: string, pid: number): Promise<number> {
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        Array.from({ length: 4 }, async () => sizeOf(await ask(`${url}/v1/messages`, key, body).answered)),
      );
    }
    return peakOf(pid);
  }

  /** Bytes of an answer that has ended well. */
  function sizeOf(response: IncomingMessage): Promise<number> {
    let size = 0;
    response.on("data", (part: Buffer) => {
      size += part.length;
    });
    return new Promise((resolve) => response.on("close", () => resolve(response.complete ? size : -1)));
  }

  /** The largest resident size that a process has had, MiB; where the system does not keep that, the present one. */
  function peakOf(pid: number): number {
    const status = `/proc/${pid}/status`;
    if (existsSync(status))
      return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(status, "utf8"))?.[1]) / 1024);
    return Math.round(Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)]).toString()) / 1024);
  }
});

describe("one large event", () => {
  async function relayed(parts: Uint8Array[]): Promise<Uint8Array> {
    const way = await wayOf("claude plan");
    const run = await way.run(async () => eventStream(bodyOf(parts)), new VirtualClock());
    return concat(await drain(run.body));
  }

  function sliced(bytes: Uint8Array, size: number): Uint8Array[] {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
    return parts;
  }

  test.each([4_000, 65_536, 2 * MAX_EVENT_BYTES])(
    "of 16 MiB passes as it came, in pieces of %i bytes",
    async (size) => {
      const bytes = concat([START, delta(MAX_EVENT_BYTES), END]);
      expect(Buffer.from(await relayed(sliced(bytes, size))).equals(bytes)).toBe(true);
    },
  );

  test.each([4_000, 65_536, 2 * MAX_EVENT_BYTES])(
    "of 16 MiB and one byte ends the stream with an error that says so, after all that came before, in pieces of %i bytes",
    async (size) => {
      const bytes = concat([START, delta(MAX_EVENT_BYTES + 1), END]);
      const got = await relayed(sliced(bytes, size));
      expect(textOf(got.subarray(0, START.length))).toBe(textOf(START));
      expect(textOf(got.subarray(START.length))).toMatch(
        /^event: error\n.*larger than 16777216 bytes.*\n\n$/,
      );
      expect(theOneEnd("messages", got)).toBe("error");
    },
  );

  test("that never ends is not read for longer than that", async () => {
    const piece = new Uint8Array(65_536).fill(120);
    let given = 0;
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull(controller) {
          given += piece.length;
          if (given > 4 * MAX_EVENT_BYTES) controller.close();
          else controller.enqueue(piece);
        },
      },
      { highWaterMark: 0 },
    );
    const way = await wayOf("claude plan");
    const { body } = await way.run(async () => eventStream(endless), new VirtualClock());
    expect(textOf(concat(await drain(body)))).toMatch(/^event: error\n.*larger than 16777216 bytes.*\n\n$/);
    expect(given).toBeLessThanOrEqual(MAX_EVENT_BYTES + piece.length);
  });

  test("of that size is told in words to a client that does not stream, too", async () => {
    const kleis = await createTestApp();
    const event = `data: {"type":"response.output_text.delta","delta":"${"x".repeat(MAX_EVENT_BYTES)}"}\n\n`;
    kleis.serve(() => eventStream(bodyOf(sliced(utf8(event), 65_536))));
    const response = await kleis.post("/v1/responses", { model: "gpt-5.5", input: "Hi" }, { as: "codex" });
    expect(response.status).toBe(502);
    expect((await response.json()).error).toMatchObject({
      code: "upstream_invalid_response",
      message: expect.stringContaining("larger than 16777216 bytes"),
    });
    kleis.close();
  });

  test("bytes after the last event are ignored", async () => {
    const bytes = concat([START, END, delta(MAX_EVENT_BYTES + 1)]);
    expect(textOf(await relayed([bytes]))).toBe(textOf(concat([START, END])));
  });

  test("costs time in proportion to its size, in however small pieces it comes", async () => {
    const cost = async (mebibytes: number) => {
      const parts = sliced(concat([START, delta(mebibytes * 2 ** 20), END]), 512);
      const times: number[] = [];
      for (let round = 0; round < 3; round++) {
        const from = process.cpuUsage();
        await relayed(parts);
        const { user, system } = process.cpuUsage(from);
        times.push((user + system) / 1000);
      }
      return Math.min(...times);
    };
    await cost(1);
    const [one, eight] = [await cost(1), await cost(8)];
    console.info(`1 MiB in pieces of 512 bytes: ${one.toFixed(0)} ms, 8 MiB: ${eight.toFixed(0)} ms`);
    // In proportion it is 8; squared it would be 64.
    expect(eight / one).toBeLessThan(24);
  });

  test("passes the real Node server as well, and one that is too large does not harm the next request", async () => {
    const door = await openDoor();
    const tokens = door.fakes.claude.issueTokens();
    await door.account({
      provider: "claude",
      kind: "oauth",
      access_token: tokens.accessToken,
      refresh_token: tokens.refreshToken,
      expires_at: tokens.expiresAt,
    });
    const key = await door.key();
    const sends = (bytes: number) =>
      door.fakes.claude.script({
        raw: (res: ServerResponse) =>
          void res
            .writeHead(200, { "content-type": "text/event-stream" })
            .end(concat([START, delta(bytes), END])),
      });
    sends(MAX_EVENT_BYTES);
    sends(MAX_EVENT_BYTES + 1);
    sends(200);
    const sizes: [number, boolean][] = [];
    for (let at = 0; at < 3; at++) {
      const { text, complete } = await readAll(await ask(`${door.url}/v1/messages`, key, body).answered);
      expect(complete).toBe(true);
      sizes.push([text.length, text.includes("event: error")]);
    }
    const around = START.length + END.length;
    expect(sizes[0]).toEqual([MAX_EVENT_BYTES + around, false]);
    expect(sizes[1]?.[1]).toBe(true);
    expect(sizes[1]?.[0]).toBeLessThan(1_000);
    expect(sizes[2]).toEqual([200 + around, false]);
    await door.close();
  });
});
