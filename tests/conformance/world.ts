/** A door as a case finds it: strict stand-ins behind it, an account of every kind, keys, and the wire to talk to it. */

import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { type Fakes, type RecordedRequest, startFakes } from "../fakes/index.ts";
import { type Dict, objectOf, objectsOf, stringOf } from "../fakes/inspect.ts";
import type { DoorName } from "./case.ts";
import { type Exchange, exchangesOf } from "./exchange.ts";
import type { Stage } from "./stage.ts";
import { openTap } from "./tap.ts";

/** `claude`, `codex` and `copilot` are sign-ins, the other two API keys. */
export type AccountName = "claude" | "claudeKey" | "codex" | "openaiKey" | "copilot";

export interface Account {
  readonly id: string;
  /** A Kleis key that may use this account only. */
  readonly key: string;
}

export interface Ask {
  key?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  method?: string;
}

export interface World {
  readonly door: DoorName;
  readonly url: string;
  readonly stage: Stage;
  readonly fakes: Fakes;
  /** A key that may use everything. */
  readonly key: string;
  readonly accounts: Record<AccountName, Account>;
  /** Sends a client's request; a body that is not bytes or text goes as JSON. */
  ask(path: string, body?: unknown, options?: Ask): Promise<Response>;
  /** Calls the admin API. */
  admin(method: string, path: string, body?: unknown): Promise<{ status: number; body: Dict; text: string }>;
  /** Imports an account, and issues a key for it alone. */
  connect(account: object): Promise<Account>;
  /** Everything that the door's process printed. */
  log(): string;
  /** Everything that was asked of the door so far, and what it answered. */
  exchanges(): Exchange[];
  close(): Promise<void>;
}

/** Starts the stand-ins, then the door in front of them. */
export async function openWorld(name: DoorName, stage: Stage): Promise<World> {
  const fakes = await startFakes();
  const door = await stage.start({ ...fakes.env, LOG_LEVEL: "debug" });
  const tap = await openTap(door.url);
  const world: Omit<World, "accounts" | "key"> = {
    door: name,
    url: tap.url,
    stage,
    fakes,
    ask: (path, body, { key, headers, signal, method } = {}) =>
      fetch(tap.url + path, {
        method: method ?? (body === undefined ? "GET" : "POST"),
        redirect: "manual",
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: encode(body) }),
        ...(signal === undefined ? {} : { signal }),
      }),
    async admin(method, path, body) {
      const response = await world.ask(path, body, { key: ADMIN_TOKEN, method });
      const text = await response.text();
      const value: unknown = text.startsWith("{") ? JSON.parse(text) : undefined;
      return { status: response.status, body: objectOf(value) ?? {}, text };
    },
    async connect(account) {
      const imported = await world.admin("POST", "/admin/accounts/import", account);
      const id = stringOf(objectsOf(imported.body.accounts)[0]?.id);
      if (imported.status !== 201) throw new Error(`import: ${imported.status} ${imported.text}`);
      const issued = await world.admin("POST", "/admin/keys", { accounts: [id] });
      return { id, key: stringOf(issued.body.key) };
    },
    log: door.output,
    exchanges: () => tap.connections.flatMap(exchangesOf),
    async close() {
      await tap.close();
      await door.close();
      await fakes.close();
    },
  };
  const { claude, codex, copilot } = fakes;
  const chatgpt = codex.issueTokens();
  const accounts = {
    claude: await world.connect(signIn("claude", claude.issueTokens())),
    codex: await world.connect({ ...signIn("codex", chatgpt), account_id: chatgpt.accountId }),
    copilot: await world.connect({
      provider: "copilot",
      kind: "oauth",
      access_token: copilot.issueTokens().accessToken,
    }),
    claudeKey: await world.connect({ provider: "claude", kind: "api_key", api_key: claude.issueApiKey() }),
    openaiKey: await world.connect({ provider: "codex", kind: "api_key", api_key: codex.issueApiKey() }),
  };
  const issued = await world.admin("POST", "/admin/keys", { label: "everything" });
  return { ...world, accounts, key: stringOf(issued.body.key) };
}

/** An import of tokens that a stand-in has issued. */
export function signIn(
  provider: string,
  tokens: { accessToken: string; refreshToken: string; expiresAt: number },
): object {
  return {
    provider,
    kind: "oauth",
    access_token: tokens.accessToken,
    refresh_token: tokens.refreshToken,
    expires_at: tokens.expiresAt,
  };
}

/** Forgets what the stand-ins have heard so far and gives what they blame Kleis for. */
export function blamed({ claude, codex, copilot }: Fakes): string[] {
  const all = [claude, codex, copilot];
  const violations = all.flatMap((fake) => fake.violations);
  for (const fake of all) fake.violations.length = 0;
  return violations;
}

/** The last request that any of the providers was asked for an answer. */
export function lastAsked(requests: readonly RecordedRequest[]): RecordedRequest {
  const request = requests.at(-1);
  if (request === undefined) throw new Error("the provider was not asked");
  return request;
}

/** Asks `is` until it is true; fails with `what` after `limitMs`. */
export async function until(
  what: string,
  limitMs: number,
  is: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((done) => setTimeout(done, 15));
  }
}

function encode(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  return JSON.stringify(body);
}
