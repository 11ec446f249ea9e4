/**
 * `fetch` for upstream requests, over `node:http(s)`: bytes come as they were sent (Node's own `fetch` unpacks whatever
 * is labelled as packed, and gives up after 300 s), connections are kept, back-pressure reaches the socket.
 */
import * as http from "node:http";
import * as https from "node:https";
import type { Fetch } from "../../src/runtime.ts";

const agents = {
  "http:": new http.Agent({ keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 64 }),
  "https:": new https.Agent({ keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 64 }),
};

/** How a connection that is gone fails: while its answer is awaited, and while a long body is still being written. */
const STALE: ReadonlySet<string | undefined> = new Set(["ECONNRESET", "EPIPE"]);

export const nodeFetch: Fetch = (address, init) => {
  const headers: Record<string, string> = {};
  new Headers(init.headers).forEach((value, name) => {
    headers[name] = value;
  });
  // Let go as soon as the answer begins: what listens while it streams would keep hold of it.
  let body = toBytes(init.body);
  if (body !== undefined) headers["content-length"] = String(body.byteLength);
  const { signal, method = "GET" } = init;
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    let current: http.ClientRequest | http.IncomingMessage;
    const abort = () => {
      current.destroy(new Error("aborted", { cause: signal?.reason }));
      // What is destroyed already says nothing more.
      reject(signal?.reason);
    };
    const settled = () => signal?.removeEventListener("abort", abort);
    signal?.addEventListener("abort", abort);

    const attempt = (retry: boolean) => {
      const url = new URL(address);
      const secure = url.protocol === "https:";
      const kept = secure ? agents["https:"] : agents["http:"];
      // A second try gets a connection of its own: another kept one may be as stale.
      const agent = !retry || headers.connection === "close" ? false : kept;
      const outgoing = (secure ? https : http).request(url, { method, headers, agent });
      current = outgoing;
      let over = false;
      const fail = (error: Error) => {
        if (over) return;
        over = true;
        settled();
        reject(error);
      };
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        // A kept connection that the server closed while idle never took the request; a fresh one may.
        if (!over && retry && outgoing.reusedSocket && STALE.has(error.code)) {
          over = true;
          return attempt(false);
        }
        fail(error);
      });
      // A 101 that nobody asked for ends so, with neither an answer nor an error.
      outgoing.on("close", () => fail(new Error("the connection closed without an answer")));
      outgoing.on("response", (incoming) => {
        over = true;
        body = undefined;
        current = incoming;
        incoming.on("close", settled);
        incoming.on("error", () => {});
        const { statusCode = 0 } = incoming;
        if (statusCode >= 200 && statusCode <= 599) return resolve(toResponse(incoming));
        incoming.destroy();
        reject(new Error(`${statusCode} is the status of no answer`));
      });
      outgoing.end(body);
    };
    attempt(true);
  });
};

function toBytes(body: RequestInit["body"]): Uint8Array | undefined {
  if (body === null || body === undefined) return undefined;
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError("an upstream request's body is text or bytes");
}

function toResponse(incoming: http.IncomingMessage): Response {
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at] ?? "", incoming.rawHeaders[at + 1] ?? "");
  }
  const status = incoming.statusCode ?? 502;
  const empty = status === 204 || status === 205 || status === 304;
  if (empty) incoming.resume();
  return new Response(empty ? null : toStream(incoming), { status, headers });
}

/** The body as a stream that reads the socket only when asked and closes it when cancelled. */
function toStream(incoming: http.IncomingMessage): ReadableStream<Uint8Array> {
  let settle: (() => void) | undefined;
  const wake = () => {
    settle?.();
    settle = undefined;
  };
  let failure: Error | undefined;
  incoming.on("readable", wake);
  incoming.on("end", wake);
  incoming.on("error", (error) => {
    failure = error;
    wake();
  });
  incoming.on("close", () => {
    if (!incoming.readableEnded && !incoming.complete) failure ??= new Error("the connection closed early");
    wake();
  });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const chunk: Buffer | null = incoming.read();
          if (chunk !== null) return controller.enqueue(chunk);
          if (failure !== undefined) return controller.error(failure);
          if (incoming.readableEnded) return controller.close();
          if (incoming.destroyed && incoming.complete) return controller.close();
          await new Promise<void>((resolve) => {
            settle = resolve;
          });
        }
      },
      cancel() {
        incoming.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}
