/** A request as its bytes: no header that the test did not write, no body that was touched, and the answer as it came. */
import { type IncomingHttpHeaders, request } from "node:http";

export interface WireRequest {
  method?: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: Buffer | string | object;
  /** Sends the body in pieces without saying its length. */
  chunked?: boolean;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The parsed body; undefined when it is not JSON. */
  readonly json: unknown;
}

export function wire(address: string, options: WireRequest = {}): Promise<WireAnswer> {
  const { method = "POST", headers = {}, chunked = false } = options;
  const body = toBytes(options.body);
  const framing: Record<string, string> = chunked
    ? { "transfer-encoding": "chunked" }
    : body === undefined
      ? {}
      : { "content-length": String(body.length) };
  return new Promise((resolve, reject) => {
    let answered = false;
    const outgoing = request(address, { method, headers: { ...framing, ...headers }, agent: false });
    outgoing.on("error", (error) => {
      // A server that refuses a long body early may close before all of it was written.
      if (!answered) reject(error);
    });
    outgoing.on("response", (incoming) => {
      answered = true;
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const bytes = Buffer.concat(parts);
        const text = bytes.toString("utf8");
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: bytes,
          text,
          json: parse(text),
        });
      });
    });
    outgoing.end(body);
  });
}

function toBytes(body: WireRequest["body"]): Buffer | undefined {
  if (body === undefined || Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
