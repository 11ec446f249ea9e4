/** What each provider makes of one call for fresh tokens; who may call it and when is the business of the accounts. */
import { describe, expect, test } from "vitest";
import { createIdentityFetch } from "../../src/accounts/identity-fetch.ts";
import type { JsonObject } from "../../src/json.ts";
import { providerById } from "../../src/providers/index.ts";
import type { RefreshInput, RefreshResult } from "../../src/providers/provider.ts";
import { html, intercept, rewritten, type SignInOptions, type SignIns, startSignIns } from "./sign-in.ts";

interface Held {
  accessToken?: string;
  refreshToken?: string;
  metadata?: JsonObject;
  kind?: "oauth" | "api_key";
}

async function refresh(kleis: SignIns, id: string, held: Held): Promise<RefreshResult> {
  const provider = providerById(id);
  if (provider?.refresh === undefined) throw new Error(`${id} does not refresh`);
  const metadata = held.metadata ?? {};
  const input: RefreshInput = {
    account: { id: "acc_1", kind: held.kind ?? "oauth", externalId: "x", metadata },
    accessToken: held.accessToken ?? null,
    refreshToken: held.refreshToken ?? null,
    idToken: null,
    config: kleis.runtime.config,
  };
  return provider.refresh(input, createIdentityFetch(kleis.runtime, provider, metadata));
}

const silent: SignInOptions = { fetch: () => () => Promise.reject(new Error("no route")) };

describe("Claude", () => {
  test("a pair is rotated, without scope, under Kleis's own name", async () => {
    const kleis = await startSignIns();
    const { accessToken, refreshToken } = kleis.fakes.claude.issueTokens();
    const result = await refresh(kleis, "claude", { accessToken, refreshToken });
    expect(result).toMatchObject({
      status: "refreshed",
      idToken: null,
      expiresAt: kleis.clock.now() + 28_800_000,
      metadata: { login_expires_at: kleis.clock.now() + 2_332_800_000 },
    });
    const { json, headers } = kleis.fakes.claude.last();
    expect(json).toEqual({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: kleis.runtime.config.CLAUDE_CLIENT_ID,
    });
    expect(headers).toMatchObject({
      "anthropic-beta": "oauth-2025-04-20",
      "user-agent": expect.stringMatching(/^kleis\//),
    });
    expect(kleis.fakes.claude.tokens.find(refreshToken)).toMatchObject({ state: "spent" });
    expect(kleis.fakes.violations()).toEqual([]);
  });

  test("without a new refresh token the stored one stays", async () => {
    const kleis = await startSignIns();
    kleis.fakes.claude.token.script({ omitRefreshToken: true });
    const { refreshToken } = kleis.fakes.claude.issueTokens();
    expect(await refresh(kleis, "claude", { refreshToken })).toMatchObject({
      status: "refreshed",
      refreshToken: null,
    });
  });

  test.each<[string, (body: JsonObject) => JsonObject, number?]>([
    ["scope null", (body) => ({ ...body, scope: null })],
    ["scope as a list", (body) => ({ ...body, scope: String(body.scope).split(" ") })],
    ["token_type null", (body) => ({ ...body, token_type: null })],
    ["a token_type of its own", (body) => ({ ...body, token_type: "oauth" })],
    ["expires_in as text", (body) => ({ ...body, expires_in: "28800" })],
    ["an account that is none", (body) => ({ ...body, account: "me", organization: [] })],
    ["status 201", (body) => body, 201],
  ])("a rotated pair is kept though the answer has %s", async (_, change, status) => {
    const kleis = await startSignIns({ fetch: rewritten("/oauth/token", change, status) });
    const { accessToken, refreshToken } = kleis.fakes.claude.issueTokens();
    const result = await refresh(kleis, "claude", { accessToken, refreshToken });
    const fresh = kleis.fakes.claude.tokens.list().slice(-2);
    expect(result).toMatchObject({
      status: "refreshed",
      accessToken: fresh[0]?.token,
      refreshToken: fresh[1]?.token,
    });
  });

  test("an access token beside a refresh token of null leaves the stored one", async () => {
    const change = (body: JsonObject) => ({ ...body, refresh_token: null });
    const kleis = await startSignIns({ fetch: rewritten("/oauth/token", change) });
    const { refreshToken } = kleis.fakes.claude.issueTokens();
    expect(await refresh(kleis, "claude", { refreshToken })).toMatchObject({
      status: "refreshed",
      accessToken: expect.stringMatching(/^sk-ant-oat01-/),
      refreshToken: null,
    });
  });

  test("a rotated refresh token is kept even when it comes alone", async () => {
    const kleis = await startSignIns();
    kleis.fakes.claude.token.script({ reply: { status: 200, body: { refresh_token: "sk-ant-ort01-new" } } });
    expect(await refresh(kleis, "claude", { refreshToken: "sk-ant-ort01-old" })).toMatchObject({
      status: "refreshed",
      accessToken: null,
      refreshToken: "sk-ant-ort01-new",
      expiresAt: kleis.clock.now(),
    });
  });

  test("a dead refresh token is rejected, and the error does not repeat it", async () => {
    const kleis = await startSignIns();
    const { refreshToken } = kleis.fakes.claude.issueTokens();
    kleis.fakes.claude.revoke(refreshToken);
    const result = await refresh(kleis, "claude", { refreshToken });
    expect(result).toMatchObject({
      status: "rejected",
      reason: expect.stringMatching(/invalid_grant.*Connect/),
    });
    expect(JSON.stringify(result)).not.toContain(refreshToken);
  });

  test.each<[string, { status: number; body: string | object; headers?: Record<string, string> }, object]>([
    [
      "a limit",
      { status: 429, body: { error: { type: "rate_limit_error" } }, headers: { "retry-after": "60" } },
      { retryAfterMs: 60_000 },
    ],
    [
      "a limit that asks for an hour",
      { status: 429, body: "", headers: { "retry-after": "3600" } },
      { retryAfterMs: 300_000 },
    ],
    ["a limit that asks for nothing", { status: 429, body: "" }, { retryAfterMs: 5_000 }],
    ["an outage that says invalid_grant", { status: 500, body: { error: "invalid_grant" } }, {}],
    ["a page", { status: 403, body: "<html>challenge</html>" }, {}],
    ["a wrong form", { status: 400, body: { type: "error", error: { type: "invalid_request_error" } } }, {}],
    ["a wrong address", { status: 404, body: { type: "error", error: { type: "not_found_error" } } }, {}],
    [
      "no tokens in a 200",
      { status: 200, body: {} },
      { reason: expect.stringMatching(/without what was asked/) },
    ],
  ])("%s leaves the account alone", async (_, reply, more) => {
    const kleis = await startSignIns();
    kleis.fakes.claude.token.script({ reply });
    const { refreshToken } = kleis.fakes.claude.issueTokens();
    expect(await refresh(kleis, "claude", { refreshToken })).toMatchObject({
      status: "unavailable",
      ...more,
    });
  });

  test("an answer that echoes the token does not get it into the reason", async () => {
    const kleis = await startSignIns();
    const { refreshToken } = kleis.fakes.claude.issueTokens();
    const body = { error: "invalid_request", error_description: `bad ${refreshToken}`, code: refreshToken };
    kleis.fakes.claude.token.script({ reply: { status: 400, body } });
    expect(JSON.stringify(await refresh(kleis, "claude", { refreshToken }))).not.toContain(refreshToken);
  });
});

describe("Codex", () => {
  test("a token pair is rotated with a form request, and the claims are read again", async () => {
    const kleis = await startSignIns();
    const { refreshToken } = kleis.fakes.codex.issueTokens();
    const result = await refresh(kleis, "codex", { refreshToken });
    expect(result).toMatchObject({
      status: "refreshed",
      refreshToken: expect.stringMatching(/^rt_/),
      idToken: expect.any(String),
      expiresAt: kleis.clock.now() + 864_000_000,
      metadata: { plan: "plus", email: "owner@example.org" },
    });
    expect(kleis.fakes.codex.last().headers["content-type"]).toMatch(/^application\/x-www-form-urlencoded/);
    expect([...new URLSearchParams(kleis.fakes.codex.last().body.toString()).keys()].sort()).toEqual([
      "client_id",
      "grant_type",
      "refresh_token",
    ]);
    expect(kleis.fakes.violations()).toEqual([]);
  });

  test("tokens that the answer leaves out stay as they are", async () => {
    const kleis = await startSignIns();
    kleis.fakes.codex.token.script({ omitRefreshToken: true, omitIdToken: true });
    const { refreshToken } = kleis.fakes.codex.issueTokens();
    expect(await refresh(kleis, "codex", { refreshToken })).toMatchObject({
      status: "refreshed",
      refreshToken: null,
      idToken: null,
    });
  });

  test("a rotated refresh token is kept even when it comes alone", async () => {
    const kleis = await startSignIns();
    kleis.fakes.codex.token.script({ reply: { status: 200, body: { refresh_token: "rt_new" } } });
    expect(await refresh(kleis, "codex", { refreshToken: "rt_old" })).toMatchObject({
      status: "refreshed",
      accessToken: null,
      refreshToken: "rt_new",
      expiresAt: kleis.clock.now(),
    });
  });

  test.each<[string, number, string | object]>([
    ["error.code", 401, { error: { message: "m", code: "refresh_token_reused" } }],
    ["a string error", 400, { error: "refresh_token_expired" }],
    ["a code at the top", 400, { code: "refresh_token_invalidated", message: "m" }],
    ["OAuth's own", 400, { error: "invalid_grant" }],
    ["a 401 that says nothing", 401, {}],
  ])("a dead refresh token is known by %s", async (_, status, body) => {
    const kleis = await startSignIns();
    kleis.fakes.codex.token.script({ reply: { status, body } });
    const { refreshToken } = kleis.fakes.codex.issueTokens();
    expect(await refresh(kleis, "codex", { refreshToken })).toMatchObject({ status: "rejected" });
  });

  test.each<[string, number, string | object]>([
    ["a limit", 429, { error: { code: "rate_limited" } }],
    ["an outage", 503, { error: "invalid_grant" }],
    ["a page with 401", 401, "<html>sign in</html>"],
    ["a challenge", 403, "<html>Just a moment…</html>"],
    ["another refusal", 400, { error: { code: "invalid_client" } }],
    ["no tokens in a 200", 200, { token_type: "Bearer" }],
  ])("%s leaves the account alone", async (_, status, body) => {
    const kleis = await startSignIns();
    kleis.fakes.codex.token.script({ reply: { status, body } });
    const { refreshToken } = kleis.fakes.codex.issueTokens();
    expect(await refresh(kleis, "codex", { refreshToken })).toMatchObject({ status: "unavailable" });
  });
});

describe("Copilot", () => {
  const token = (kleis: SignIns) => kleis.fakes.copilot.issueTokens().accessToken;

  test("a valid token stays, and the API host is looked up again", async () => {
    const kleis = await startSignIns();
    const held = { accessToken: token(kleis), metadata: { user_id: 4242 } };
    expect(await refresh(kleis, "copilot", held)).toEqual({
      status: "valid",
      metadata: { api_host: "api.individual.githubcopilot.com", plan: "individual_pro" },
    });
    expect(kleis.fakes.violations()).toEqual([]);
  });

  test("a host that cannot be asked for stays as it is", async () => {
    const kleis = await startSignIns();
    kleis.fakes.copilot.discovery.mode = "404";
    const held = { accessToken: token(kleis), metadata: { user_id: 4242 } };
    expect(await refresh(kleis, "copilot", held)).toEqual({ status: "valid" });
  });

  test("an imported token gets the identity of its account", async () => {
    const kleis = await startSignIns();
    expect(await refresh(kleis, "copilot", { accessToken: token(kleis) })).toMatchObject({
      status: "valid",
      metadata: { user_id: 4242, login: "octo-owner" },
    });
  });

  test("a wrong tier's host is given up for the one that GitHub names", async () => {
    const kleis = await startSignIns();
    kleis.fakes.copilot.rules.host = "elsewhere";
    const held = { accessToken: token(kleis), metadata: { api_host: "api.business.githubcopilot.com" } };
    expect(await refresh(kleis, "copilot", held)).toMatchObject({
      status: "valid",
      metadata: { api_host: "api.individual.githubcopilot.com" },
    });
    kleis.fakes.copilot.discovery.mode = "404";
    expect(await refresh(kleis, "copilot", held)).toEqual({ status: "valid", metadata: { api_host: null } });
  });

  test("a revoked token is rejected", async () => {
    const kleis = await startSignIns();
    const accessToken = token(kleis);
    kleis.fakes.copilot.revoke(accessToken);
    expect(await refresh(kleis, "copilot", { accessToken })).toMatchObject({ status: "rejected" });
  });

  test.each([403, 429, 500])("%i says nothing about the token", async (status) => {
    const kleis = await startSignIns({
      fetch: intercept(({ pathname }) => (pathname === "/models" ? html(status) : null)),
    });
    expect(await refresh(kleis, "copilot", { accessToken: token(kleis) })).toMatchObject({
      status: "unavailable",
    });
  });
});

test.each(["claude", "codex", "copilot"])(
  "%s out of reach leaves the account alone, in words",
  async (id) => {
    const lost = Object.assign(new Error("no route"), { code: "ENOTFOUND" });
    const kleis = await startSignIns({ fetch: () => () => Promise.reject(lost) });
    expect(await refresh(kleis, id, { accessToken: "gho_x", refreshToken: "rt_x" })).toMatchObject({
      status: "unavailable",
      reason: expect.stringMatching(/could not be reached: its name could not be resolved \(ENOTFOUND\)/),
    });
  },
);

test.each(["claude", "codex", "copilot"])(
  "%s without anything to refresh with must sign in again",
  async (id) => {
    const kleis = await startSignIns(silent);
    expect(await refresh(kleis, id, {})).toMatchObject({
      status: "rejected",
      reason: expect.stringMatching(/Connect it again/),
    });
  },
);

test("an answer of more than 2 MiB is not read to its end", async () => {
  let pulled = 0;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(256 * 1024));
      },
    });
  const kleis = await startSignIns({ fetch: () => async () => new Response(endless()) });
  const result = await refresh(kleis, "claude", { refreshToken: "sk-ant-ort01-x" });
  expect(result).toMatchObject({ status: "unavailable", reason: expect.stringMatching(/2 MiB/) });
  expect(pulled).toBeLessThan(12);
});
