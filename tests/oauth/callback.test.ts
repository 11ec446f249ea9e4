/** The browser that comes back to this machine: over real ports, and through the whole Node door on Codex's own. */
import { createServer, type Server } from "node:http";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createCallbackPorts } from "../../adapters/node/callback.ts";
import { start } from "../../adapters/node/server.ts";
import { freePort } from "../../harness/process.ts";
import { ADMIN_TOKEN, TEST_KEY } from "../../harness/secrets.ts";
import type { CallbackOptions, CallbackPage } from "../../src/runtime.ts";
import { startFakes } from "../fakes/index.ts";
import { newFolder } from "../support/storage.ts";
import { account, field, startSignIns } from "./sign-in.ts";

const fine: CallbackPage = { status: 200, title: "Connected", text: "<b>You & I</b>" };

async function listening(change: Partial<CallbackOptions> = {}) {
  const ports = createCallbackPorts();
  onTestFinished(() => ports.close());
  const queries: string[] = [];
  const wish: CallbackOptions = {
    port: await freePort(),
    path: "/auth/callback",
    until: Date.now() + 60_000,
    receive: async (query) => {
      queries.push(query);
      return fine;
    },
    ...change,
  };
  const listener = await ports.listen(wish);
  return { ports, wish, listener, queries, base: `http://localhost:${wish.port}` };
}

async function occupy(port: number): Promise<Server> {
  const server = createServer((_, response) => response.end("somebody else"));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  onTestFinished(() => void server.close());
  return server;
}

describe("the listener", () => {
  test("hands over the query and shows a page without script, secret or cache", async () => {
    const { base, queries } = await listening();
    const response = await fetch(`${base}/auth/callback?code=abc&state=s`);
    const page = await response.text();
    expect(queries).toEqual(["code=abc&state=s"]);
    expect(response.status).toBe(200);
    expect(page).toContain("&#60;b&#62;You &#38; I");
    expect(page).not.toContain("abc");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "content-security-policy": expect.stringContaining("default-src 'none'"),
    });
  });

  test.each<[string, string, RequestInit]>([
    ["another path", "/", {}],
    ["another method", "/auth/callback?code=a", { method: "POST" }],
  ])("answers %s with 404 and hands nothing over", async (_, path, init) => {
    const { base, queries } = await listening();
    expect((await fetch(base + path, init)).status).toBe(404);
    expect(queries).toEqual([]);
  });

  test("says that a taken port is taken", async () => {
    const port = await freePort();
    await occupy(port);
    expect((await listening({ port })).listener).toBeNull();
  });

  test("ends when its time is over, later when it is extended", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const { base, listener } = await listening({ until: Date.now() + 10_000 });
    vi.advanceTimersByTime(9_000);
    listener?.extend(Date.now() + 60_000);
    vi.advanceTimersByTime(59_000);
    expect((await fetch(`${base}/auth/callback?x`)).status).toBe(200);
    vi.advanceTimersByTime(1_000);
    await expect(fetch(`${base}/auth/callback?x`)).rejects.toThrow();
  });

  test("frees its port when it is closed, and finishes the answer under way", async () => {
    let close = () => {};
    const made = await listening({
      receive: async () => {
        close();
        return fine;
      },
    });
    close = () => made.listener?.close();
    expect((await fetch(`${made.base}/auth/callback?x`)).status).toBe(200);
    await occupy(made.wish.port);
  });
});

describe("a sign-in that is awaited here", () => {
  /** The door's part, in memory. */
  function door(taken = false) {
    const wishes: CallbackOptions[] = [];
    let open = 0;
    const listenForCallback = async (wish: CallbackOptions) => {
      if (taken) return null;
      wishes.push(wish);
      open += 1;
      const close = () => {
        open -= 1;
      };
      return { extend() {}, close };
    };
    return { listenForCallback, wishes, isOpen: () => open > 0 };
  }
  const queryOf = (callback: string) => new URL(callback).search.slice(1);

  test("is connected by the browser's return; the page polls with the state alone", async () => {
    const { listenForCallback, wishes, isOpen } = door();
    const kleis = await startSignIns({ listenForCallback, local: true });
    const answer = await kleis.start("codex");
    const state = field(answer, "state");
    expect(answer.json).toMatchObject({ method: "paste", interval: 2 });
    expect(wishes[0]).toMatchObject({ port: 1455, path: "/auth/callback", until: answer.json.expires_at });
    expect((await kleis.complete("codex", state)).json).toEqual({ status: "pending", retry_after: 2 });

    const page = await wishes[0]?.receive(queryOf(kleis.fakes.codex.authorize(field(answer, "url"))));
    expect(page).toMatchObject({ status: 200, text: expect.stringMatching(/You can close this tab/) });
    expect(isOpen()).toBe(false);
    const done = await kleis.complete("codex", state);
    expect(account(done)).toMatchObject({ provider: "codex", label: "owner@example.org" });
    expect(await kleis.accounts()).toHaveLength(1);
    expect(kleis.fakes.violations()).toEqual([]);
  });

  test("may be pasted as well, and the race leaves one account", async () => {
    const { listenForCallback, wishes } = door();
    const kleis = await startSignIns({ listenForCallback, local: true });
    const answer = await kleis.start("codex");
    const callback = kleis.fakes.codex.authorize(field(answer, "url"));
    await Promise.all([
      wishes[0]?.receive(queryOf(callback)),
      kleis.complete("codex", field(answer, "state"), callback),
    ]);
    expect((await kleis.complete("codex", field(answer, "state"))).json).toMatchObject({
      status: "connected",
    });
    expect(await kleis.accounts()).toHaveLength(1);
    expect(kleis.fakes.violations()).toEqual([]);
  });

  test("shares the port with another one, and frees it after the last", async () => {
    const { listenForCallback, wishes, isOpen } = door();
    const kleis = await startSignIns({ listenForCallback, local: true });
    const [one, two] = await Promise.all([kleis.start("codex"), kleis.start("codex")]);
    expect(wishes).toHaveLength(1);
    for (const answer of [two, one]) {
      expect(isOpen()).toBe(true);
      const page = await wishes[0]?.receive(queryOf(kleis.fakes.codex.authorize(field(answer, "url"))));
      expect(page?.status).toBe(200);
    }
    expect(isOpen()).toBe(false);
    await kleis.start("codex");
    expect(wishes).toHaveLength(2);
  });

  test("learns of a denial, and so does the page that polls", async () => {
    const { listenForCallback, wishes, isOpen } = door();
    const kleis = await startSignIns({ listenForCallback, local: true });
    const answer = await kleis.start("codex");
    const callback = kleis.fakes.codex.authorize(field(answer, "url"), { deny: true });
    const page = await wishes[0]?.receive(queryOf(callback));
    expect(page).toMatchObject({ status: 400, text: expect.stringMatching(/no Codex/) });
    const polled = await kleis.complete("codex", field(answer, "state"));
    expect(polled.status).toBe(400);
    expect(polled.message).toMatch(/no Codex/);
    expect(isOpen()).toBe(false);
  });

  test.each(["", "code=abc", "code=abc&state=nobodys"])(
    "takes nothing from a stranger: %s",
    async (query) => {
      const { listenForCallback, wishes } = door();
      const kleis = await startSignIns({ listenForCallback, local: true });
      const answer = await kleis.start("codex");
      expect(await wishes[0]?.receive(query)).toMatchObject({ status: 400 });
      expect(kleis.sent).toEqual([]);
      const done = await kleis.complete(
        "codex",
        field(answer, "state"),
        kleis.fakes.codex.authorize(field(answer, "url")),
      );
      expect(done.json).toMatchObject({ status: "connected" });
    },
  );

  test.each([
    ["the port is taken", true, true],
    ["the browser is elsewhere", false, false],
  ])("is pasted when %s", async (_, taken, local) => {
    const { listenForCallback, wishes } = door(taken);
    const kleis = await startSignIns({ listenForCallback, local });
    const answer = await kleis.start("codex");
    expect(answer.json).not.toHaveProperty("interval");
    expect(wishes).toEqual([]);
    const state = field(answer, "state");
    expect((await kleis.complete("codex", state)).message).toMatch(/send as `code`/);
    const done = await kleis.complete("codex", state, kleis.fakes.codex.authorize(field(answer, "url")));
    expect(done.json).toMatchObject({ status: "connected" });
  });
});

describe("the real Node server, on the port that OpenAI redirects browsers to", () => {
  async function open() {
    const fakes = await startFakes();
    onTestFinished(() => fakes.close());
    const server = await start({
      ...fakes.env,
      ADMIN_TOKEN,
      ENCRYPTION_KEY: TEST_KEY,
      KLEIS_DATA_DIR: await newFolder(),
      PORT: "0",
      LOG_LEVEL: "silent",
    });
    onTestFinished(() => server.close());
    const call = async (step: string, body: object, headers: Record<string, string> = {}) => {
      const response = await fetch(`${server.url}/admin/accounts/codex/oauth/${step}`, {
        method: "POST",
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
      return (await response.json()) as Record<string, unknown>;
    };
    return { fakes, call };
  }

  test("a browser on this machine signs in without pasting", async () => {
    const { fakes, call } = await open();
    const begun = await call("start", {});
    expect(begun.interval).toBe(2);
    const page = await fetch(fakes.codex.authorize(String(begun.url)));
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("You can close this tab");
    expect(await call("complete", { state: begun.state })).toMatchObject({ status: "connected" });
    expect(fakes.violations()).toEqual([]);
    await vi.waitFor(() => occupy(1455), { timeout: 20_000 });
  });

  test("a request that came through a proxy, and a taken port, are pasted", async () => {
    const { fakes, call } = await open();
    const proxied = await call("start", {}, { "x-forwarded-for": "203.0.113.9" });
    expect(proxied).not.toHaveProperty("interval");
    const taken = await occupy(1455);
    const begun = await call("start", {});
    expect(begun).not.toHaveProperty("interval");
    const callback = fakes.codex.authorize(String(begun.url));
    expect(await call("complete", { state: begun.state, code: callback })).toMatchObject({
      status: "connected",
    });
    taken.close();
  });
});
