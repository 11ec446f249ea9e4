/** What a connection to the Node adapter may take: time, idleness and its share of open files. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  letGoWhenStalled,
  limitConnections,
  openFileLimit,
  SERVER_OPTIONS,
  whenTooSlow,
} from "../../adapters/node/server-limits.ts";
import { openDoor } from "../support/door.ts";
import { until } from "./upstream.ts";

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let server: Server;
const sockets: Socket[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.closeAllConnections();
  server?.close();
});

async function listening(made: Server): Promise<Server> {
  server = made;
  made.listen(0, "127.0.0.1");
  await once(made, "listening");
  return made;
}

/** A connection that has sent `head`, and what came back so far. */
async function connected(head: string, port = (server.address() as AddressInfo).port) {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  let said = "";
  socket.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  socket.on("error", () => {});
  let isClosed = false;
  socket.on("close", () => {
    isClosed = true;
  });
  socket.write(head);
  return { socket, said: () => said, isClosed: () => isClosed };
}

const GET = "GET /healthz HTTP/1.1\r\nhost: kleis.test\r\n\r\n";

/** The default of everybody who stands before a server and keeps connections to it, s. */
const POOLS = {
  nginx: 60,
  alb: 60,
  traefik: 90,
  cloudflared: 90,
  go: 90,
  caddy: 120,
  google: 600,
  undici: 600,
};

describe("idle connections", () => {
  test.each(Object.entries(POOLS))("are kept for longer than %s keeps them", (_name, seconds) => {
    const { keepAliveTimeout = 0, keepAliveTimeoutBuffer = 0 } = SERVER_OPTIONS;
    expect(keepAliveTimeout + keepAliveTimeoutBuffer).toBeGreaterThan(seconds * 1_000);
    // A Node without the buffer keeps them for longer than proxies on one's own machine do.
    expect(keepAliveTimeout).toBeGreaterThan(120_000);
  });

  test("are told of a shorter time, and end with the server", async () => {
    const door = await openDoor();
    const kept = await connected(GET, Number(new URL(door.url).port));
    await until(
      "it is answered",
      () => kept.said().includes("keep-alive: timeout=") || /timeout=/i.test(kept.said()),
    );
    expect(/keep-alive: timeout=(\d+)/i.exec(kept.said())?.[1]).toBe("130");
    await door.close();
    await until("it is closed", kept.isClosed);
  });
});

test("headers have 15 s, looked at every 5 s", () => {
  const { headersTimeout = 0, connectionsCheckingInterval = 0 } = SERVER_OPTIONS;
  expect([headersTimeout, connectionsCheckingInterval]).toEqual([15_000, 5_000]);
});

describe("open files", () => {
  test("are known, and connections take half of them at most", async () => {
    expect(openFileLimit()).toBeGreaterThan(100);
    const made = createServer();
    limitConnections(made, silent, 1_024);
    expect(made.maxConnections).toBe(512);
    limitConnections(made, silent, Number.POSITIVE_INFINITY);
    expect(made.maxConnections).toBe(10_000);
  });

  test("a full house lets idle connections go, says so once, and takes the next one", async () => {
    const warn = vi.fn();
    const made = createServer(SERVER_OPTIONS, (_, response) => response.end("here"));
    limitConnections(made, { ...silent, warn }, 4);
    await listening(made);
    const idle = [await connected(GET), await connected(GET)];
    await until("both are answered", () => idle.every((each) => each.said().endsWith("here")));
    const dropped = await connected(GET);
    await until("one is dropped", dropped.isClosed);
    await until("the idle ones are closed", () => idle.every((each) => each.isClosed()));
    const next = await connected(GET);
    await until("the next one is answered", () => next.said().endsWith("here"));
    expect(warn.mock.calls).toEqual([["connections_full", { limit: 2 }]]);
  });
});

describe("a client that takes nothing of a finished answer", () => {
  const BODY = Buffer.alloc(16 * 1024 * 1024, "x");

  test("loses its connection; one that reads slowly gets all of it", { timeout: 120_000 }, async () => {
    // Far above the pauses of a machine that has much to do, and below the time in which all is read.
    const stallMs = 2_000;
    const ends: boolean[] = [];
    await listening(
      createServer((_, response) => {
        letGoWhenStalled(response, stallMs);
        response.on("close", () => ends.push(response.writableFinished));
        response.end(BODY);
      }),
    );
    const stalled = await connected(GET);
    stalled.socket.pause();
    await until("it is let go", () => ends.length > 0, 60_000);
    expect(ends).toEqual([false]);

    let length = 0;
    const begun = performance.now();
    const slow = await connected(GET);
    slow.socket.on("data", (text) => {
      length += String(text).length;
      slow.socket.pause();
      setTimeout(() => slow.socket.resume(), 12);
    });
    await until("it has all", () => length > BODY.length, 60_000);
    expect(performance.now() - begun).toBeGreaterThan(stallMs);
    await until("it was given all", () => ends.length > 1, 60_000);
    expect(ends).toEqual([false, true]);
  });
});

describe("a body that trickles in", () => {
  test("is a 408 in words; one that comes fast, or that waits to be read, is not", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const verdicts: (Response | "fine")[] = [];
    let isRead = true;
    let arrived = 0;
    let last: IncomingMessage | undefined;
    await listening(
      createServer((incoming, response) => {
        arrived++;
        last = incoming;
        void whenTooSlow(incoming)?.then((late) => verdicts.push(late));
        if (isRead) incoming.resume();
        incoming.on("end", () => verdicts.push("fine"));
        incoming.on("end", () => response.end());
      }),
    );
    const POST = "POST / HTTP/1.1\r\nhost: kleis.test\r\ncontent-length: 200000\r\n\r\n";
    const send = async ({ socket }: { socket: Socket }, length: number) => {
      const before = last?.socket.bytesRead ?? 0;
      socket.write("x".repeat(length));
      await until("it has come", () => (last?.socket.bytesRead ?? 0) >= before + Math.min(length, 16_000));
      if (isRead) await until("all of it has", () => (last?.socket.bytesRead ?? 0) >= before + length);
    };

    const fast = await connected(POST);
    await until("it has arrived", () => arrived === 1);
    await send(fast, 100_000);
    vi.advanceTimersByTime(40_000);
    await send(fast, 100_000);
    await until("it has ended", () => verdicts.length > 0);
    vi.advanceTimersByTime(400_000);
    expect(verdicts).toEqual(["fine"]);

    isRead = false;
    const unread = await connected(POST);
    await until("it has arrived", () => arrived === 2);
    await send(unread, 150_000);
    await until("it waits to be read", () => (last?.readableLength ?? 0) > 0);
    vi.advanceTimersByTime(120_000);
    await new Promise((done) => setImmediate(done));
    expect(verdicts.length).toBe(1);

    isRead = true;
    const slow = await connected(POST);
    await until("it has arrived", () => arrived === 3);
    await send(slow, 100_000);
    vi.advanceTimersByTime(40_000);
    await send(slow, 1_000);
    vi.advanceTimersByTime(40_000);
    await until("it is refused", () => verdicts.length > 1);
    const refused = verdicts[1];
    if (refused === undefined || refused === "fine") throw new Error("was not refused");
    expect([refused.status, refused.headers.get("connection")]).toEqual([408, "close"]);
    expect(((await refused.json()) as { error: object }).error).toMatchObject({
      code: "request_timeout",
      message: expect.stringMatching(/less than 1024 bytes a second/),
    });
  });
});
