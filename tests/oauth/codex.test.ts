import { describe, expect, test } from "vitest";
import { account, field, html, intercept, type SignIns, startSignIns } from "./sign-in.ts";

async function begun(kleis: SignIns, mode?: string) {
  const answer = await kleis.start("codex", mode === undefined ? {} : { mode });
  expect(answer.status).toBe(200);
  return { answer, url: field(answer, "url"), state: field(answer, "state") };
}

async function device(kleis: SignIns) {
  const { answer, state } = await begun(kleis, "device");
  return { answer, state, userCode: field(answer, "user_code") };
}

const codeOf = (callback: string) => new URL(callback).searchParams.get("code") ?? "";

describe("in the browser", () => {
  test("a ChatGPT plan is connected by pasting the address that the browser could not open", async () => {
    const kleis = await startSignIns();
    const { answer, url, state } = await begun(kleis);
    expect(answer.json).toMatchObject({ method: "paste", notice: expect.stringContaining("OpenAI") });
    expect(answer.json).not.toHaveProperty("interval");
    expect(new URL(url).searchParams.get("redirect_uri")).toBe("http://localhost:1455/auth/callback");
    // OpenAI's consent page refuses originators that it does not know.
    expect(new URL(url).searchParams.has("originator")).toBe(false);
    const done = await kleis.complete("codex", state, kleis.fakes.codex.authorize(url));
    expect(account(done)).toMatchObject({
      provider: "codex",
      kind: "oauth",
      external_id: "00000000-0000-4000-8000-00000000c0de:user-c0de",
      label: "owner@example.org",
      expires_at: kleis.clock.now() + 864_000_000,
      metadata: { email: "owner@example.org", plan: "plus" },
    });
    const secrets = await kleis.storage.accounts.secrets(String(account(done).id));
    for (const token of [secrets?.accessToken, secrets?.refreshToken]) {
      expect(kleis.fakes.codex.tokens.find(token ?? "")).toMatchObject({ state: "live" });
    }
    expect(claimsOf(secrets?.idToken)).toMatchObject({
      email: "owner@example.org",
      "https://api.openai.com/auth": {
        chatgpt_account_id: "00000000-0000-4000-8000-00000000c0de",
        chatgpt_user_id: "user-c0de",
      },
    });
    const exchange = kleis.fakes.codex.requests.find(({ path }) => path === "/oauth/token");
    expect([...new URLSearchParams(exchange?.body.toString()).keys()].sort()).toEqual([
      "client_id",
      "code",
      "code_verifier",
      "grant_type",
      "redirect_uri",
    ]);
    expect(kleis.fakes.violations()).toEqual([]);
  });

  test.each<[string, (callback: string) => string]>([
    ["a bare code", codeOf],
    ["code#state", (callback) => `${codeOf(callback)}#${new URL(callback).searchParams.get("state")}`],
    ["the query alone", (callback) => new URL(callback).search.slice(1)],
  ])("the code is taken as %s, too", async (_, paste) => {
    const kleis = await startSignIns();
    const { url, state } = await begun(kleis);
    const done = await kleis.complete("codex", state, paste(kleis.fakes.codex.authorize(url)));
    expect(done.json).toMatchObject({ status: "connected" });
    expect(kleis.fakes.violations()).toEqual([]);
  });

  test("signing in again updates in place; another account is another one", async () => {
    const kleis = await startSignIns();
    const ids: unknown[] = [];
    for (const owner of [{}, {}, { account: "11111111-0000-4000-8000-000000000002" }]) {
      const { url, state } = await begun(kleis);
      const done = await kleis.complete("codex", state, kleis.fakes.codex.authorize(url, owner));
      ids.push(account(done).id);
    }
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(await kleis.accounts()).toHaveLength(2);
  });

  test("a sign-in updates the same login that came from a file", async () => {
    const kleis = await startSignIns();
    const file = kleis.fakes.files().codex;
    const imported = await kleis.admin("POST", "/admin/accounts/import", { file });
    expect(imported.status).toBe(201);
    const { url, state } = await begun(kleis);
    await kleis.complete("codex", state, kleis.fakes.codex.authorize(url));
    const accounts = await kleis.accounts();
    expect(accounts).toHaveLength(1);
    const secrets = await kleis.storage.accounts.secrets(accounts[0]?.id ?? "");
    expect(secrets?.refreshToken).not.toBe(file.tokens.refresh_token);
  });

  test("a workspace without Codex gets an error that says so, and the sign-in ends", async () => {
    const kleis = await startSignIns();
    const { url, state } = await begun(kleis);
    const denied = await kleis.complete("codex", state, kleis.fakes.codex.authorize(url, { deny: true }));
    expect(denied.status).toBe(400);
    expect(denied.message).toMatch(/workspace has no Codex/);
    expect((await kleis.complete("codex", state, kleis.fakes.codex.authorize(url))).message).toMatch(
      /no Codex/,
    );
    expect(await kleis.accounts()).toEqual([]);
  });

  test("a code of another sign-in fails on its verifier, used codes on being used; a fresh one works", async () => {
    const kleis = await startSignIns();
    const one = await begun(kleis);
    const two = await begun(kleis);
    const foreign = codeOf(kleis.fakes.codex.authorize(two.url));
    for (const code of [foreign, foreign]) {
      const wrong = await kleis.complete("codex", one.state, code);
      expect(wrong.status).toBe(400);
      expect(wrong.message).toMatch(/did not accept this code/);
    }
    const right = await kleis.complete("codex", one.state, kleis.fakes.codex.authorize(one.url));
    expect(right.json).toMatchObject({ status: "connected" });
  });

  test.each<[string, { status: number; body: string | object }, RegExp]>([
    ["a page", { status: 403, body: "<html>Just a moment…</html>" }, /did not respond in JSON/],
    ["no tokens in a 200", { status: 200, body: {} }, /without what was asked for/],
    [
      "no refresh token in a 200",
      { status: 200, body: { access_token: "a.b.c" } },
      /without what was asked for/,
    ],
    ["an outage", { status: 503, body: { error: { code: "server_error" } } }, /internal problem/],
  ])("%s from the token endpoint makes no account and leaves the sign-in open", async (_, reply, words) => {
    const kleis = await startSignIns();
    kleis.fakes.codex.token.script({ reply });
    const { url, state } = await begun(kleis);
    const failed = await kleis.complete("codex", state, kleis.fakes.codex.authorize(url));
    expect(failed.status).toBe(502);
    expect(failed.message).toMatch(words);
    expect(await kleis.accounts()).toEqual([]);
    const done = await kleis.complete("codex", state, kleis.fakes.codex.authorize(url));
    expect(done.json).toMatchObject({ status: "connected" });
  });

  test("tokens that name no account connect nothing and say why", async () => {
    const kleis = await startSignIns();
    const reply = {
      status: 200,
      body: { access_token: "opaque", refresh_token: "rt_x", token_type: "Bearer" },
    };
    kleis.fakes.codex.token.script({ reply });
    const { url, state } = await begun(kleis);
    const failed = await kleis.complete("codex", state, kleis.fakes.codex.authorize(url));
    expect(failed.status).toBe(400);
    expect(failed.message).toMatch(/do not name a ChatGPT account/);
    expect(await kleis.accounts()).toEqual([]);
  });

  test.each([
    ["without a lifetime the token's own end counts", { expiresIn: null }, 864_000_000],
    ["a lifetime that is told counts", { expiresIn: 600 }, 600_000],
  ])("%s", async (_, trouble, lifetime) => {
    const kleis = await startSignIns();
    kleis.fakes.codex.token.script(trouble);
    const { url, state } = await begun(kleis);
    const done = await kleis.complete("codex", state, kleis.fakes.codex.authorize(url));
    expect(account(done).expires_at).toBe(kleis.clock.now() + lifetime);
  });
});

describe("headless", () => {
  test("a user code is shown, polled no faster than asked, and connects", async () => {
    const kleis = await startSignIns();
    const { answer, state, userCode } = await device(kleis);
    expect(answer.json).toMatchObject({
      method: "device",
      interval: 5,
      url: `${kleis.fakes.codex.url}/codex/device`,
    });
    expect(answer.text).not.toContain("da_");
    expect(await kleis.dump()).not.toContain("da_");
    const polls = () => kleis.fakes.codex.requests.filter(({ path }) => path.endsWith("/deviceauth/token"));

    expect((await kleis.complete("codex", state)).json).toEqual({ status: "pending", retry_after: 5 });
    expect(polls()).toHaveLength(0);
    await kleis.clock.advance(5_000);
    expect((await kleis.complete("codex", state)).json).toEqual({ status: "pending", retry_after: 6 });
    expect(polls()).toHaveLength(1);
    await kleis.clock.advance(2_500);
    expect((await kleis.complete("codex", state)).json).toEqual({ status: "pending", retry_after: 4 });
    expect(polls()).toHaveLength(1);

    kleis.fakes.codex.approveDevice(userCode);
    await kleis.clock.advance(3_500);
    const done = await kleis.complete("codex", state);
    expect(account(done)).toMatchObject({ provider: "codex", label: "owner@example.org" });
    expect(polls()).toHaveLength(2);
    expect(kleis.fakes.violations()).toEqual([]);
  });

  test("404 is pending, too", async () => {
    const kleis = await startSignIns();
    kleis.fakes.codex.device.pendingStatus = 404;
    const { state } = await device(kleis);
    await kleis.clock.advance(5_000);
    expect((await kleis.complete("codex", state)).json).toMatchObject({ status: "pending" });
  });

  test("slow_down raises the interval for good", async () => {
    const slow = { error: { message: "slow_down", code: "slow_down" } };
    let once = true;
    const kleis = await startSignIns({
      fetch: intercept(({ pathname }) => {
        if (!pathname.endsWith("/deviceauth/token") || !once) return null;
        once = false;
        return Response.json(slow, { status: 403 });
      }),
    });
    const { state } = await device(kleis);
    for (const wait of [5_000, 11_000]) {
      await kleis.clock.advance(wait);
      expect((await kleis.complete("codex", state)).json).toEqual({ status: "pending", retry_after: 11 });
    }
  });

  test("an account without device sign-in gets an error that names the setting to enable", async () => {
    const kleis = await startSignIns();
    kleis.fakes.codex.device.enabled = false;
    const answer = await kleis.start("codex", { mode: "device" });
    expect(answer.status).toBe(400);
    expect(answer.message).toMatch(/Settings > Security.*"browser"/);
    expect(await kleis.dump()).toBe("[[],[]]");
  });

  test("a denial ends it, for every tab", async () => {
    const kleis = await startSignIns();
    const { state, userCode } = await device(kleis);
    kleis.fakes.codex.denyDevice(userCode);
    await kleis.clock.advance(5_000);
    for (let tab = 0; tab < 2; tab++) {
      const denied = await kleis.complete("codex", state);
      expect(denied.status).toBe(400);
      expect(denied.message).toMatch(/denied at OpenAI/);
    }
    expect(await kleis.accounts()).toEqual([]);
    expect(kleis.sent).toHaveLength(2);
  });

  test("an approval outlives an exchange that failed, since it comes only once", async () => {
    const kleis = await startSignIns();
    const { state, userCode } = await device(kleis);
    kleis.fakes.codex.approveDevice(userCode);
    kleis.fakes.codex.token.script({ reply: { status: 502, body: "<html>bad gateway</html>" } });
    await kleis.clock.advance(5_000);
    const failed = await kleis.complete("codex", state);
    expect(failed.status).toBe(502);
    await kleis.clock.advance(6_000);
    expect((await kleis.complete("codex", state)).json).toMatchObject({ status: "connected" });
    expect(kleis.fakes.violations()).toEqual([]);
  });

  test("an HTML page instead of JSON is reported, and polling continues", async () => {
    let broken = true;
    const kleis = await startSignIns({
      fetch: intercept(({ pathname }) =>
        broken && pathname.endsWith("/deviceauth/token") ? html(403) : null,
      ),
    });
    const { state, userCode } = await device(kleis);
    kleis.fakes.codex.approveDevice(userCode);
    await kleis.clock.advance(5_000);
    const failed = await kleis.complete("codex", state);
    expect(failed.status).toBe(502);
    expect(failed.message).toMatch(/did not respond in JSON.*still open/);
    broken = false;
    expect((await kleis.complete("codex", state)).json).toMatchObject({ status: "pending" });
    await kleis.clock.advance(6_000);
    expect((await kleis.complete("codex", state)).json).toMatchObject({ status: "connected" });
  });

  test.each<[string, Response]>([
    ["a page", html(200)],
    ["an answer without a code", Response.json({ interval: "5" })],
    ["an outage", Response.json({ error: "x" }, { status: 500 })],
  ])("%s at the start begins nothing", async (_, response) => {
    const kleis = await startSignIns({
      fetch: intercept(({ pathname }) => (pathname.endsWith("/usercode") ? response : null)),
    });
    const answer = await kleis.start("codex", { mode: "device" });
    expect(answer.status).toBe(502);
    expect(await kleis.dump()).toBe("[[],[]]");
  });

  test("many tabs that poll at once poll once", async () => {
    const kleis = await startSignIns();
    const { state, userCode } = await device(kleis);
    kleis.fakes.codex.approveDevice(userCode);
    await kleis.clock.advance(5_000);
    const answers = await Promise.all(Array.from({ length: 6 }, () => kleis.complete("codex", state)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect((await kleis.complete("codex", state)).json).toMatchObject({ status: "connected" });
    expect(await kleis.accounts()).toHaveLength(1);
    expect(kleis.fakes.violations()).toEqual([]);
  });
});

/** What a JWT says. */
function claimsOf(token: string | null | undefined): unknown {
  return JSON.parse(Buffer.from(token?.split(".")[1] ?? "", "base64url").toString());
}
