/**
 * The whole of Kleis in memory, without a port: the real application over a database file, with a clock, a network and a
 * log of the test's own. `startServer` (server.ts) is the same as a real server.
 */
import { type App, createApp } from "../../src/app.ts";
import { type IssuedKey, issueKey, type KeyRequest } from "../../src/keys/issue.ts";
import type { Clock, Peer } from "../../src/runtime.ts";
import type { AccountRecord, NewAccount } from "../../src/storage/port.ts";
import type { HandClock } from "./hand-clock.ts";
import {
  type Answer,
  answerOf,
  type BrowserRequest,
  browserRequest,
  cookieOf,
  requestAs,
} from "./requests.ts";
import { type RuntimeOptions, type TestRuntime, testRuntime } from "./runtime.ts";
import { newAccount } from "./storage.ts";

export const BASE = "http://127.0.0.1:4747";

export interface KleisOptions<C extends Clock = HandClock> extends RuntimeOptions<C> {
  /** The address under which it is reached, unless a request names another. */
  base?: string;
  /** Where requests come from, unless one says otherwise. */
  peer?: Peer;
}

export interface Kleis<C extends Clock = HandClock> extends TestRuntime<C> {
  /** The running application; `restart` puts another in its place. */
  app: App;
  /** Of a client: a path below the base, or a whole URL. Follows no redirect. */
  request(path: string, init?: RequestInit, peer?: Peer): Promise<Response>;
  /** With a key or token as bearer token, and a body as JSON. */
  send(method: string, path: string, secret: string, body?: unknown): Promise<Response>;
  /** The admin API, as the owner. */
  admin(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Of a browser on this machine. */
  browse(path: string, options?: BrowserRequest): Promise<Response>;
  /** Logs in; the cookie to send from then on. */
  login(): Promise<string>;
  /** Stores an account with made-up secrets: `acc_1`, `acc_2`, and so on. */
  account(provider: string, change?: Partial<NewAccount>): Promise<AccountRecord>;
  key(request?: KeyRequest): Promise<IssuedKey>;
  /** The same storage under a new process. */
  restart(): void;
  /** Another process on the same storage, at the same time. */
  another(options?: Omit<KleisOptions<C>, "clock">): Promise<Kleis<C>>;
}

export async function startKleis<C extends Clock = HandClock>(
  options: KleisOptions<C> = {},
): Promise<Kleis<C>> {
  const { base = BASE, peer = {} } = options;
  const test = await testRuntime(options);
  const { runtime, storage, clock } = test;
  let accounts = 0;
  const request: Kleis["request"] = async (path, init = {}, from = peer) =>
    kleis.app.fetch(
      new Request(path.startsWith("http") ? path : base + path, { redirect: "manual", ...init }),
      from,
    );
  const send: Kleis["send"] = (method, path, secret, body) => request(path, requestAs(secret, method, body));
  const browse: Kleis["browse"] = async (path, wanted = {}) =>
    kleis.app.fetch(browserRequest(wanted.base ?? base, path, wanted), { local: true });

  const kleis: Kleis<C> = Object.assign(test, {
    app: createApp(runtime),
    request,
    send,
    browse,
    admin: async (method: string, path: string, body?: unknown) =>
      answerOf(await send(method, path, runtime.config.ADMIN_TOKEN, body)),
    async login() {
      return cookieOf(await browse("/admin/login", { form: { token: runtime.config.ADMIN_TOKEN } }));
    },
    account(provider: string, change: Partial<NewAccount> = {}) {
      accounts++;
      const isOauth = (change.kind ?? "oauth") === "oauth";
      return storage.accounts.save(
        newAccount({
          id: `acc_${accounts}`,
          provider,
          externalId: `external-${accounts}`,
          metadata: {},
          expiresAt: null,
          now: clock.now(),
          accessToken: isOauth ? `planted-token-${accounts}` : null,
          refreshToken: null,
          apiKey: isOauth ? null : `planted-key-${accounts}`,
          ...change,
        }),
      );
    },
    key: (wanted: KeyRequest = {}) => issueKey(runtime, wanted),
    restart() {
      kleis.app = createApp(runtime);
    },
    another: (more: Omit<KleisOptions<C>, "clock"> = {}) =>
      startKleis<C>({ ...options, storage, ...more, clock }),
  });
  return kleis;
}
