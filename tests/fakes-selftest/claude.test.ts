import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeClaude, startFakeClaude } from "../fakes/index.ts";
import { type Call, exchange, withBody, withHeaders } from "./exchange.ts";

const IDENTITY = { type: "text", text: "You are Claude Code, Anthropic's official CLI for Claude." };
const MARK = { cache_control: { type: "ephemeral" } };

let fake: FakeClaude;
let clock = 1_790_000_000_000;

beforeEach(async () => {
  clock = 1_790_000_000_000;
  fake = await startFakeClaude({ now: () => clock });
});

afterEach(() => fake.close());

function subscription(): Call {
  return {
    headers: {
      authorization: `Bearer ${fake.issueTokens().accessToken}`,
      "anthropic-version": "2023-06-01",
      "anthropic-beta": "oauth-2025-04-20,interleaved-thinking-2025-05-14",
      "content-type": "application/json",
      "accept-encoding": "identity",
    },
    body: {
      model: "claude-sonnet-5",
      max_tokens: 100,
      stream: true,
      system: [IDENTITY],
      messages: [{ role: "user", content: "ping" }],
    },
  };
}

function keyed(): Call {
  return {
    headers: {
      "x-api-key": fake.issueApiKey(),
      "anthropic-version": "2023-06-01",
      "content-type": "application/json",
    },
    body: { model: "claude-sonnet-5", max_tokens: 100, messages: [{ role: "user", content: "ping" }] },
  };
}

const ask = (call: Call, query = "?beta=true") => exchange(`${fake.url}/v1/messages${query}`, call);

const tool = (name: string) => ({ name, input_schema: { type: "object" } });
const user = { role: "user", content: "ping" };
const calling = (id: string) => ({
  role: "assistant",
  content: [{ type: "tool_use", id, name: "t", input: {} }],
});
const result = (id: string) => ({
  role: "user",
  content: [{ type: "tool_result", tool_use_id: id, content: "ok" }],
});

describe("a good request is answered", () => {
  test("of a subscription", async () => {
    const answer = await ask(subscription());
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(answer.headers["anthropic-ratelimit-unified-status"]).toBe("allowed");
    expect(fake.violations).toEqual([]);
  });

  test("of an API key, without identity, beta and query", async () => {
    const answer = await ask(keyed(), "");
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ type: "message", stop_reason: "end_turn" });
    expect(answer.text).toContain("ping");
  });

  test("of Claude Code itself, with its attribution block first", async () => {
    const system = [{ type: "text", text: "x-anthropic-billing-header: cc_version=2" }, IDENTITY];
    expect((await ask(withBody(subscription(), { system }))).status).toBe(200);
  });

  test.each([
    "You are a Claude agent, built on Anthropic's Claude Agent SDK.",
    `${IDENTITY.text.slice(0, -1)}, running within the Claude Agent SDK.`,
  ])("of Claude Code without a terminal: %s", async (text) => {
    const own = { type: "text", text };
    const attribution = { type: "text", text: "x-anthropic-billing-header: cc_version=2" };
    expect((await ask(withBody(subscription(), { system: [attribution, own] }))).status).toBe(200);
    expect((await ask(withBody(subscription(), { system: [own] }))).status).toBe(200);
  });

  test("and recorded byte for byte", async () => {
    const body =
      '{"model":"claude-sonnet-5", "model":"claude-sonnet-5","max_tokens":1,"messages":[{"role":"user","content":"ü"}]}';
    await ask({ ...keyed(), body }, "");
    expect(fake.last().body.toString("utf8")).toBe(body);
    expect(fake.inference).toHaveLength(1);
  });

  test("when it counts tokens", async () => {
    const call = withBody(subscription(), { max_tokens: undefined, stream: undefined });
    const answer = await exchange(`${fake.url}/v1/messages/count_tokens?beta=true`, call);
    expect(JSON.parse(answer.text).input_tokens).toBeGreaterThan(0);
  });
});

describe("a request is refused", () => {
  const rules: [string, (call: Call) => Call, number, string][] = [
    [
      "without credential",
      (call) => withHeaders(call, { authorization: undefined }),
      401,
      "x-api-key header is required",
    ],
    [
      "with two credentials",
      (call) => withHeaders(call, { "x-api-key": "sk-ant-api03-x" }),
      400,
      "one credential",
    ],
    [
      "with an unknown bearer",
      (call) => withHeaders(call, { authorization: "Bearer sk-ant-oat01-x" }),
      401,
      "Invalid authentication",
    ],
    [
      "without version",
      (call) => withHeaders(call, { "anthropic-version": undefined }),
      400,
      "anthropic-version",
    ],
    [
      "without the OAuth beta",
      (call) => withHeaders(call, { "anthropic-beta": "x-2025" }),
      401,
      "currently not supported",
    ],
    [
      "without identity",
      (call) => withBody(call, { system: "Be brief." }),
      400,
      "only authorized for use with Claude Code",
    ],
    [
      "with the identity in a string",
      (call) => withBody(call, { system: IDENTITY.text }),
      400,
      "only authorized for use with Claude Code",
    ],
    [
      "with the identity second",
      (call) => withBody(call, { system: [{ type: "text", text: "Hi" }, IDENTITY] }),
      400,
      "Claude Code",
    ],
    ["with betas in the body", (call) => withBody(call, { betas: ["x"] }), 400, "betas"],
    [
      "with context_management but not its beta",
      (call) => withBody(call, { context_management: { edits: [] } }),
      400,
      "context_management",
    ],
    [
      "with five cache marks",
      (call) =>
        withBody(call, { tools: ["a", "b", "c", "d", "e"].map((name) => ({ ...tool(name), ...MARK })) }),
      400,
      "Found 5",
    ],
    [
      "with a tool name twice",
      (call) => withBody(call, { tools: [tool("a"), tool("a")] }),
      400,
      "must be unique",
    ],
    ["with a tool name out of pattern", (call) => withBody(call, { tools: [tool("a.b")] }), 400, "pattern"],
    ["with a tool name over 128", (call) => withBody(call, { tools: [tool("a".repeat(129))] }), 400, "128"],
    [
      "with a choice of no declared tool",
      (call) => withBody(call, { tools: [tool("mcp_a")], tool_choice: { type: "tool", name: "a" } }),
      400,
      "not found",
    ],
    [
      "with a call that has no result",
      (call) => withBody(call, { messages: [user, calling("t1"), user] }),
      400,
      "without",
    ],
    [
      "with a call at the end",
      (call) => withBody(call, { messages: [user, calling("t1")] }),
      400,
      "no tool_result",
    ],
    [
      "with a result that has no call",
      (call) => withBody(call, { messages: [user, result("t1")] }),
      400,
      "unexpected",
    ],
    [
      "with a call id out of pattern",
      (call) => withBody(call, { messages: [user, calling("t|1"), result("t|1")] }),
      400,
      "tool_use.id",
    ],
    [
      "with an empty signature",
      (call) =>
        withBody(call, {
          messages: [
            user,
            { role: "assistant", content: [{ type: "thinking", thinking: "x", signature: "" }] },
            user,
          ],
        }),
      400,
      "signature",
    ],
    ["without max_tokens", (call) => withBody(call, { max_tokens: undefined }), 400, "max_tokens"],
    ["without model", (call) => withBody(call, { model: undefined }), 400, "model"],
    ["that is no JSON", (call) => ({ ...call, body: "{" }), 400, "not valid JSON"],
    ["that is packed", (call) => withHeaders(call, { "content-encoding": "gzip" }), 400, "content-encoding"],
    [
      "with an origin",
      (call) => withHeaders(call, { origin: "https://a.example" }),
      401,
      "CORS requests are not allowed",
    ],
    ["with a cookie", (call) => withHeaders(call, { cookie: "a=b" }), 400, "cookie"],
    ["with a referer", (call) => withHeaders(call, { referer: "https://a.example" }), 400, "referer"],
    ["with cf-*", (call) => withHeaders(call, { "cf-ray": "1" }), 400, "cf-ray"],
    [
      "with x-forwarded-*",
      (call) => withHeaders(call, { "x-forwarded-for": "1.1.1.1" }),
      400,
      "x-forwarded-for",
    ],
    ["with x-vercel-*", (call) => withHeaders(call, { "x-vercel-id": "1" }), 400, "x-vercel-id"],
    [
      "with a Kleis key anywhere",
      (call) => withHeaders(call, { "x-note": `kleis_${"k".repeat(43)}` }),
      400,
      "x-note",
    ],
    [
      "when it accepts packed answers",
      (call) => withHeaders(call, { "accept-encoding": "gzip" }),
      400,
      "accept-encoding",
    ],
  ];

  test.each(rules)("%s", async (_, change, status, words) => {
    const answer = await ask(change(subscription()));
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({
      type: "error",
      error: { message: expect.stringContaining(words) },
    });
    expect(fake.violations).toHaveLength(1);
    expect(fake.inference).toHaveLength(0);
  });

  test("with a bearer but without beta=true", async () => {
    expect((await ask(subscription(), "")).status).toBe(400);
  });

  test("with fields that count_tokens does not know", async () => {
    const answer = await exchange(`${fake.url}/v1/messages/count_tokens?beta=true`, subscription());
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("max_tokens: Extra inputs");
  });

  test("on a path that does not exist", async () => {
    expect((await exchange(`${fake.url}/v1/complete`)).status).toBe(404);
    expect(fake.violations).toHaveLength(1);
  });

  test("with an expired or revoked bearer, which is not the caller's violation", async () => {
    const { accessToken } = fake.issueTokens();
    const call = withHeaders(subscription(), { authorization: `Bearer ${accessToken}` });
    fake.expire(accessToken);
    expect((await ask(call)).text).toContain("OAuth token has expired");
    fake.revoke(accessToken);
    const revoked = await ask(call);
    expect([revoked.status, revoked.text]).toEqual([403, expect.stringContaining("has been revoked")]);
    expect(fake.violations).toEqual([]);
    expect(fake.refusals).toHaveLength(2);
  });

  test("by the clock, eight hours after the token was issued", async () => {
    const call = subscription();
    clock += 8 * 3_600_000;
    expect((await ask(call)).status).toBe(401);
  });
});

describe("signing in", () => {
  const VERIFIER = "v".repeat(43);
  const REDIRECT = "https://platform.claude.com/oauth/code/callback";

  function address(changes: Record<string, string> = {}, path = "/oauth/authorize"): string {
    const query = new URLSearchParams({
      code: "true",
      client_id: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
      response_type: "code",
      redirect_uri: REDIRECT,
      scope: "org:create_api_key user:profile user:inference",
      code_challenge: createHash("sha256").update(VERIFIER).digest("base64url"),
      code_challenge_method: "S256",
      state: "state-1",
      ...changes,
    });
    return `${fake.url}${path}?${query}`;
  }

  const post = (body: object, headers: Record<string, string> = {}, path = "/v1/oauth/token") =>
    exchange(`${fake.url}${path}`, {
      headers: { "content-type": "application/json", "user-agent": "kleis/0.1.0", ...headers },
      body,
    });

  function grant(pasted: string, changes: Record<string, string | undefined> = {}): object {
    const [code, state] = pasted.split("#");
    return {
      grant_type: "authorization_code",
      code,
      state,
      client_id: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
      redirect_uri: REDIRECT,
      code_verifier: VERIFIER,
      ...changes,
    };
  }

  const refresh = (refresh_token: string, changes: Record<string, string> = {}) => ({
    grant_type: "refresh_token",
    refresh_token,
    client_id: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
    ...changes,
  });

  test("gives tokens that work", async () => {
    const answer = await post(grant(fake.authorize(address())));
    expect(answer.status).toBe(200);
    const body = JSON.parse(answer.text);
    expect(body.access_token).toMatch(/^sk-ant-oat01-/);
    expect(body.refresh_token).toMatch(/^sk-ant-ort01-/);
    expect(body.expires_in).toBe(28800);
    const call = withHeaders(subscription(), { authorization: `Bearer ${body.access_token}` });
    expect((await ask(call)).status).toBe(200);
  });

  test("over HTTP leads back with code and state", async () => {
    const answer = await exchange(address(), { method: "GET" });
    expect(answer.status).toBe(302);
    expect(answer.headers.location).toMatch(
      /^https:\/\/platform\.claude\.com\/oauth\/code\/callback\?code=.+&state=state-1$/,
    );
  });

  test.each([
    ["code", "false"],
    ["client_id", "other"],
    ["response_type", "token"],
    ["redirect_uri", "https://evil.example/callback"],
    ["scope", "user:everything"],
    ["code_challenge", "short"],
    ["code_challenge_method", "plain"],
    ["state", ""],
  ])("is refused for a wrong %s", (name, value) => {
    expect(() => fake.authorize(address({ [name]: value }))).toThrow();
    expect(fake.violations).toHaveLength(1);
  });

  test("is refused at another address than the fake's", () => {
    expect(() => fake.authorize("https://claude.ai/oauth/authorize?code=true")).toThrow("not an address");
  });

  test.each([
    ["another verifier", { code_verifier: "w".repeat(43) }, "invalid_grant"],
    ["another redirect", { redirect_uri: "http://localhost:1/callback" }, "invalid_grant"],
    ["another state", { state: "state-2" }, "Invalid request format"],
    ["no state", { state: undefined }, "Invalid request format"],
    ["another client", { client_id: "x" }, "Invalid request format"],
    ["a field too many", { scope: "user:inference" }, "Invalid request format"],
  ])("the exchange is refused with %s", async (_, changes, words) => {
    const answer = await post(grant(fake.authorize(address()), changes));
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(words);
  });

  test("a code works once and for ten minutes", async () => {
    const pasted = fake.authorize(address());
    await post(grant(pasted));
    expect((await post(grant(pasted))).text).toContain("invalid_grant");
    const late = fake.authorize(address());
    clock += 10 * 60_000;
    expect((await post(grant(late))).text).toContain("invalid_grant");
  });

  test.each([
    ["Claude Code's user-agent", { "user-agent": "claude-cli/2.1" }, 429],
    ["a foreign user-agent", { "user-agent": "node" }, 404],
    ["form encoding", { "content-type": "application/x-www-form-urlencoded" }, 400],
    ["a cookie", { cookie: "a=b" }, 400],
    ["the legacy host", { host: "console.anthropic.com" }, 404],
  ])("the token endpoint refuses %s", async (_, headers, status) => {
    const { refreshToken } = fake.issueTokens();
    expect((await post(refresh(refreshToken), headers)).status).toBe(status);
    expect(fake.violations).toHaveLength(1);
  });

  test("a refresh rotates, and the old token is dead", async () => {
    const { refreshToken } = fake.issueTokens();
    const first = JSON.parse((await post(refresh(refreshToken))).text);
    expect(first.refresh_token).not.toBe(refreshToken);
    expect((await post(refresh(refreshToken))).text).toContain("invalid_grant");
    expect(fake.violations).toEqual([expect.stringContaining("used twice")]);
    expect((await post(refresh(first.refresh_token))).status).toBe(200);
  });

  test("a refresh that asks for key minting is refused", async () => {
    const { refreshToken } = fake.issueTokens();
    const answer = await post(refresh(refreshToken, { scope: "org:create_api_key" }));
    expect(answer.text).toContain("invalid_scope");
  });

  test("a revoked refresh token is dead without a violation", async () => {
    const { refreshToken } = fake.issueTokens();
    fake.revoke(refreshToken);
    expect((await post(refresh(refreshToken))).text).toContain("invalid_grant");
    expect(fake.violations).toEqual([]);
  });

  test("troubles: 429 leaves the token alive, 500 after rotating has spent it", async () => {
    const { refreshToken } = fake.issueTokens();
    fake.token.script(
      { reply: { status: 429, headers: { "retry-after": "5" } } },
      { reply: { status: 500 }, after: "rotating" },
    );
    expect((await post(refresh(refreshToken))).status).toBe(429);
    expect((await post(refresh(refreshToken))).status).toBe(500);
    expect((await post(refresh(refreshToken))).text).toContain("invalid_grant");
  });

  test("troubles: the connection may drop after rotating", async () => {
    const { refreshToken } = fake.issueTokens();
    fake.token.script({ drop: true });
    await expect(post(refresh(refreshToken))).rejects.toThrow();
    expect((await post(refresh(refreshToken))).text).toContain("invalid_grant");
  });

  test("troubles: without a new refresh token the old one stays good", async () => {
    const { refreshToken } = fake.issueTokens();
    fake.token.script({ omitRefreshToken: true, expiresIn: 60 });
    const body = JSON.parse((await post(refresh(refreshToken))).text);
    expect(body).not.toHaveProperty("refresh_token");
    expect(body.expires_in).toBe(60);
    expect((await post(refresh(refreshToken))).status).toBe(200);
  });

  test("revoking kills the refresh token", async () => {
    const { refreshToken } = fake.issueTokens();
    const client_id = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
    const body = { token: refreshToken, token_type_hint: "refresh_token", client_id };
    expect((await post(body, {}, "/v1/oauth/token/revoke")).status).toBe(200);
    expect((await post(refresh(refreshToken))).status).toBe(400);
  });

  test("a console login mints a key that works; a plain one may not", async () => {
    const mint = (scopes: string[]) =>
      post(
        {},
        { authorization: `Bearer ${fake.issueTokens({ scopes }).accessToken}` },
        "/api/oauth/claude_cli/create_api_key",
      );
    expect((await mint(["user:inference"])).status).toBe(403);
    const { raw_key } = JSON.parse((await mint(["org:create_api_key"])).text);
    expect((await ask(withHeaders(keyed(), { "x-api-key": raw_key }), "")).status).toBe(200);
  });

  test.each(["/api/oauth/profile", "/api/oauth/usage"])("%s wants the beta and the scope", async (path) => {
    const get = (scopes: string[], beta: Record<string, string>) =>
      exchange(`${fake.url}${path}`, {
        method: "GET",
        headers: { authorization: `Bearer ${fake.issueTokens({ scopes }).accessToken}`, ...beta },
      });
    const beta = { "anthropic-beta": "oauth-2025-04-20" };
    expect((await get(["user:profile"], beta)).status).toBe(200);
    expect((await get(["user:profile"], {})).status).toBe(401);
    expect((await get(["user:inference"], beta)).text).toContain("scope requirement: user:profile");
  });
});

describe("the list of models", () => {
  const list = async (query: string, call: Call = keyed()) => {
    const { body: _none, headers } = call;
    const answer = await exchange(`${fake.url}/v1/models${query}`, { headers, method: "GET" });
    return { status: answer.status, json: JSON.parse(answer.text) };
  };

  test("comes in pages, newest first, to both credentials", async () => {
    for (const call of [keyed(), subscription()]) {
      const whole = await list("?limit=1000", call);
      expect(whole.json).toMatchObject({ has_more: false, first_id: "claude-opus-5-5" });
      const first = await list("?limit=5", call);
      expect(first.json).toMatchObject({ has_more: true, last_id: whole.json.data[4].id });
      const second = await list(`?limit=5&after_id=${first.json.last_id}`, call);
      expect(second.json.data).toEqual(whole.json.data.slice(5, 10));
      const last = await list(`?after_id=${whole.json.last_id}`, call);
      expect(last.json).toEqual({ data: [], has_more: false, first_id: null, last_id: null });
    }
    expect(fake.violations).toEqual([]);
    expect(fake.requests).toEqual([]);
  });

  test.each([
    [
      "a bearer without the OAuth beta",
      "",
      () => withHeaders(subscription(), { "anthropic-beta": undefined }),
      401,
    ],
    ["no version", "", () => withHeaders(keyed(), { "anthropic-version": undefined }), 400],
    ["a limit over 1000", "?limit=1001", keyed, 400],
    ["a limit of none", "?limit=0", keyed, 400],
    ["an unknown cursor", "?after_id=claude-none", keyed, 400],
    ["another query", "?beta=true", keyed, 400],
  ])("is refused with %s", async (_what, query, call, status) => {
    expect((await list(query, call())).status).toBe(status);
    expect(fake.violations).toHaveLength(1);
  });
});
