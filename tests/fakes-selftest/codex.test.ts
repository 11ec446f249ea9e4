import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeCodex, startFakeCodex } from "../fakes/index.ts";
import { type Call, dataOf, exchange, withBody, withHeaders } from "./exchange.ts";

let fake: FakeCodex;
let clock = 1_790_000_000_000;

beforeEach(async () => {
  clock = 1_790_000_000_000;
  fake = await startFakeCodex({ now: () => clock });
});

afterEach(() => fake.close());

function plan(): Call {
  const { accessToken, accountId } = fake.issueTokens();
  return {
    headers: {
      authorization: `Bearer ${accessToken}`,
      "chatgpt-account-id": accountId,
      "content-type": "application/json",
      accept: "text/event-stream",
      "user-agent": "kleis/0.1.0",
    },
    body: {
      model: "gpt-5.5",
      instructions: "Be brief.",
      input: [{ role: "user", content: [{ type: "input_text", text: "ping" }] }],
      store: false,
      stream: true,
      include: ["reasoning.encrypted_content"],
    },
  };
}

const ask = (call: Call) => exchange(`${fake.url}/backend-api/codex/responses`, call);
const items = (...input: object[]) => ({ input });
const call = (type: string, call_id = "c1") => ({ type, call_id, name: "t", arguments: "{}", input: "" });
const output = (type: string, call_id = "c1") => ({ type: `${type}_output`, call_id, output: "ok" });

describe("a good request to the backend", () => {
  test("is streamed, with the plan's headers", async () => {
    const answer = await ask(plan());
    expect(answer.status).toBe(200);
    expect(answer.headers["x-codex-primary-used-percent"]).toBe("12");
    const events = dataOf(answer.text).map((data) => JSON.parse(data));
    expect(events.at(0)).toMatchObject({ type: "response.created", sequence_number: 0 });
    expect(events.at(-1)).toMatchObject({ type: "response.completed" });
    expect(answer.text).toContain("ping");
    expect(fake.violations).toEqual([]);
  });

  const V7 = "019a0c1e-7f3d-7bb2-9d51-2f6f0b9a6c01";
  test.each([
    ["a UUIDv7", V7, V7, 80],
    ["none", undefined, undefined, 0],
    ["a text", `kleis_${"a1".repeat(24)}`, `kleis_${"a1".repeat(24)}`, 0],
    ["another version", V7.replace("-7bb2", "-4bb2"), V7.replace("-7bb2", "-4bb2"), 0],
    ["another variant", V7.replace("-9", "-c"), V7.replace("-9", "-c"), 0],
    ["a time before 2020", V7.replace("019a", "0160"), V7.replace("019a", "0160"), 0],
    ["a time to come", V7.replace("019a", "02ff"), V7.replace("019a", "02ff"), 0],
    ["a key without its session", V7, undefined, 0],
  ])("has its second turn cached by the session's id: %s", async (_kind, key, session, cached) => {
    const call = withHeaders(withBody(plan(), { prompt_cache_key: key }), { "session-id": session });
    const cachedOf = async () =>
      JSON.parse(dataOf((await ask(call)).text).at(-1) ?? "").response.usage.input_tokens_details;
    expect(await cachedOf()).toEqual({ cached_tokens: 0 });
    expect(await cachedOf()).toEqual({ cached_tokens: cached });
    expect(fake.violations).toEqual([]);
  });

  test("may be of the newest form, without instructions", async () => {
    const lite = withHeaders(plan(), { "x-openai-internal-codex-responses-lite": "true" });
    const body = {
      instructions: undefined,
      ...items({ type: "additional_tools", tools: [] }, { role: "user", content: "x" }),
    };
    expect((await ask(withBody(lite, body))).status).toBe(200);
  });
});

describe("the backend refuses", () => {
  const unsupported = [
    "max_output_tokens",
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "truncation",
    "user",
    "metadata",
    "safety_identifier",
    "previous_response_id",
    "context_management",
    "prompt_cache_retention",
    "prompt_cache_options",
    "background",
    "conversation",
    "prompt",
    "generate",
    "something_new",
  ];

  test.each(unsupported)("the field %s", async (field) => {
    const answer = await ask(withBody(plan(), { [field]: 1 }));
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      400,
      { detail: `Unsupported parameter: ${field}` },
    ]);
    expect(fake.violations).toHaveLength(1);
  });

  const bodies: [string, Record<string, unknown>, number, string][] = [
    ["stream false", { stream: false }, 400, "Stream must be set to true"],
    ["no stream", { stream: undefined }, 400, "Stream must be set to true"],
    ["store true", { store: true }, 400, "Store must be set to false"],
    ["no store", { store: undefined }, 400, "Store must be set to false"],
    ["no instructions", { instructions: undefined }, 400, "Instructions are required"],
    ["empty instructions", { instructions: "" }, 400, "Instructions are required"],
    ["a system message", items({ role: "system", content: "x" }), 400, "System messages are not allowed"],
    [
      "a model off the plan",
      { model: "gpt-4o" },
      400,
      "The 'gpt-4o' model is not supported when using Codex with a ChatGPT account.",
    ],
    ["another service tier", { service_tier: "flex" }, 400, "Unsupported parameter: service_tier"],
    [
      "stream options",
      { stream_options: { include_usage: true } },
      400,
      "Unsupported parameter: stream_options",
    ],
    ["a string as input", { input: "hi" }, 400, "Input must be a list"],
    [
      "an item reference",
      items({ type: "item_reference", id: "msg_1" }),
      404,
      "Item with id 'msg_1' not found",
    ],
    ["an item id", items({ role: "user", id: "msg_1", content: "x" }), 404, "Item with id 'msg_1' not found"],
    ["reasoning without its content", items({ type: "reasoning", summary: [] }), 400, "encrypted_content"],
    [
      "reasoning with a status",
      items({ type: "reasoning", encrypted_content: "x", status: null }),
      400,
      "status",
    ],
    [
      "a nested cache breakpoint",
      items({ role: "user", content: [{ type: "input_text", text: "x", prompt_cache_breakpoint: {} }] }),
      400,
      "prompt_cache_breakpoint",
    ],
    [
      "an output without call",
      items(output("function_call")),
      400,
      "No tool call found for function call output with call_id c1",
    ],
    ["a call without output", items(call("function_call")), 400, "No tool output found for function call c1"],
    [
      "a custom call without output",
      items(call("custom_tool_call")),
      400,
      "No tool output found for custom tool call c1",
    ],
    [
      "a long call id",
      items(call("function_call", "c".repeat(65)), output("function_call", "c".repeat(65))),
      400,
      "64",
    ],
    ["a long tool name", { tools: [{ type: "function", name: "t".repeat(65) }] }, 400, "64"],
    ["a preview tool", { tools: [{ type: "web_search_preview" }] }, 400, "Unsupported tool type"],
  ];

  test.each(bodies)("%s", async (_, changes, status, words) => {
    const answer = await ask(withBody(plan(), changes));
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(words);
    expect(fake.violations).toHaveLength(1);
  });

  const headers: [string, Record<string, string | undefined>, number, string][] = [
    ["no bearer", { authorization: undefined }, 401, "bearer"],
    ["an unknown bearer", { authorization: "Bearer a.b.c" }, 401, "Could not validate"],
    ["no account id", { "chatgpt-account-id": undefined }, 401, "account id"],
    ["another account's id", { "chatgpt-account-id": "other" }, 403, "codex_workspace_access_denied"],
    ["another account's turn state", { "x-codex-turn-state": "turn-other-1" }, 400, "turn state"],
    ["no JSON type", { "content-type": "text/plain" }, 415, "content type"],
    ["a packed body", { "content-encoding": "zstd" }, 415, "encoding"],
    ["another accept", { accept: "application/json" }, 406, "acceptable"],
    ["cf-*", { "cf-visitor": "x" }, 403, "Attention Required"],
    ["x-forwarded-*", { "x-forwarded-proto": "https" }, 403, "Attention Required"],
    ["x-vercel-*", { "x-vercel-ip-city": "x" }, 403, "Attention Required"],
    ["cookies", { cookie: "a=b" }, 403, "Attention Required"],
    ["a Kleis key", { "x-note": `kleis_${"k".repeat(43)}` }, 403, "Attention Required"],
    ["a Kleis key as session", { "session-id": `kleis_${"k".repeat(43)}` }, 403, "Attention Required"],
    ["x-api-key", { "x-api-key": "k" }, 403, "Attention Required"],
    ["the client's user-agent", { "user-agent": "opencode/1.18" }, 403, "Attention Required"],
    ["accept-encoding", { "accept-encoding": "gzip, deflate" }, 403, "Attention Required"],
  ];

  test.each(headers)("%s", async (_, changes, status, words) => {
    const answer = await ask(withHeaders(plan(), changes));
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(words);
    expect(fake.violations).toHaveLength(1);
  });

  test("an expired token, which is not a violation", async () => {
    const good = plan();
    clock += 864_000_000;
    expect((await ask(good)).text).toContain("token_expired");
    expect(fake.violations).toEqual([]);
  });

  test("item ids only where they are looked up, when told so", async () => {
    fake.rules.strictIds = false;
    expect((await ask(withBody(plan(), items({ role: "user", id: "msg_1", content: "x" })))).status).toBe(
      200,
    );
    const lost = items({ type: "reasoning", id: "rs_1", summary: [] });
    expect((await ask(withBody(plan(), lost))).status).toBe(404);
  });

  test("fields on compact that it does not know", async () => {
    const compact = (call: Call) => exchange(`${fake.url}/backend-api/codex/responses/compact`, call);
    expect((await compact(plan())).status).toBe(400);
    const good = withBody(plan(), { store: undefined, stream: undefined, include: undefined });
    expect(JSON.parse((await compact(good)).text).output[0].type).toBe("compaction");
  });
});

describe("around inference", () => {
  const get = (path: string) =>
    exchange(`${fake.url}/backend-api${path}`, { ...plan(), method: "GET", body: "" });

  test("the catalogue has a hidden entry and wants a version", async () => {
    const { models } = JSON.parse((await get("/codex/models?client_version=0.169.0")).text);
    expect(models.map((model: { visibility: string }) => model.visibility)).toContain("hide");
    expect((await get("/codex/models")).status).toBe(400);
  });

  test.each([
    ["0.0.0", 0, []],
    ["0.60.0", 0, []],
    ["0.142.2", 5, []],
    ["0.144.0", 8, []],
    ["0.152.9", 8, []],
    ["0.153.0", 9, ["gpt-6-astra"]],
    ["0.155.0", 11, ["gpt-6-astra", "gpt-6-sol", "gpt-6-luna"]],
    ["0.1000.0", 11, ["gpt-6-astra", "gpt-6-sol", "gpt-6-luna"]],
  ])("the catalogue for %s has %i rows", async (version, rows, sixes) => {
    const { models } = JSON.parse((await get(`/codex/models?client_version=${version}`)).text);
    const slugs = models.map(({ slug }: { slug: string }) => slug);
    expect(slugs).toHaveLength(rows);
    expect(slugs.filter((slug: string) => slug.startsWith("gpt-6"))).toEqual(sixes);
  });

  test("usage has a window that is null", async () => {
    const { rate_limit } = JSON.parse((await get("/wham/usage")).text);
    expect(rate_limit.primary_window.used_percent).toBe(12);
    expect(rate_limit.secondary_window).toBeNull();
  });
});

describe("API keys at api.openai.com", () => {
  const keyed = (): Call => ({
    headers: { authorization: `Bearer ${fake.issueApiKey()}`, "content-type": "application/json" },
    body: { model: "gpt-5.5", input: "ping", messages: [{ role: "user", content: "ping" }] },
  });

  test.each(["responses", "chat/completions"])("answer %s as JSON and as a stream", async (path) => {
    const url = `${fake.url}/v1/${path}`;
    const whole = await exchange(url, keyed());
    expect(JSON.parse(whole.text).object).toMatch(/^(response|chat\.completion)$/);
    expect(whole.text).toContain("ping");
    const streamed = await exchange(url, withBody(keyed(), { stream: true }));
    expect(dataOf(streamed.text).length).toBeGreaterThan(3);
  });

  const refused: [string, (call: Call) => Call, number][] = [
    ["no key", (call) => withHeaders(call, { authorization: undefined }), 401],
    ["an unknown key", (call) => withHeaders(call, { authorization: "Bearer sk-x" }), 401],
    [
      "a ChatGPT token",
      (call) => withHeaders(call, { authorization: `Bearer ${fake.issueTokens().accessToken}` }),
      401,
    ],
    ["an account id", (call) => withHeaders(call, { "chatgpt-account-id": "x" }), 400],
    ["a cookie", (call) => withHeaders(call, { cookie: "a=b" }), 400],
    ["no model", (call) => withBody(call, { model: undefined }), 400],
    ["no input", (call) => withBody(call, { input: undefined }), 400],
    ["stream options without stream", (call) => withBody(call, { stream_options: {} }), 400],
    [
      "the newest form without its header",
      (call) => withBody(call, { input: [{ type: "additional_tools", tools: [] }] }),
      400,
    ],
  ];

  test.each(refused)("refuse %s", async (_, change, status) => {
    expect((await exchange(`${fake.url}/v1/responses`, change(keyed()))).status).toBe(status);
    expect(fake.violations).toHaveLength(1);
  });
});

describe("signing in", () => {
  const CLIENT = "app_EMoamEEZ73f0CkXaXp7hrann";
  const VERIFIER = "v".repeat(64);
  const REDIRECT = "http://localhost:1455/auth/callback";
  const OWN = { "user-agent": "kleis/0.1.0" };

  function address(changes: Record<string, string> = {}): string {
    const query = new URLSearchParams({
      response_type: "code",
      client_id: CLIENT,
      redirect_uri: REDIRECT,
      scope: "openid profile email offline_access",
      code_challenge: createHash("sha256").update(VERIFIER).digest("base64url"),
      code_challenge_method: "S256",
      id_token_add_organizations: "true",
      codex_cli_simplified_flow: "true",
      state: "state-1",
      ...changes,
    });
    return `${fake.url}/oauth/authorize?${query}`;
  }

  const form = (fields: Record<string, string>, headers: Record<string, string> = OWN) =>
    exchange(`${fake.url}/oauth/token`, {
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  const json = (body: object, path = "/oauth/token") =>
    exchange(`${fake.url}${path}`, { headers: { "content-type": "application/json", ...OWN }, body });
  const grant = (callback: string, changes: Record<string, string> = {}) => ({
    grant_type: "authorization_code",
    client_id: CLIENT,
    code: new URL(callback).searchParams.get("code") ?? "",
    redirect_uri: REDIRECT,
    code_verifier: VERIFIER,
    ...changes,
  });
  const refresh = (refresh_token: string) => ({
    grant_type: "refresh_token",
    refresh_token,
    client_id: CLIENT,
  });

  test("gives tokens with the claims that name the account", async () => {
    const callback = fake.authorize(address());
    expect(new URL(callback).searchParams.get("state")).toBe("state-1");
    const tokens = JSON.parse((await form(grant(callback))).text);
    const claims = JSON.parse(Buffer.from(tokens.id_token.split(".")[1], "base64url").toString("utf8"));
    expect(claims["https://api.openai.com/auth"].chatgpt_plan_type).toBe("plus");
    const account = claims["https://api.openai.com/auth"].chatgpt_account_id;
    const headers = { authorization: `Bearer ${tokens.access_token}`, "chatgpt-account-id": account };
    expect((await ask(withHeaders(plan(), headers))).status).toBe(200);
  });

  test("may be denied for want of an entitlement", () => {
    const query = new URL(fake.authorize(address(), { deny: true })).searchParams;
    expect(query.get("error")).toBe("access_denied");
    expect(query.get("error_description")).toContain("missing_codex_entitlement");
  });

  test.each([
    ["response_type", "token"],
    ["client_id", "other"],
    ["redirect_uri", "http://localhost:9999/auth/callback"],
    ["scope", "openid profile email"],
    ["code_challenge", "short"],
    ["code_challenge_method", "plain"],
    ["id_token_add_organizations", "false"],
    ["codex_cli_simplified_flow", ""],
    ["state", ""],
    ["originator", ""],
    ["originator", "kleis"],
  ])("is refused for a wrong %s", (name, value) => {
    expect(() => fake.authorize(address({ [name]: value }))).toThrow();
    expect(fake.violations).toHaveLength(1);
  });

  test.each([
    ["another verifier", { code_verifier: "w".repeat(64) }],
    ["another redirect", { redirect_uri: "http://localhost:1457/auth/callback" }],
    ["a state", { state: "state-1" }],
    ["another client", { client_id: "x" }],
  ])("the exchange is refused with %s", async (_, changes) => {
    expect((await form(grant(fake.authorize(address()), changes))).status).toBe(400);
    expect(fake.violations).toHaveLength(1);
  });

  test("the exchange is refused as JSON", async () => {
    expect((await json(grant(fake.authorize(address())))).status).toBe(400);
  });

  test("a code works once", async () => {
    const callback = fake.authorize(address());
    expect((await form(grant(callback))).status).toBe(200);
    expect((await form(grant(callback))).text).toContain("invalid_grant");
  });

  test.each([
    ["form", form],
    ["JSON", json],
  ])("a refresh as %s rotates; the old token is then reused", async (_, post) => {
    const { refreshToken } = fake.issueTokens();
    const next = JSON.parse((await post(refresh(refreshToken))).text);
    expect(next.refresh_token).not.toBe(refreshToken);
    const again = await post(refresh(refreshToken));
    expect([again.status, JSON.parse(again.text).error.code]).toEqual([401, "refresh_token_reused"]);
    expect(fake.violations).toEqual([expect.stringContaining("used twice")]);
  });

  test("an answer may leave out the tokens that stay as they are", async () => {
    const { refreshToken } = fake.issueTokens();
    fake.token.script({ omitRefreshToken: true, omitIdToken: true, expiresIn: null });
    const body = JSON.parse((await form(refresh(refreshToken))).text);
    expect(Object.keys(body).sort()).toEqual(["access_token", "scope", "token_type"]);
    expect((await form(refresh(refreshToken))).status).toBe(200);
  });

  test.each([
    ["a foreign user-agent", { "user-agent": "node" }],
    ["an authorization header", { ...OWN, authorization: "Bearer x" }],
    ["x-forwarded-*", { ...OWN, "x-forwarded-for": "1.1.1.1" }],
  ])("the issuer refuses %s", async (_, headers) => {
    const { refreshToken } = fake.issueTokens();
    expect((await form(refresh(refreshToken), headers)).status).toBeGreaterThanOrEqual(400);
    expect(fake.violations).toHaveLength(1);
  });

  test("revoking kills the refresh token", async () => {
    const { refreshToken } = fake.issueTokens();
    await json({ token: refreshToken, token_type_hint: "refresh_token", client_id: CLIENT }, "/oauth/revoke");
    expect((await form(refresh(refreshToken))).text).toContain("refresh_token_invalidated");
  });

  describe("by device", () => {
    const start = async () =>
      JSON.parse((await json({ client_id: CLIENT }, "/api/accounts/deviceauth/usercode")).text);
    const poll = async (started: { device_auth_id: string; user_code: string }) => {
      const { device_auth_id, user_code } = started;
      return json({ device_auth_id, user_code }, "/api/accounts/deviceauth/token");
    };

    test("waits for the user, then gives code and verifier for the device redirect", async () => {
      const started = await start();
      expect(started.interval).toBe("5");
      expect((await poll(started)).status).toBe(403);
      fake.approveDevice(started.user_code);
      clock += 5000;
      const { authorization_code, code_verifier } = JSON.parse((await poll(started)).text);
      const redirect_uri = "https://auth.openai.com/deviceauth/callback";
      const callback = `http://x/?code=${authorization_code}`;
      expect((await form(grant(callback, { redirect_uri, code_verifier }))).status).toBe(200);
      expect(fake.violations).toEqual([]);
    });

    test("approves by itself after n polls", async () => {
      fake.device.pending = 2;
      const started = await start();
      const seen: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        seen.push((await poll(started)).status);
        clock += 5000;
      }
      expect(seen).toEqual([403, 403, 200]);
    });

    test("blames a poll before the interval", async () => {
      const started = await start();
      await poll(started);
      clock += 4999;
      expect((await poll(started)).text).toContain("slow_down");
      expect(fake.violations).toHaveLength(1);
    });

    test("can be denied, expire, be switched off", async () => {
      const denied = await start();
      fake.denyDevice(denied.user_code);
      expect((await poll(denied)).text).toContain("access_denied");
      const late = await start();
      clock += 15 * 60_000;
      expect((await poll(late)).text).toContain("deviceauth_expired");
      fake.device.enabled = false;
      expect((await json({ client_id: CLIENT }, "/api/accounts/deviceauth/usercode")).status).toBe(404);
    });
  });
});
