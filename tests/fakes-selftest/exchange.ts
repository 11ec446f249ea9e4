/** One HTTP exchange with every header chosen, so that a test can break exactly one rule. */
import { type IncomingHttpHeaders, request as open } from "node:http";

export interface Call {
  method?: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: string | object;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  bytes: Buffer;
  /** The pieces as they came. */
  chunks: Buffer[];
  /** The connection broke before the answer had ended. */
  broken: boolean;
}

export function exchange(url: string, { method = "POST", headers = {}, body }: Call = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = open(url, { method, headers }, (res) => {
      const chunks: Buffer[] = [];
      const finish = (): void => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          text: bytes.toString("utf8"),
          bytes,
          chunks,
          broken: !res.complete,
        });
      };
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("error", () => {});
      res.on("close", finish);
    });
    req.on("error", reject);
    req.end(typeof body === "object" ? JSON.stringify(body) : body);
  });
}

/** The data of each event in a stream. */
export function dataOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data: "))
    .map((line) => line.slice("data: ".length));
}

/** The same call with some headers changed; undefined removes one. */
export function withHeaders(call: Call, changes: Record<string, string | undefined>): Call {
  const headers = { ...call.headers };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete headers[name];
    else headers[name] = value;
  }
  return { ...call, headers };
}

/** The same call with some fields of its JSON body changed; undefined removes one. */
export function withBody(call: Call, changes: Record<string, unknown>): Call {
  const body = typeof call.body === "object" ? call.body : {};
  return { ...call, body: { ...body, ...changes } };
}
