/** Signing in over the admin API: Kleis in memory before the strict fakes, with one virtual clock for both. */
import { createClient } from "@libsql/client";
import { onTestFinished } from "vitest";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { isObject, type JsonObject } from "../../src/json.ts";
import type { Fetch, Runtime } from "../../src/runtime.ts";
import { startFakes } from "../fakes/index.ts";
import { startKleis } from "../support/kleis.ts";
import type { Answer } from "../support/requests.ts";
import { newStorage } from "../support/storage.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

export interface SignInOptions {
  env?: Record<string, string>;
  /** Wraps what goes upstream. */
  fetch?: (next: Fetch) => Fetch;
  listenForCallback?: Runtime["listenForCallback"];
  /** Requests come from this machine. */
  local?: boolean;
}

export async function startSignIns(options: SignInOptions = {}) {
  const { env, fetch: wrap = (next) => next, listenForCallback, local = false } = options;
  const clock = new VirtualClock();
  const fakes = await startFakes({ now: () => clock.now() });
  onTestFinished(() => fakes.close());
  const { storage, file } = await newStorage();
  const kleis = await startKleis({
    env: { ...fakes.env, ...env },
    storage,
    clock,
    network: wrap(nodeFetch),
    peer: { local },
    more: listenForCallback === undefined ? {} : { listenForCallback },
  });
  return Object.assign(kleis, {
    fakes,
    start: (provider: string, body: object = {}) =>
      kleis.admin("POST", `/admin/accounts/${provider}/oauth/start`, body),
    complete: (provider: string, state: unknown, code?: string) =>
      kleis.admin("POST", `/admin/accounts/${provider}/oauth/complete`, {
        state,
        ...(code === undefined ? {} : { code }),
      }),
    accounts: () => storage.accounts.list(),
    /** All that the database holds of sign-ins and accounts, as stored. */
    async dump(): Promise<string> {
      const client = createClient({ url: `file:${file}` });
      const { rows } = await client.execute("select * from oauth_states");
      const accounts = await client.execute("select * from provider_accounts");
      client.close();
      return JSON.stringify([rows, accounts.rows]);
    },
  });
}

export type SignIns = Awaited<ReturnType<typeof startSignIns>>;

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

/** Answers some requests itself: with a response, or null to send it on. */
export function intercept(answer: (url: URL) => Response | null): (next: Fetch) => Fetch {
  return (next) => async (url, init) => answer(new URL(url)) ?? next(url, init);
}

/** Replaces the JSON of successful responses under this path, and perhaps their status. */
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
