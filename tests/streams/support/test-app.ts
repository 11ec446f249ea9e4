/** The whole application in memory, with an account of every kind, over an upstream that the test scripts. */
import type { App } from "../../../src/app.ts";
import type { Clock, LogFields } from "../../../src/runtime.ts";
import type { AccountName } from "../../support/accounts.ts";
import { startKleis } from "../../support/kleis.ts";
import { Sent } from "../../support/runtime.ts";
import { openSharedStorage } from "../../support/storage.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

export interface PostOptions {
  readonly as: AccountName;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export interface TestApp {
  readonly app: App;
  readonly clock: VirtualClock;
  /** What goes upstream, in order: requests of clients only. */
  readonly sent: readonly Sent[];
  /** One entry per request that has ended. */
  readonly logs: readonly LogFields[];
  /** Plays the upstream from now on. */
  serve(upstream: (sent: Sent) => Response | Promise<Response>): void;
  /** A key that may use this account only. */
  key(account: AccountName): string;
  /** Uses every account again, whatever limit an earlier test has played. */
  uncool(): Promise<void>;
  post(path: string, body: unknown, options: PostOptions): Promise<Response>;
  close(): void;
}

const ACCOUNTS: Record<
  AccountName,
  { provider: string; kind: "oauth" | "api_key"; metadata: Record<string, string> }
> = {
  claude: { provider: "claude", kind: "oauth", metadata: {} },
  claudeKey: { provider: "claude", kind: "api_key", metadata: {} },
  codex: { provider: "codex", kind: "oauth", metadata: { account_id: "owner" } },
  openaiKey: { provider: "codex", kind: "api_key", metadata: {} },
  copilot: { provider: "copilot", kind: "oauth", metadata: {} },
};
const NAMES = Object.keys(ACCOUNTS) as AccountName[];

export async function createTestApp({ env = {} }: { env?: Record<string, string> } = {}): Promise<TestApp> {
  const clock = new VirtualClock();
  const { storage, close } = await openSharedStorage();
  const sent: Sent[] = [];
  let upstream: (sent: Sent) => Response | Promise<Response> = () => new Response(null, { status: 404 });
  const kleis = await startKleis<VirtualClock>({
    base: "http://kleis.test",
    clock,
    env,
    storage,
    async network(url, init) {
      if (init.method !== "POST" || !(init.body instanceof Uint8Array))
        return new Response(null, { status: 404 });
      const one = new Sent(url, init);
      sent.push(one);
      return obeying(one.signal, Promise.resolve(upstream(one)));
    },
  });

  const keys = new Map<AccountName, string>();
  for (const name of NAMES) {
    const { provider, kind, metadata } = ACCOUNTS[name];
    const secret = `secret-of-${name}`;
    const { id } = await kleis.account(provider, {
      ...{ id: `acc_${name}`, kind, externalId: "owner", label: name, metadata },
      ...(kind === "oauth" ? { accessToken: secret } : { apiKey: secret }),
    });
    keys.set(name, (await kleis.key({ accounts: [id] })).key);
  }
  const key = (account: AccountName) => keys.get(account) ?? "";
  await warmUp(kleis.app, clock, key("claude"));

  return {
    app: kleis.app,
    clock,
    sent,
    get logs() {
      return kleis.logged.filter(({ event }) => event === "request").map(({ fields }) => fields ?? {});
    },
    serve: (play) => {
      upstream = play;
    },
    key,
    async uncool() {
      for (const name of NAMES) await kleis.admin("POST", `/admin/accounts/acc_${name}/uncool`);
    },
    post(path, body, { as, headers, signal }) {
      const isRaw = typeof body === "string" || body instanceof Uint8Array;
      return kleis.request(path, {
        method: "POST",
        headers: { authorization: `Bearer ${key(as)}`, "content-type": "application/json", ...headers },
        body: isRaw
          ? new Blob([typeof body === "string" ? body : new Uint8Array(body)])
          : JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      });
    },
    close,
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

/** As `fetch` does: an abort ends the wait for a response, and breaks its body. */
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
