/**
 * The plumbing under every fake provider: one loopback HTTP server that records each request, turns refusals into
 * answers and closes whatever is still open. Knows no provider.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface RecordedRequest {
  readonly method: string;
  /** Without the query string. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Record<string, string>;
  /** Exactly the bytes that arrived. */
  readonly body: Buffer;
  /** The parsed body; undefined when it is not JSON. */
  readonly json: unknown;
  /** Milliseconds, by the fake's clock. */
  readonly at: number;
  /** True when the caller dropped the connection before the answer had ended (also after a `keepOpen` stream). */
  aborted: boolean;
  /** Resolves when the answer has ended or the connection is gone. */
  readonly closed: Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: Buffer | string | object;
}

/** Who is to blame for a refusal: the request broke a rule, or the account is in a state that a test arranged. */
export type Blame = "caller" | "account";

/** An answer that refuses, with the rule behind it. */
export class Refusal extends Error {
  readonly reply: Reply;
  readonly blame: Blame;

  constructor(rule: string, reply: Reply, blame: Blame = "caller") {
    super(rule);
    this.reply = reply;
    this.blame = blame;
  }
}

export function refuse(rule: string, reply: Reply, blame: Blame = "caller"): never {
  throw new Refusal(rule, reply, blame);
}

/** Answers a request: with a reply, or itself on `res` and with undefined. */
export type Route = (
  request: RecordedRequest,
  res: ServerResponse,
) => Reply | undefined | Promise<Reply | undefined>;

/** Keys look like `POST /v1/messages`. */
export type Routes = Readonly<Record<string, Route>>;

export interface FakeOptions {
  /** Milliseconds since the epoch; the system's clock when absent. */
  now?: () => number;
}

export interface Listener {
  readonly url: string;
  readonly requests: RecordedRequest[];
  /** Those that may come at any time (`isBackground`), which stand in no other list. */
  readonly background: RecordedRequest[];
  /** Refusals that the caller is to blame for; a test that expects good behaviour asserts that this is empty. */
  readonly violations: string[];
  /** Every refusal, also those that follow from an account's state (expired, revoked). */
  readonly refusals: string[];
  violate(what: string): void;
  last(): RecordedRequest;
  /** Ends the server and every connection that is still open. */
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly name: string;
  readonly now: () => number;
  readonly routes: Routes;
  /** Looks at every request before its route does. */
  readonly guard?: (request: RecordedRequest) => void;
  /** True for what is asked in the background, at no time that a test knows. */
  readonly isBackground?: (request: RecordedRequest) => boolean;
}

export async function listen({
  name,
  now,
  routes,
  guard,
  isBackground = () => false,
}: ListenOptions): Promise<Listener> {
  const requests: RecordedRequest[] = [];
  const background: RecordedRequest[] = [];
  const violations: string[] = [];
  const refusals: string[] = [];
  const violate = (what: string): void => {
    violations.push(`${name}: ${what}`);
  };

  const answer = async (message: IncomingMessage, res: ServerResponse): Promise<void> => {
    const request = await record(message, res, now());
    (isBackground(request) ? background : requests).push(request);
    const where = `${request.method} ${request.path}`;
    try {
      guard?.(request);
      const reply = await (routes[where] ?? unknownPath)(request, res);
      if (reply !== undefined) send(res, reply);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusals.push(`${name}: ${error.message} (${where})`);
      if (error.blame === "caller") violate(`${error.message} (${where})`);
      send(res, error.reply);
    }
  };

  const server = createServer((message, res) => {
    message.socket.setNoDelay(true);
    answer(message, res).catch((error: unknown) => {
      violate(`the fake itself broke: ${error instanceof Error ? error.message : String(error)}`);
      if (res.headersSent) res.destroy();
      else send(res, { status: 500, body: "the fake broke" });
    });
  });
  server.on("upgrade", (message, socket) => {
    violate(`upgrade asked for (${message.url})`);
    socket.end("HTTP/1.1 426 Upgrade Required\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    background,
    violations,
    refusals,
    violate,
    last() {
      const request = requests.at(-1);
      if (request === undefined) throw new Error(`${name} has seen no request`);
      return request;
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** Runs what a browser would do at a listener's address: a refusal is recorded there and thrown. */
export function browse<T>(listener: Listener, url: string, visit: () => T): T {
  if (!url.startsWith(`${listener.url}/`)) {
    listener.violate(`the browser was sent to ${new URL(url).origin}`);
    throw new Error(`not an address of this fake: ${url}`);
  }
  try {
    return visit();
  } catch (error) {
    if (error instanceof Refusal) listener.violate(error.message);
    throw error;
  }
}

/** Sends a whole answer. JSON bodies get their content type unless the reply names one. */
export function send(res: ServerResponse, { status, headers = {}, body }: Reply): void {
  if (res.destroyed || res.writableEnded) return;
  const bytes = bytesOf(body);
  const isJson = typeof body === "object" && !Buffer.isBuffer(body);
  res.writeHead(status, {
    ...(isJson ? { "content-type": "application/json" } : {}),
    "content-length": String(bytes.length),
    ...headers,
  });
  res.end(bytes);
}

export function bytesOf(body: Reply["body"]): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

async function record(message: IncomingMessage, res: ServerResponse, at: number): Promise<RecordedRequest> {
  const url = new URL(message.url ?? "/", "http://fake");
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[key] = Array.isArray(value) ? value.join(", ") : value;
  }
  let close = (): void => {};
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  const request: RecordedRequest = {
    method: message.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers,
    body,
    json: parse(body),
    at,
    aborted: false,
    closed,
  };
  res.on("close", () => {
    if (!res.writableFinished && !CUT.has(res)) request.aborted = true;
    close();
  });
  return request;
}

/** Answers that a scenario broke off on purpose: their end is not the caller's doing. */
const CUT = new WeakSet<ServerResponse>();

/** Drops the connection as a failing upstream would; the request does not count as aborted by the caller. */
export function cutConnection(res: ServerResponse): void {
  CUT.add(res);
  res.destroy();
}

function parse(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function unknownPath(request: RecordedRequest): Reply {
  return refuse(`no such path ${request.path}`, {
    status: 404,
    body: { error: { type: "not_found_error", message: "Not Found" } },
  });
}
