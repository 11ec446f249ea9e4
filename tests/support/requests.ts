/** How tests talk to Kleis, wherever it runs. */
import { isObject, type JsonObject, parseJson } from "../../src/json.ts";

/** A response, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body where it is a JSON object, else an empty one. */
  readonly json: JsonObject;
  /** The error's message; empty where there is none. */
  readonly message: string;
}

/** A request of an agent or of the owner, with the secret as bearer token and the body as JSON. */
export function requestAs(secret: string, method: string, body?: unknown): RequestInit {
  return {
    method,
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const text = await response.text();
  const value = parseJson(text);
  const json = isObject(value) ? value : {};
  const error = isObject(json.error) ? json.error : {};
  return { status, headers, text, json, message: String(error.message ?? "") };
}

/** The JSON of a successful response; throws for any other. */
export async function successOf<Body>(response: Response): Promise<Body> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${text}`);
  return JSON.parse(text) as Body;
}

/** The cookies of a response as a browser sends them back. */
export function cookieOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0] ?? "")
    .join("; ");
}

/** What a browser's forms and scripts ask. */
export interface BrowserRequest {
  method?: string;
  /** `null`: none is sent; otherwise the address itself. */
  origin?: string | null;
  site?: string;
  cookie?: string;
  form?: Record<string, string>;
  json?: unknown;
  headers?: Record<string, string>;
  /** The address under which the browser knows Kleis. */
  base?: string;
}

export function browserRequest(base: string, path: string, options: BrowserRequest): Request {
  const { form, json, cookie, site } = options;
  const origin = options.origin === undefined ? base : options.origin;
  const body =
    form !== undefined ? new URLSearchParams(form) : json !== undefined ? JSON.stringify(json) : null;
  const method = options.method ?? (body === null ? "GET" : "POST");
  return new Request(base + path, {
    method,
    body,
    headers: {
      ...(origin === null || method === "GET" ? {} : { origin }),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...(cookie === undefined ? {} : { cookie }),
      ...(site === undefined ? {} : { "sec-fetch-site": site }),
      ...options.headers,
    },
  });
}
