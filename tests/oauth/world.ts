/** The whole app over a real database file and the strict fakes, with a clock that stands still: signing in, over HTTP. */
import { createServer } from "node:http";
import { createClient } from "@libsql/client";
import { onTestFinished } from "vitest";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { TEST_KEY } from "../../harness/secrets.ts";
import { createApp } from "../../src/app.ts";
import { readConfig } from "../../src/environment.ts";
import { isObject, type JsonObject, parseJson } from "../../src/json.ts";
import type { Fetch, LogFields, Runtime } from "../../src/runtime.ts";
import { type Fakes, startFakes } from "../fakes/index.ts";
import { random } from "../support/config.ts";
import { newStorage } from "../support/storage.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

export const ADMIN_TOKEN = "tH3-0wner_Of.this/place+knows";

export interface Answer {
  status: number;
  text: string;
  json: JsonObject;
  /** The error's words; empty when it is none. */
  message: string;
}

export interface Options {
  env?: Record<string, string>;
  /** Wraps what goes upstream. */
  fetch?: (next: Fetch) => Fetch;
  listenForCallback?: Runtime["listenForCallback"];
  local?: boolean;
}

export interface Call {
  url: string;
  method: string;
}

export async function createSignInWorld(options: Options = {}) {
  const clock = new VirtualClock();
  const fakes: Fakes = await startFakes({ now: () => clock.now() });
  onTestFinished(() => fakes.close());
  const { storage, file } = await newStorage();
  const config = readConfig({
    ...fakes.env,
    ADMIN_TOKEN,
    ENCRYPTION_KEY: TEST_KEY,
    ...options.env,
  });
  if (!config.ok) throw new Error(config.problems.join("; "));
  const sent: Call[] = [];
  const wire = options.fetch?.(nodeFetch) ?? nodeFetch;
  const logged: string[] = [];
  const log = (event: string, fields?: LogFields) => void logged.push(JSON.stringify({ event, ...fields }));
  const background: Promise<unknown>[] = [];
  const runtime: Runtime = {
    config: config.config,
    storage,
    fetch: (url, init) => {
      sent.push({ url, method: init.method ?? "" });
      return wire(url, init);
    },
    clock,
    random,
    waitUntil: (work) => void background.push(work),
    logger: { debug: log, info: log, warn: log, error: log },
    sharesPromises: true,
    ...(options.listenForCallback === undefined ? {} : { listenForCallback: options.listenForCallback }),
  };
  const app = createApp(runtime);

  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await app.fetch(
      new Request(`http://127.0.0.1:4747/admin${path}`, {
        method,
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
      { local: options.local ?? false },
    );
    const text = await response.text();
    const value = parseJson(text);
    const json = isObject(value) ? value : {};
    const error = isObject(json.error) ? json.error : {};
    return { status: response.status, text, json, message: String(error.message ?? "") };
  }

  return {
    app,
    call,
    clock,
    fakes,
    runtime,
    storage,
    /** Every request that went upstream, in order. */
    sent,
    logged,
    background,
    start: (provider: string, body: object = {}) => call("POST", `/accounts/${provider}/oauth/start`, body),
    complete: (provider: string, state: unknown, code?: string) =>
      call("POST", `/accounts/${provider}/oauth/complete`, {
        state,
        ...(code === undefined ? {} : { code }),
      }),
    accounts: () => storage.accounts.list(),
    /** Everything that the database holds, as it lies there. */
    async dump(): Promise<string> {
      const client = createClient({ url: `file:${file}` });
      const { rows } = await client.execute("select * from oauth_states");
      const accounts = await client.execute("select * from provider_accounts");
      client.close();
      return JSON.stringify([rows, accounts.rows]);
    },
  };
}

export type SignInWorld = Awaited<ReturnType<typeof createSignInWorld>>;

/** A text field of an answer. */
export function field({ json, text }: Answer, name: string): string {
  const value = json[name];
  if (typeof value !== "string") throw new Error(`${name} is not text in ${text}`);
  return value;
}

/** The `account` of an answer. */
export function account({ json, text }: Answer): JsonObject {
  if (!isObject(json.account)) throw new Error(`there is no account in ${text}`);
  return json.account;
}

/** A fetch that answers some calls itself: with a response, or null to send the call on. */
export function intercept(answer: (url: URL) => Response | null): (next: Fetch) => Fetch {
  return (next) => async (url, init) => answer(new URL(url)) ?? next(url, init);
}

/** A fetch whose successful answers under this path come with other JSON, and perhaps another status. */
export function rewritten(
  path: string,
  change: (body: JsonObject) => JsonObject,
  status?: number,
): (next: Fetch) => Fetch {
  return (next) => async (url, init) => {
    const answer = await next(url, init);
    if (!answer.ok || !new URL(url).pathname.endsWith(path)) return answer;
    const body: unknown = await answer.json();
    return Response.json(isObject(body) ? change(body) : body, { status: status ?? answer.status });
  };
}

export const html = (status: number) =>
  new Response("<!doctype html><title>Just a moment…</title>", {
    status,
    headers: { "content-type": "text/html" },
  });

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
