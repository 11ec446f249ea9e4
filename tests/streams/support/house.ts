/** The whole app in memory: a real store, accounts of every kind, and an upstream that the test plays itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { testKeyOf } from "../../../harness/secrets.ts";
import { type App, createApp } from "../../../src/app.ts";
import { readConfig } from "../../../src/environment.ts";
import { issueKey } from "../../../src/keys/issue.ts";
import type { Clock, Fetch, LogFields, Runtime } from "../../../src/runtime.ts";
import { sharedClient } from "../../../src/storage/libsql/connections.ts";
import { migrate } from "../../../src/storage/libsql/migrate.ts";
import { createLibsqlStorage } from "../../../src/storage/libsql/storage.ts";
import { createSealer } from "../../../src/storage/seal.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

/** The account that answers: a key of the house may use one account only. */
export type HouseAccount = "claude" | "claudeKey" | "codex" | "openaiKey" | "copilot";

export interface Sent {
  readonly url: string;
  readonly headers: Headers;
  /** The body's bytes as they went upstream. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly text: string;
  readonly signal: AbortSignal | null;
}

export interface Asked {
  readonly as: HouseAccount;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export interface House<C extends Clock = Clock> {
  readonly app: App;
  readonly clock: C;
  /** What goes upstream, in order: requests for answers only. */
  readonly sent: Sent[];
  /** One entry per request that has ended. */
  readonly logs: LogFields[];
  /** Whatever else was logged. */
  readonly complaints: string[];
  /** Plays the upstream from now on. */
  serve(upstream: (sent: Sent) => Response | Promise<Response>): void;
  key(account: HouseAccount): string;
  /** Uses every account again, whatever limit an earlier test has played. */
  uncool(): Promise<void>;
  post(path: string, body: unknown, asked: Asked): Promise<Response>;
  close(): void;
}

const ACCOUNTS: Record<
  HouseAccount,
  { provider: string; kind: "oauth" | "api_key"; metadata: Record<string, string> }
> = {
  claude: { provider: "claude", kind: "oauth", metadata: {} },
  claudeKey: { provider: "claude", kind: "api_key", metadata: {} },
  codex: { provider: "codex", kind: "oauth", metadata: { account_id: "owner" } },
  openaiKey: { provider: "codex", kind: "api_key", metadata: {} },
  copilot: { provider: "copilot", kind: "oauth", metadata: {} },
};

export async function openHouse<C extends Clock = VirtualClock>(
  options: { clock?: C; env?: Record<string, string> } = {},
): Promise<House<C>> {
  const clock = options.clock ?? (new VirtualClock() as Clock as C);
  const folder = mkdtempSync(join(tmpdir(), "kleis-streams-"));
  const client = createClient({ url: `file:${join(folder, "kleis.db")}` });
  const now = async () => {};
  await migrate(client, now);
  const config = readConfig({
    ADMIN_TOKEN: "streams-2f7c9a41d0b85e63",
    ENCRYPTION_KEY: testKeyOf("five"),
    MODELS_DEV_URL: "",
    ...options.env,
  });
  if (!config.ok) throw new Error(config.problems.join("; "));
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const sent: Sent[] = [];
  const logs: LogFields[] = [];
  const complaints: string[] = [];
  const complain = (event: string, fields?: LogFields) =>
    void complaints.push(JSON.stringify({ event, ...fields }));
  let upstream: (sent: Sent) => Response | Promise<Response> = () => new Response(null, { status: 404 });

  const runtime: Runtime = {
    config: config.config,
    storage: createLibsqlStorage({
      connections: sharedClient(client),
      sealer: createSealer(config.config.ENCRYPTION_KEY, random),
      // A store in a file answers at once: nothing here is about its time limits.
      sleep: (_ms, signal) => new Promise((done) => signal?.addEventListener("abort", () => done())),
    }),
    fetch: fetchOf(),
    clock,
    random,
    waitUntil: (work) => void work.catch(() => {}),
    logger: {
      debug: () => {},
      info: (event, fields) => (event === "request" ? void logs.push(fields ?? {}) : undefined),
      warn: complain,
      error: complain,
    },
    sharesPromises: true,
  };

  function fetchOf(): Fetch {
    return async (url, init) => {
      if (init.method !== "POST" || !(init.body instanceof Uint8Array))
        return new Response(null, { status: 404 });
      const bytes = new Uint8Array(init.body);
      const one: Sent = {
        url,
        headers: new Headers(init.headers),
        bytes,
        text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
        signal: init.signal ?? null,
      };
      sent.push(one);
      return obeying(one.signal, Promise.resolve(upstream(one)));
    };
  }

  const keys = new Map<HouseAccount, string>();
  for (const [name, { provider, kind, metadata }] of Object.entries(ACCOUNTS)) {
    const secret = `secret-of-${name}`;
    const account = await runtime.storage.accounts.save({
      id: `acc_${name}`,
      provider,
      kind,
      externalId: "owner",
      label: name,
      metadata,
      expiresAt: null,
      now: clock.now(),
      accessToken: kind === "oauth" ? secret : null,
      refreshToken: null,
      idToken: null,
      apiKey: kind === "api_key" ? secret : null,
    });
    const { key } = await issueKey(runtime, { accounts: [account.id] });
    keys.set(name as HouseAccount, key);
  }
  const key = (account: HouseAccount) => keys.get(account) ?? "";
  const app = createApp(runtime);
  await warmUp(app, clock, key("claude"));

  return {
    app,
    clock,
    sent,
    logs,
    complaints,
    serve: (play) => {
      upstream = play;
    },
    key,
    async uncool() {
      const headers = { authorization: `Bearer ${config.config.ADMIN_TOKEN}` };
      for (const name of Object.keys(ACCOUNTS)) {
        const url = `http://kleis.test/admin/accounts/acc_${name}/uncool`;
        await app.fetch(new Request(url, { method: "POST", headers }));
      }
    },
    async post(path, body, { as, headers, signal }) {
      const isRaw = typeof body === "string" || body instanceof Uint8Array;
      const request = new Request(`http://kleis.test${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${key(as)}`, "content-type": "application/json", ...headers },
        body: isRaw
          ? new Blob([typeof body === "string" ? body : new Uint8Array(body)])
          : JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      });
      return app.fetch(request);
    },
    close() {
      client.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A cold process waits a moment for the model lists; the tests' clocks are not to be about that. */
async function warmUp(app: App, clock: Clock, key: string): Promise<void> {
  let warm = false;
  const listed = Promise.resolve(
    app.fetch(new Request("http://kleis.test/v1/models", { headers: { authorization: `Bearer ${key}` } })),
  ).then(() => {
    warm = true;
  });
  while (!warm && clock instanceof VirtualClock) await clock.advance(100);
  await listed;
}

/** As `fetch` does: an abort ends the wait for an answer, and breaks an answer's body. */
async function obeying(signal: AbortSignal | null, answer: Promise<Response>): Promise<Response> {
  if (signal === null) return answer;
  const left = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  left.catch(() => {});
  const response = await Promise.race([answer, left]);
  if (response.body === null) return response;
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const { done, value } = await Promise.race([reader.read(), left]);
          if (value !== undefined) controller.enqueue(value);
          if (done) controller.close();
        } catch (error) {
          controller.error(error);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return new Response(body, response);
}
