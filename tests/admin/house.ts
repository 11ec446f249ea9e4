/** The whole app in memory, without a port: for what needs no browser. The clock can be put forward. */

import { TEST_KEY } from "../../harness/secrets.ts";
import { createApp } from "../../src/app.ts";
import { readConfig } from "../../src/environment.ts";
import type { LogFields, Runtime } from "../../src/runtime.ts";
import { random, sleep } from "../support/config.ts";
import { newStorage } from "../support/storage.ts";

export const ADMIN_TOKEN = "tH3-0wner_Of.this/place+knows";

export interface HouseOptions {
  env?: Record<string, string>;
  /** Another house over the same store. */
  beside?: House;
  fetch?: Runtime["fetch"];
  listenForCallback?: Runtime["listenForCallback"];
}

export interface House {
  readonly runtime: Runtime;
  readonly clock: { ms: number };
  readonly logged: string[];
  /** A request of a browser: with this house's address as its origin unless another is named. */
  ask(path: string, options?: AskOptions): Promise<Response>;
  /** Logs in and gives the cookie to send from then on. */
  login(): Promise<string>;
}

export interface AskOptions {
  method?: string;
  origin?: string | null;
  site?: string;
  cookie?: string;
  form?: Record<string, string>;
  json?: unknown;
  headers?: Record<string, string>;
  /** The address under which the browser knows the house. */
  base?: string;
}

const BASE = "http://127.0.0.1:4747";

export async function createHouse(options: HouseOptions = {}): Promise<House> {
  const config = readConfig({ ADMIN_TOKEN, ENCRYPTION_KEY: TEST_KEY, MODELS_DEV_URL: "", ...options.env });
  if (!config.ok) throw new Error(config.problems.join("; "));
  const storage = options.beside?.runtime.storage ?? (await newStorage()).storage;
  const clock = options.beside?.clock ?? { ms: 1_790_000_000_000 };
  const logged: string[] = [];
  const log = (event: string, fields?: LogFields) => void logged.push(JSON.stringify({ event, ...fields }));
  const runtime: Runtime = {
    config: config.config,
    storage,
    fetch: options.fetch ?? (() => Promise.reject(new Error("no test here goes upstream"))),
    clock: { now: () => clock.ms, sleep },
    random,
    waitUntil: (work) => void work.catch(() => {}),
    logger: { debug: log, info: log, warn: log, error: log },
    sharesPromises: true,
    ...(options.listenForCallback === undefined ? {} : { listenForCallback: options.listenForCallback }),
  };
  const app = createApp(runtime);

  async function ask(path: string, wish: AskOptions = {}): Promise<Response> {
    const { base = BASE, form, json, cookie, site } = wish;
    const origin = wish.origin === undefined ? base : wish.origin;
    const body =
      form !== undefined ? new URLSearchParams(form) : json !== undefined ? JSON.stringify(json) : null;
    const method = wish.method ?? (body === null ? "GET" : "POST");
    return await app.fetch(
      new Request(base + path, {
        method,
        body,
        headers: {
          ...(origin === null || method === "GET" ? {} : { origin }),
          ...(json === undefined ? {} : { "content-type": "application/json" }),
          ...(cookie === undefined ? {} : { cookie }),
          ...(site === undefined ? {} : { "sec-fetch-site": site }),
          ...wish.headers,
        },
      }),
      { local: true },
    );
  }

  return {
    runtime,
    clock,
    logged,
    ask,
    async login() {
      const answer = await ask("/admin/login", { form: { token: config.config.ADMIN_TOKEN } });
      return cookieOf(answer);
    },
  };
}

/** What a browser would send back of an answer's cookies. */
export function cookieOf(answer: Response): string {
  return answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0] ?? "")
    .join("; ");
}
