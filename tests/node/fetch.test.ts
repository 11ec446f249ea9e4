/** The Node door's way out: connections that are kept and let go, bytes as they came, a socket that waits for its reader. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { openDoor } from "../support/door.ts";
import { startUpstream, until } from "./upstream.ts";

const post = (url: string, body: string | Uint8Array<ArrayBuffer> = "{}", signal?: AbortSignal) =>
  nodeFetch(url, { method: "POST", body, ...(signal === undefined ? {} : { signal }) });

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

describe("an answer", () => {
  test("has the status, the headers and the bytes that were sent", async () => {
    const sent = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
    const { url, requests } = await startUpstream((_request, response) => {
      response.writeHead(418, "Short And Stout", ["x-one", "1", "x-two", "a", "X-Two", "b"]);
      response.end(sent);
    });
    const response = await post(url, new Uint8Array([1, 2, 3]));
    expect(response.status).toBe(418);
    expect(response.headers.get("x-one")).toBe("1");
    expect(response.headers.get("x-two")).toBe("a, b");
    expect(await bytesOf(response)).toEqual(sent);
    expect(requests[0]?.headers["content-length"]).toBe("3");
  });

  test("that is packed comes packed, whatever its label says", async () => {
    const packed = gzipSync("Hello");
    const { url } = await startUpstream((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(packed);
    });
    const response = await post(url);
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(await bytesOf(response)).toEqual(packed);
  });

  test("without a body is one without a body", async () => {
    const { url } = await startUpstream((_request, response) => response.writeHead(204).end());
    const response = await post(url);
    expect([response.status, response.body]).toEqual([204, null]);
  });

  test("with a body where none is allowed does not block its connection", async () => {
    const { url, sockets } = await startUpstream((request) => {
      const body = "x".repeat(16_000_000);
      request.socket.write(`HTTP/1.1 205 Reset Content\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    });
    const response = await post(url);
    expect([response.status, response.body]).toEqual([205, null]);
    await until("all of it has been read", () => sockets[0]?.writableLength === 0);
  });

  test("that redirects is not followed", async () => {
    const { url, requests } = await startUpstream((_request, response) => {
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    expect((await post(url)).status).toBe(307);
    expect(requests.length).toBe(1);
  });

  test.each(["999 Nope", "600 Later", "101 Switching Protocols"])(
    "with status %s fails and harms nothing else",
    async (line) => {
      const { url } = await startUpstream((request) => {
        request.socket.end(`HTTP/1.1 ${line}\r\ncontent-length: 0\r\n\r\n`);
      });
      await expect(post(url)).rejects.toThrow();
    },
  );

  test("that changes the protocol unasked, and leaves the connection open, fails at once", async () => {
    const { url, sockets } = await startUpstream((request) => {
      request.socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n");
    });
    await expect(post(url)).rejects.toThrow("without a response");
    await until("the socket is closed", () => sockets[0]?.destroyed === true);
  });

  test("whose connection breaks fails where it is read, and is never a clean end", async () => {
    const { url } = await startUpstream((_request, response) => {
      response.writeHead(200).write("begun");
      setTimeout(() => response.destroy(), 20);
    });
    const response = await post(url);
    await expect(response.text()).rejects.toThrow();
  });

  test("shorter than its content-length fails", async () => {
    const { url } = await startUpstream((_request, response) => {
      response.writeHead(200, { "content-length": "100" }).write("begun");
      setTimeout(() => response.socket?.end(), 20);
    });
    const response = await post(url);
    await expect(response.text()).rejects.toThrow();
  });
});

describe("a request", () => {
  test("whose answer has begun no longer holds its body in memory", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const { url } = await startUpstream((request, response) => {
      request.resume().on("end", () => response.writeHead(200).write("begun"));
    });
    const send = async (): Promise<[WeakRef<Uint8Array>, Response]> => {
      const body = new Uint8Array(1024 * 1024);
      return [new WeakRef(body), await post(url, body)];
    };
    const [body, response] = await send();
    const reader = response.body!.getReader();
    await reader.read();
    for (let at = 0; at < 3; at++) {
      await pause(10);
      collect();
    }
    expect(body.deref()).toBeUndefined();
    await reader.cancel();
  });

  test("takes no notice of what comes before its answer", async () => {
    const { url } = await startUpstream((_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.end("fine");
    });
    const response = await post(url);
    expect([response.status, response.headers.get("link"), await response.text()]).toEqual([
      200,
      null,
      "fine",
    ]);
  });

  test("without a body, and with an empty one, arrives", async () => {
    const { url, requests } = await startUpstream((request, response) => {
      request.resume().on("end", () => response.end("fine"));
    });
    expect(await (await nodeFetch(url, { method: "GET" })).text()).toBe("fine");
    expect(await (await post(url, "")).text()).toBe("fine");
    expect(requests.map(({ headers }) => headers["content-length"])).toEqual([undefined, "0"]);
  });
});

describe("a connection", () => {
  test("is used again after an answer that was read to its end", async () => {
    const { url, sockets } = await startUpstream((_request, response) => {
      response.write("one,");
      setTimeout(() => response.end("two"), 5);
    });
    for (let at = 0; at < 5; at++) expect(await (await post(url)).text()).toBe("one,two");
    expect(sockets.length).toBe(1);
  });

  test("that went stale while it was kept is replaced, without the caller noticing", async () => {
    const { url, sockets, requests } = await startUpstream((request, response, at) => {
      // The second request runs into a connection that the server no longer wants.
      if (at === 1) request.socket.resetAndDestroy();
      else response.end(`answer ${at}`);
    });
    expect(await (await post(url)).text()).toBe("answer 0");
    expect(await (await post(url)).text()).toBe("answer 2");
    expect([sockets.length, requests.length]).toEqual([2, 3]);
  });

  test("that the server closed in silence is replaced also under a large body", async () => {
    const { url, sockets } = await startUpstream((request, response, at) => {
      request.resume();
      request.on("end", () => response.end(`answer ${at}`));
    });
    expect(await (await post(url)).text()).toBe("answer 0");
    // In the very moment in which the next request is begun.
    sockets[0]?.destroy();
    const answer = await post(url, new Uint8Array(8 * 1024 * 1024));
    expect(await answer.text()).toMatch(/^answer /);
    expect(sockets.length).toBe(2);
  });

  test("opens a new connection when every kept one is stale", async () => {
    const stale = new Set<Socket>();
    const { url, sockets } = await startUpstream((request, response) => {
      if (stale.has(request.socket)) request.socket.resetAndDestroy();
      else setTimeout(() => response.end("fine"), 20);
    });
    await Promise.all([post(url), post(url), post(url)].map(async (answer) => (await answer).text()));
    expect(sockets.length).toBe(3);
    for (const socket of sockets) stale.add(socket);
    expect(await (await post(url)).text()).toBe("fine");
  });

  test("is not a kept one for a request that asks for its own", async () => {
    const { url, sockets } = await startUpstream((_request, response) => response.end("fine"));
    await (await post(url)).text();
    const headers = { connection: "close" };
    await (await nodeFetch(url, { method: "POST", headers, body: "{}" })).text();
    expect(sockets.length).toBe(2);
  });

  test("that is new and fails is not tried again: the request may have been taken", async () => {
    const { url, requests } = await startUpstream((request) => request.socket.resetAndDestroy());
    await expect(post(url)).rejects.toThrow();
    expect(requests.length).toBe(1);
  });

  test("that is replaced once and fails again fails for the caller", async () => {
    const { url, requests } = await startUpstream((request, response, at) => {
      if (at === 0) response.end("fine");
      else request.socket.resetAndDestroy();
    });
    expect(await (await post(url)).text()).toBe("fine");
    await expect(post(url)).rejects.toThrow();
    expect(requests.length).toBe(3);
  });

  test("is kept by Kleis itself after a stream that ended well", async () => {
    const door = await openDoor();
    const api_key = door.fakes.claude.issueApiKey();
    await door.account({ provider: "claude", kind: "api_key", api_key });
    const key = await door.key();
    const ports: (number | undefined)[] = [];
    for (let at = 0; at < 3; at++) {
      door.fakes.claude.script({
        raw: (response) => {
          ports.push(response.socket?.remotePort);
          response.writeHead(200, { "content-type": "text/event-stream" });
          response.write(
            'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n',
          );
          response.end('event: message_stop\ndata: {"type":"message_stop"}\n\n');
        },
      });
      const response = await fetch(`${door.url}/v1/messages`, {
        method: "POST",
        headers: { "x-api-key": key },
        body: JSON.stringify({
          model: "claude-sonnet-5",
          max_tokens: 9,
          stream: true,
          messages: [{ role: "user", content: "Hello" }],
        }),
      });
      expect(await response.text()).toContain("message_stop");
      // Letting go happens behind the client's back.
      await pause(20);
    }
    await door.close();
    expect(ports.length).toBe(3);
    expect(new Set(ports).size).toBe(1);
  });
});

describe("an abort", () => {
  const reason = new Error("enough");

  test("before anything was sent rejects with its reason", async () => {
    const { url, requests } = await startUpstream((_request, response) => response.end());
    await expect(post(url, "{}", AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(requests.length).toBe(0);
  });

  test("while waiting for headers rejects and closes the socket", async () => {
    const { url, sockets, requests } = await startUpstream(() => {});
    const abort = new AbortController();
    const pending = post(url, "{}", abort.signal);
    await until("the request arrived", () => requests.length === 1);
    abort.abort(reason);
    await expect(pending).rejects.toBe(reason);
    await until("the socket is closed", () => sockets[0]?.destroyed === true);
    // A connection that was given up is not tried again.
    await pause(20);
    expect(requests.length).toBe(1);
  });

  test("in the middle of an answer fails its reader and closes the socket", async () => {
    const { url, sockets } = await startUpstream((_request, response) => {
      response.writeHead(200).write("begun");
    });
    const abort = new AbortController();
    const response = await post(url, "{}", abort.signal);
    const reader = response.body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe("begun");
    const next = reader.read();
    abort.abort(reason);
    await expect(next).rejects.toThrow();
    await until("the socket is closed", () => sockets[0]?.destroyed === true);
  });

  test("after the end touches nothing: the connection serves the next request", async () => {
    const { url, sockets } = await startUpstream((_request, response) => response.end("whole"));
    const abort = new AbortController();
    expect(await (await post(url, "{}", abort.signal)).text()).toBe("whole");
    abort.abort(reason);
    expect(await (await post(url)).text()).toBe("whole");
    expect(sockets.length).toBe(1);
  });

  test("by cancelling the body closes the socket", async () => {
    const { url, sockets } = await startUpstream((_request, response) => {
      response.writeHead(200).write("begun");
    });
    const response = await post(url);
    await response.body?.cancel();
    await until("the socket is closed", () => sockets[0]?.destroyed === true);
  });
});

describe("back-pressure", () => {
  const SIZE = 50 * 1024 * 1024;
  const PART = Buffer.alloc(64 * 1024, "x");

  /** Writes 50 MB as fast as they are taken. */
  const flood = (response: ServerResponse) => {
    let left = SIZE;
    const more = () => {
      while (left > 0) {
        left -= PART.length;
        if (!response.write(PART)) return response.once("drain", more);
      }
      return response.end();
    };
    more();
  };

  test("an unread body stays with the provider, and arrives whole when it is read", async () => {
    const { url, sockets } = await startUpstream((_request, response) => flood(response));
    const response = await post(url);
    const reader = response.body!.getReader();
    let length = (await reader.read()).value!.length;
    const sent = () => sockets[0]?.bytesWritten ?? 0;
    // Until the buffers of both sockets are full and nothing moves any more.
    let before = -1;
    while (before !== sent()) {
      before = sent();
      await pause(60);
    }
    expect(before).toBeLessThan(SIZE / 3);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
    }
    expect(length).toBe(SIZE);
  });
});
