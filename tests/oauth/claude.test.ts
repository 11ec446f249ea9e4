import { describe, expect, test } from "vitest";
import { isObject } from "../../src/json.ts";
import { account, field, html, intercept, type SignIns, startSignIns } from "./sign-in.ts";

async function begun(kleis: SignIns, mode = "max") {
  const answer = await kleis.start("claude", { mode });
  expect(answer.status).toBe(200);
  const url = field(answer, "url");
  return { answer, url, state: field(answer, "state") };
}

/** What the callback page shows once the owner has allowed it. */
function allow(kleis: SignIns, url: string, owner?: string): { pasted: string; code: string } {
  const pasted = kleis.fakes.claude.authorize(url, owner === undefined ? {} : { account: owner });
  return { pasted, code: pasted.split("#")[0] ?? "" };
}

test("a Claude plan is connected by pasting what the callback page shows, and answers requests", async () => {
  const kleis = await startSignIns();
  const { answer, url, state } = await begun(kleis);
  expect(answer.json).toMatchObject({
    method: "paste",
    expires_at: kleis.clock.now() + 15 * 60_000,
    notice: expect.stringContaining("Anthropic"),
  });
  expect(answer.json).not.toHaveProperty("user_code");
  const query = new URL(url).searchParams;
  expect([...query.keys()]).toEqual([
    "code",
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "code_challenge",
    "code_challenge_method",
    "state",
  ]);

  const done = await kleis.complete("claude", state, allow(kleis, url).pasted);
  expect(done.json).toMatchObject({ status: "connected" });
  expect(account(done)).toMatchObject({
    provider: "claude",
    kind: "oauth",
    primary: true,
    status: "active",
    external_id: "00000000-0000-4000-8000-00000000c1a0:org-fake-1",
    label: "Claude me@example.com",
    expires_at: kleis.clock.now() + 28_800_000,
    metadata: {
      email: "me@example.com",
      plan: "max",
      login_expires_at: kleis.clock.now() + 2_332_800_000,
    },
  });

  const secrets = await kleis.storage.accounts.secrets(String(account(done).id));
  expect(kleis.fakes.claude.tokens.find(secrets?.accessToken ?? "")).toMatchObject({ state: "live" });
  expect(kleis.fakes.claude.tokens.find(secrets?.refreshToken ?? "")).toMatchObject({ kind: "refresh" });
  expect(kleis.fakes.violations()).toEqual([]);
});

test("nothing secret reaches the browser, the log or the disk in the clear", async () => {
  const kleis = await startSignIns();
  const { answer, url, state } = await begun(kleis);
  const { pasted, code } = allow(kleis, url);
  const between = await kleis.dump();
  const done = await kleis.complete("claude", state, pasted);
  const exchange = kleis.fakes.claude.requests.find(({ path }) => path === "/v1/oauth/token");
  const verifier = isObject(exchange?.json) ? exchange.json.code_verifier : undefined;
  const secrets = await kleis.storage.accounts.secrets(String(account(done).id));
  const seen = [answer.text, done.text, between, await kleis.dump(), kleis.log()].join("\n");
  for (const secret of [String(verifier), code, secrets?.accessToken, secrets?.refreshToken]) {
    expect(secret?.length).toBeGreaterThan(20);
    expect(seen).not.toContain(secret);
  }
});

describe("the code is taken in every form that an owner may paste", () => {
  test.each<[string, (code: string, state: string) => string]>([
    ["code#state", (code, state) => `${code}#${state}`],
    ["with white space around", (code, state) => `  ${code}#${state}\n`],
    ["a bare code", (code) => code],
    [
      "the whole address",
      (code, state) => `https://platform.claude.com/oauth/code/callback?code=${code}&state=${state}`,
    ],
    [
      "the address of a tab that could not load",
      (code, state) => `http://localhost:53692/callback?state=${state}&code=${code}`,
    ],
    [
      "an address with the state behind #",
      (code, state) => `https://platform.claude.com/oauth/code/callback?code=${code}#${state}`,
    ],
    ["a query string", (code, state) => `code=${code}&state=${state}`],
    ["a query string with ?", (code, state) => `?code=${code}&state=${state}`],
  ])("%s", async (_, paste) => {
    const kleis = await startSignIns();
    const { url, state } = await begun(kleis);
    const done = await kleis.complete("claude", state, paste(allow(kleis, url).code, state));
    expect(done.json).toMatchObject({ status: "connected" });
    expect(kleis.fakes.violations()).toEqual([]);
  });
});

test("console mode mints an API key, keeps only that, and sends with it", async () => {
  const kleis = await startSignIns();
  const { url, state } = await begun(kleis, "console");
  expect(url).toContain("/console/oauth/authorize?");
  expect(new URL(url).searchParams.get("scope")).toBe("org:create_api_key user:profile");
  const done = await kleis.complete("claude", state, allow(kleis, url).pasted);
  expect(account(done)).toMatchObject({ kind: "api_key", expires_at: null });
  const secrets = await kleis.storage.accounts.secrets(String(account(done).id));
  expect(secrets).toMatchObject({ accessToken: null, refreshToken: null, idToken: null });
  expect(kleis.fakes.claude.tokens.find(secrets?.apiKey ?? "")).toMatchObject({ kind: "api_key" });
  expect(await kleis.accounts()).toHaveLength(1);
  expect(kleis.fakes.violations()).toEqual([]);
});

test("console mode stores nothing when no key is made, and can be tried again", async () => {
  let broken = true;
  const kleis = await startSignIns({
    fetch: intercept(({ pathname }) =>
      broken && pathname.endsWith("/create_api_key")
        ? Response.json(
            { type: "error", error: { type: "permission_error", message: "no" } },
            { status: 403 },
          )
        : null,
    ),
  });
  const { url, state } = await begun(kleis, "console");
  const refused = await kleis.complete("claude", state, allow(kleis, url).pasted);
  expect(refused.status).toBe(400);
  expect(refused.message).toMatch(/no API key \(permission_error\)/);
  expect(await kleis.accounts()).toEqual([]);
  broken = false;
  const done = await kleis.complete("claude", state, allow(kleis, url).pasted);
  expect(done.json).toMatchObject({ status: "connected" });
});

test("signing in again updates the account in place and keeps its label", async () => {
  const kleis = await startSignIns();
  const first = await begun(kleis);
  const one = account(await kleis.complete("claude", first.state, allow(kleis, first.url).pasted));
  await kleis.admin("PATCH", `/admin/accounts/${one.id}`, { label: "mine" });
  const before = await kleis.storage.accounts.secrets(String(one.id));
  const second = await begun(kleis);
  const again = account(await kleis.complete("claude", second.state, allow(kleis, second.url).pasted));
  expect(again).toMatchObject({ id: one.id, label: "mine", primary: true });
  expect(await kleis.accounts()).toHaveLength(1);
  const after = await kleis.storage.accounts.secrets(String(one.id));
  expect(after?.accessToken).not.toBe(before?.accessToken);
});

test("another person's sign-in is another account", async () => {
  const kleis = await startSignIns();
  const first = await begun(kleis);
  await kleis.complete("claude", first.state, allow(kleis, first.url).pasted);
  const second = await begun(kleis);
  await kleis.complete("claude", second.state, allow(kleis, second.url, "someone-else").pasted);
  expect((await kleis.accounts()).map(({ externalId }) => externalId)).toEqual([
    "00000000-0000-4000-8000-00000000c1a0:org-fake-1",
    "someone-else:org-fake-1",
  ]);
});

test("two tabs that complete one sign-in make one account, and redeem the code once", async () => {
  const kleis = await startSignIns();
  const { url, state } = await begun(kleis);
  const { pasted } = allow(kleis, url);
  const answers = await Promise.all(Array.from({ length: 6 }, () => kleis.complete("claude", state, pasted)));
  expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
  expect(answers.filter(({ json }) => json.status === "connected").length).toBeGreaterThan(0);
  const late = await kleis.complete("claude", state, pasted);
  expect(late.json).toMatchObject({ status: "connected" });
  expect(await kleis.accounts()).toHaveLength(1);
  expect(kleis.fakes.claude.requests.filter(({ path }) => path === "/v1/oauth/token")).toHaveLength(1);
});

test("a profile that cannot be had does not stop the sign-in", async () => {
  const kleis = await startSignIns({
    fetch: intercept(({ pathname }) => (pathname.endsWith("/profile") ? html(503) : null)),
  });
  const { url, state } = await begun(kleis);
  const done = await kleis.complete("claude", state, allow(kleis, url).pasted);
  expect(account(done)).toMatchObject({ metadata: { email: "me@example.com" } });
});

describe("what is pasted wrongly is refused before anything is sent, and the sign-in goes on", () => {
  test.each<[string, (code: string, state: string, url: string) => string, RegExp]>([
    ["a code of another sign-in", (code) => `${code}#${"x".repeat(43)}`, /another sign-in/],
    [
      "an address of another sign-in",
      (code) => `https://x.example/?code=${code}&state=other`,
      /another sign-in/,
    ],
    ["an error of another sign-in", () => "?error=access_denied&state=other", /another sign-in/],
    ["nothing", () => " ", /Nothing/],
    ["words", () => "I have allowed it", /not a code/],
    ["JSON", () => '{"code":"abc"}', /not a code/],
    ["the address that was to be opened", (_code, _state, url) => url, /the address to open/],
    ["an address without a code", (_code, state) => `https://x.example/?state=${state}`, /holds no code/],
    ["two codes", (code, state) => `code=${code}&code=other&state=${state}`, /twice/],
    ["half an address", () => "https://[", /not a whole address/],
    ["far too much", () => "a".repeat(9000), /Nothing/],
  ])("%s", async (_, paste, words) => {
    const kleis = await startSignIns();
    const { url, state } = await begun(kleis);
    const { code, pasted } = allow(kleis, url);
    const wrong = await kleis.complete("claude", state, paste(code, state, url));
    expect(wrong.status).toBe(400);
    expect(wrong.json.error).toMatchObject({ code: "invalid_request", param: "code" });
    expect(wrong.message).toMatch(words);
    expect(wrong.text).not.toContain(code);
    expect(kleis.sent).toEqual([]);
    expect(await kleis.accounts()).toEqual([]);
    expect((await kleis.complete("claude", state, pasted)).json).toMatchObject({ status: "connected" });
  });
});

test("a code that does not fit this sign-in's verifier is refused by Anthropic, and the next one works", async () => {
  const kleis = await startSignIns();
  const one = await begun(kleis);
  const two = await begun(kleis);
  const wrong = await kleis.complete("claude", one.state, allow(kleis, two.url).code);
  expect(wrong.status).toBe(400);
  expect(wrong.message).toMatch(/did not accept this code.*Open the address again/);
  expect(await kleis.accounts()).toEqual([]);
  const right = await kleis.complete("claude", one.state, allow(kleis, one.url).pasted);
  expect(right.json).toMatchObject({ status: "connected" });
});

test("denied access ends the sign-in with an explanation, in every tab", async () => {
  const kleis = await startSignIns();
  const { url, state } = await begun(kleis);
  for (const pasted of [`?error=access_denied&state=${state}`, allow(kleis, url).pasted]) {
    const denied = await kleis.complete("claude", state, pasted);
    expect(denied.status).toBe(400);
    expect(denied.message).toMatch(/denied at Anthropic/);
  }
  expect(kleis.sent).toEqual([]);
  expect(await kleis.accounts()).toEqual([]);
});

describe("a token endpoint that is of no use for now leaves the sign-in open and no account", () => {
  test.each<[string, { status: number; body: string | object; headers?: Record<string, string> }, RegExp]>([
    [
      "a page instead of JSON",
      { status: 200, body: "<!doctype html><title>Hm</title>" },
      /did not respond in JSON \(200\)/,
    ],
    ["a challenge page", { status: 403, body: "<html>challenge</html>" }, /did not respond in JSON \(403\)/],
    ["no tokens in a 200", { status: 200, body: { token_type: "Bearer" } }, /without what was asked for/],
    [
      "no refresh token in a 200",
      { status: 200, body: { access_token: "sk-ant-oat01-alone" } },
      /without a refresh token/,
    ],
    [
      "too many attempts",
      { status: 429, body: { error: "x" }, headers: { "retry-after": "7" } },
      /too many attempts/,
    ],
    ["an outage", { status: 500, body: { error: "boom" } }, /internal problem \(500\)/],
    [
      "a refused address",
      { status: 404, body: { type: "error", error: { type: "not_found_error" } } },
      /not_found_error \(404\)/,
    ],
  ])("%s", async (_, reply, words) => {
    const kleis = await startSignIns();
    kleis.fakes.claude.token.script({ reply });
    const { url, state } = await begun(kleis);
    const failed = await kleis.complete("claude", state, allow(kleis, url).pasted);
    expect(failed.status).toBe(502);
    expect(failed.json.error).toMatchObject({ code: "upstream_invalid_response" });
    expect(failed.message).toMatch(words);
    expect(failed.text).not.toContain("sk-ant");
    expect(await kleis.accounts()).toEqual([]);
    expect((await kleis.complete("claude", state, allow(kleis, url).pasted)).json).toMatchObject({
      status: "connected",
    });
  });

  test("a redirect", async () => {
    let broken = true;
    const kleis = await startSignIns({
      fetch: intercept(({ pathname }) =>
        broken && pathname.endsWith("/token")
          ? new Response(null, { status: 302, headers: { location: "https://attacker.example/" } })
          : null,
      ),
    });
    const { url, state } = await begun(kleis);
    const failed = await kleis.complete("claude", state, allow(kleis, url).pasted);
    expect(failed.status).toBe(502);
    expect(kleis.sent).toHaveLength(1);
    broken = false;
    expect((await kleis.complete("claude", state, allow(kleis, url).pasted)).json).toMatchObject({
      status: "connected",
    });
  });

  test("silence for 30 seconds", async () => {
    let silent = true;
    let ask = () => {};
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    const kleis = await startSignIns({
      fetch: (next) => (url, init) =>
        silent
          ? new Promise((_, reject) => {
              init.signal?.addEventListener("abort", () => reject(new Error("aborted")));
              ask();
            })
          : next(url, init),
    });
    const { url, state } = await begun(kleis);
    const work = kleis.complete("claude", state, allow(kleis, url).pasted);
    await asked;
    await kleis.clock.advance(30_000);
    const failed = await work;
    expect(failed.status).toBe(504);
    expect(failed.message).toMatch(/30 seconds/);
    silent = false;
    expect((await kleis.complete("claude", state, allow(kleis, url).pasted)).json).toMatchObject({
      status: "connected",
    });
  });
});

describe("an invalid state is refused with an explanation", () => {
  test("unknown, or the name of the row beside it", async () => {
    const kleis = await startSignIns();
    const { state } = await begun(kleis);
    for (const wrong of ["nope", `${state}.turn`]) {
      const answer = await kleis.complete("claude", wrong, "abcdefgh");
      expect(answer.status).toBe(400);
      expect(answer.message).toMatch(/no sign-in with this state.*Start again/);
    }
  });

  test("expired: after fifteen minutes to the millisecond", async () => {
    const kleis = await startSignIns();
    const { url, state } = await begun(kleis);
    const { pasted } = allow(kleis, url);
    await kleis.clock.advance(15 * 60_000);
    const answer = await kleis.complete("claude", state, pasted);
    expect(answer.status).toBe(400);
    expect(answer.message).toMatch(/older than 15 minutes/);
    expect(kleis.sent).toEqual([]);
  });

  test("of another provider: it stays usable at its own", async () => {
    const kleis = await startSignIns();
    const { url, state } = await begun(kleis);
    const { pasted } = allow(kleis, url);
    const answer = await kleis.complete("codex", state, pasted);
    expect(answer.status).toBe(400);
    expect(answer.message).toMatch(/another provider, claude/);
    expect((await kleis.complete("claude", state, pasted)).json).toMatchObject({ status: "connected" });
  });
});

describe("a request that makes no sense is refused", () => {
  test.each<[string, string, object, number, RegExp]>([
    ["an unknown provider", "/accounts/gemini/oauth/start", {}, 404, /Known: .*claude/],
    ["an unknown mode", "/accounts/claude/oauth/start", { mode: "pro" }, 400, /Known: max, console/],
    ["a mode as number", "/accounts/claude/oauth/start", { mode: 1 }, 400, /mode/],
    [
      "a domain where there is none",
      "/accounts/claude/oauth/start",
      { enterprise_domain: "a.ghe.com" },
      400,
      /has none/,
    ],
    ["an unknown field", "/accounts/claude/oauth/start", { modus: "max" }, 400, /Known fields: mode/],
    ["no state", "/accounts/claude/oauth/complete", { code: "abc" }, 400, /state/],
    ["a code as number", "/accounts/claude/oauth/complete", { state: "x", code: 7 }, 400, /code/],
  ])("%s", async (_, path, body, status, words) => {
    const kleis = await startSignIns();
    const answer = await kleis.admin("POST", `/admin${path}`, body);
    expect(answer.status).toBe(status);
    expect(answer.message).toMatch(words);
  });

  test("a paste without anything pasted", async () => {
    const kleis = await startSignIns();
    const { state } = await begun(kleis);
    const answer = await kleis.complete("claude", state);
    expect(answer.status).toBe(400);
    expect(answer.message).toMatch(/send as `code`/);
  });

  test("anybody but the owner", async () => {
    const kleis = await startSignIns();
    for (const step of ["start", "complete"]) {
      const response = await kleis.app.fetch(
        new Request(`http://127.0.0.1:4747/admin/accounts/claude/oauth/${step}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: "{}",
        }),
      );
      expect(response.status).toBe(401);
    }
  });
});
