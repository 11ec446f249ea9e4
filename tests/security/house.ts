/** The whole app in memory over a real store, with an account of two providers, keys of every kind and a session. */
import type { Client } from "@libsql/client";
import { TEST_KEY } from "../../harness/secrets.ts";
import { type App, createApp } from "../../src/app.ts";
import { readConfig } from "../../src/environment.ts";
import { type IssuedKey, issueKey } from "../../src/keys/issue.ts";
import type { LogFields, Peer, Runtime } from "../../src/runtime.ts";
import { random, sleep } from "../support/config.ts";
import { newAccount, newStorage } from "../support/storage.ts";

export const ADMIN_TOKEN = "tH3-0wner_Of.this/place+knows";
export const BASE = "http://127.0.0.1:4747";
const NOW = 1_790_000_000_000;

export interface House {
  readonly app: App;
  readonly runtime: Runtime;
  readonly clock: { ms: number };
  /** For looking under the storage. */
  readonly client: Client;
  readonly logged: string[];
  /** Addresses that were called upstream, but for lists of models: those are asked for at no certain time. */
  readonly sent: string[];
  readonly keys: Record<"live" | "codexOnly" | "revoked" | "expired", IssuedKey>;
  ask(path: string, init?: RequestInit, peer?: Peer): Promise<Response>;
  /** Logs in; the cookie to send from then on. */
  login(): Promise<string>;
}

export interface HouseOptions {
  env?: Record<string, string>;
  fetch?: Runtime["fetch"];
  more?: Partial<Runtime>;
}

/** Claude's is the only one that an API key of the house has. */
function isModelList(url: string): boolean {
  return new URL(url).pathname === "/v1/models" && new URL(url).searchParams.get("limit") === "1000";
}

export async function createHouse(options: HouseOptions = {}): Promise<House> {
  const config = readConfig({ ADMIN_TOKEN, ENCRYPTION_KEY: TEST_KEY, MODELS_DEV_URL: "", ...options.env });
  if (!config.ok) throw new Error(config.problems.join("; "));
  const { storage, client } = await newStorage();
  const clock = { ms: NOW };
  const logged: string[] = [];
  const sent: string[] = [];
  const log = (event: string, fields?: LogFields) => void logged.push(JSON.stringify({ event, ...fields }));
  const runtime: Runtime = {
    config: config.config,
    storage,
    fetch: (url, init) => {
      if (isModelList(url)) return Promise.resolve(new Response("no list", { status: 404 }));
      sent.push(url);
      return options.fetch?.(url, init) ?? Promise.reject(new Error("no test here goes upstream"));
    },
    clock: { now: () => clock.ms, sleep },
    random,
    waitUntil: (work) => void work.catch(() => {}),
    logger: { debug: log, info: log, warn: log, error: log },
    sharesPromises: true,
    ...options.more,
  };
  for (const provider of ["claude", "codex"]) {
    await storage.accounts.save(
      newAccount({
        id: `acc_${provider}`,
        provider,
        kind: "api_key",
        externalId: provider,
        metadata: {},
        expiresAt: null,
        accessToken: null,
        refreshToken: null,
        apiKey: `planted-api-key-of-${provider}`,
      }),
    );
  }
  const keys = {
    live: await issueKey(runtime, { label: "live" }),
    codexOnly: await issueKey(runtime, { label: "codex only", providers: ["codex"] }),
    revoked: await issueKey(runtime, { label: "revoked" }),
    expired: await issueKey(runtime, { label: "expired", expiresAt: NOW - 1 }),
  };
  await storage.keys.revoke(keys.revoked.record.id, NOW);

  const app = createApp(runtime);
  const ask = async (path: string, init: RequestInit = {}, peer: Peer = {}) =>
    app.fetch(
      new Request(path.startsWith("http") ? path : BASE + path, { redirect: "manual", ...init }),
      peer,
    );

  return {
    app,
    runtime,
    clock,
    client,
    logged,
    sent,
    keys,
    ask,
    async login() {
      const body = new URLSearchParams({ token: ADMIN_TOKEN });
      const answer = await ask("/admin/login", { method: "POST", body, headers: { origin: BASE } });
      return answer.headers
        .getSetCookie()
        .map((cookie) => cookie.split(";")[0])
        .join("; ");
    },
  };
}
