import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeCopilot, startFakeCopilot } from "../fakes/index.ts";
import { type Call, dataOf, exchange, withBody, withHeaders } from "./exchange.ts";

let fake: FakeCopilot;
let clock = 1_790_000_000_000;

beforeEach(async () => {
  clock = 1_790_000_000_000;
  fake = await startFakeCopilot({ now: () => clock });
});

afterEach(() => fake.close());

const PNG = "data:image/png;base64,AAAA";

function base(): Record<string, string> {
  return {
    authorization: `Bearer ${fake.issueTokens().accessToken}`,
    "user-agent": "kleis/0.1.0",
    "openai-intent": "conversation-edits",
    "x-initiator": "user",
    "x-github-api-version": "2026-06-01",
    "content-type": "application/json",
    accept: "text/event-stream",
  };
}

function chat(): Call {
  const messages = [{ role: "user", content: "ping" }];
  return { headers: base(), body: { model: "claude-sonnet-4.6", stream: true, messages } };
}

function responses(): Call {
  const input = [{ role: "user", content: [{ type: "input_text", text: "ping" }] }];
  return { headers: base(), body: { model: "gpt-5.5", stream: true, store: false, input } };
}

function messages(): Call {
  const body = {
    model: "claude-sonnet-4.6",
    stream: true,
    max_tokens: 100,
    messages: [{ role: "user", content: "ping" }],
  };
  return { headers: { ...base(), "anthropic-version": "2023-06-01" }, body };
}

const post = (path: string, call: Call) => exchange(`${fake.url}${path}`, call);
const says = (content: unknown) => ({ messages: [{ role: "user", content }] });
const MARK = { cache_control: { type: "ephemeral" } };

describe("a good request is answered", () => {
  test.each([
    ["/chat/completions", chat],
    ["/responses", responses],
    ["/v1/messages", messages],
  ])("on %s", async (path, good) => {
    const answer = await post(path, good());
    expect(answer.status).toBe(200);
    expect(answer.text).toContain("ping");
    expect(fake.violations).toEqual([]);
  });

  test("with an image and the header that announces it", async () => {
    const call = withHeaders(withBody(chat(), says([{ type: "image_url", image_url: { url: PNG } }])), {
      "copilot-vision-request": "true",
    });
    expect((await post("/chat/completions", call)).status).toBe(200);
  });

  test("with a new id on every event of /responses", async () => {
    const events = dataOf((await post("/responses", responses())).text).map((data) => JSON.parse(data));
    const ids = events
      .flatMap((event) => [event.item_id, event.item?.id, event.response?.id])
      .filter((id) => id !== undefined);
    expect(ids.length).toBeGreaterThan(5);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("by a list of models with an odd row in it", async () => {
    const { data } = JSON.parse(
      (await exchange(`${fake.url}/models`, { method: "GET", headers: base() })).text,
    );
    expect(data.some((row: { id: unknown }) => typeof row.id === "number")).toBe(true);
  });
});

describe("a request is refused", () => {
  const rules: [string, string, () => Call, number, string][] = [
    [
      "without bearer",
      "/chat/completions",
      () => withHeaders(chat(), { authorization: undefined }),
      401,
      "unauthorized",
    ],
    [
      "with an unknown token",
      "/chat/completions",
      () => withHeaders(chat(), { authorization: "Bearer gho_x" }),
      401,
      "unauthorized: token expired",
    ],
    [
      "with a personal access token",
      "/chat/completions",
      () => withHeaders(chat(), { authorization: "Bearer ghp_x" }),
      400,
      "Personal Access Tokens are not supported",
    ],
    [
      "without x-initiator",
      "/chat/completions",
      () => withHeaders(chat(), { "x-initiator": undefined }),
      400,
      "x-initiator",
    ],
    [
      "with another x-initiator",
      "/responses",
      () => withHeaders(responses(), { "x-initiator": "robot" }),
      400,
      "x-initiator",
    ],
    [
      "without intent",
      "/v1/messages",
      () => withHeaders(messages(), { "openai-intent": undefined }),
      400,
      "openai-intent",
    ],
    [
      "without API version",
      "/chat/completions",
      () => withHeaders(chat(), { "x-github-api-version": undefined }),
      400,
      "x-github-api-version",
    ],
    [
      "with another API version",
      "/chat/completions",
      () => withHeaders(chat(), { "x-github-api-version": "2025-04-01" }),
      400,
      "x-github-api-version",
    ],
    [
      "with the client's user-agent",
      "/chat/completions",
      () => withHeaders(chat(), { "user-agent": "opencode/1.18" }),
      400,
      "user-agent",
    ],
    ["with x-api-key", "/v1/messages", () => withHeaders(messages(), { "x-api-key": "k" }), 400, "x-api-key"],
    ["with a cookie", "/chat/completions", () => withHeaders(chat(), { cookie: "a=b" }), 400, "cookie"],
    [
      "with an editor header",
      "/chat/completions",
      () => withHeaders(chat(), { "editor-version": "vscode/1" }),
      400,
      "editor-version",
    ],
    [
      "with an integration id",
      "/chat/completions",
      () => withHeaders(chat(), { "copilot-integration-id": "vscode-chat" }),
      400,
      "copilot-integration-id",
    ],
    [
      "with x-stainless-*",
      "/chat/completions",
      () => withHeaders(chat(), { "x-stainless-lang": "js" }),
      400,
      "x-stainless-lang",
    ],
    [
      "with openai-*",
      "/chat/completions",
      () => withHeaders(chat(), { "openai-beta": "x" }),
      400,
      "openai-beta",
    ],
    [
      "with x-forwarded-*",
      "/chat/completions",
      () => withHeaders(chat(), { "x-forwarded-host": "x" }),
      400,
      "x-forwarded-host",
    ],
    [
      "with a Kleis key",
      "/chat/completions",
      () => withHeaders(chat(), { "x-note": `kleis_${"k".repeat(43)}` }),
      400,
      "x-note",
    ],
    [
      "with accept-encoding",
      "/chat/completions",
      () => withHeaders(chat(), { "accept-encoding": "br" }),
      400,
      "accept-encoding",
    ],
    ["with a query", "/v1/messages?beta=true", messages, 400, "query"],
    [
      "with the wrong accept",
      "/chat/completions",
      () => withHeaders(chat(), { accept: "*/*" }),
      406,
      "acceptable",
    ],
    [
      "with an image but no header",
      "/chat/completions",
      () => withBody(chat(), says([{ type: "image_url", image_url: { url: PNG } }])),
      400,
      "missing required Copilot-Vision-Request header",
    ],
    [
      "with an image in a tool result but no header",
      "/v1/messages",
      () =>
        withBody(
          messages(),
          says([
            {
              type: "tool_result",
              tool_use_id: "t",
              content: [{ type: "image", source: { type: "base64" } }],
            },
          ]),
        ),
      400,
      "Copilot-Vision-Request",
    ],
    [
      "with an image in a tool output but no header",
      "/responses",
      () =>
        withBody(responses(), {
          input: [
            { type: "function_call_output", call_id: "c", output: [{ type: "input_image", image_url: PNG }] },
          ],
        }),
      400,
      "Copilot-Vision-Request",
    ],
    [
      "with the header but no image",
      "/chat/completions",
      () => withHeaders(chat(), { "copilot-vision-request": "true" }),
      400,
      "without images",
    ],
    [
      "with an external image",
      "/chat/completions",
      () =>
        withHeaders(
          withBody(chat(), says([{ type: "image_url", image_url: { url: "https://a.example/x.png" } }])),
          { "copilot-vision-request": "true" },
        ),
      400,
      "external image URLs are not supported",
    ],
    [
      "with the detail auto",
      "/responses",
      () =>
        withHeaders(
          withBody(responses(), {
            input: [{ role: "user", content: [{ type: "input_image", image_url: PNG, detail: "auto" }] }],
          }),
          { "copilot-vision-request": "true" },
        ),
      400,
      "either 'low' or 'high'",
    ],
    [
      "for a model on the wrong endpoint",
      "/chat/completions",
      () => withBody(chat(), { model: "gpt-5.3-codex" }),
      400,
      "unsupported_api_for_model",
    ],
    [
      "for an unknown model",
      "/chat/completions",
      () => withBody(chat(), { model: "gpt-2" }),
      400,
      "model_not_supported",
    ],
    [
      "with a replayed id",
      "/responses",
      () => withBody(responses(), { input: [{ role: "user", id: "msg_1", content: "x" }] }),
      400,
      "does not belong to this connection",
    ],
    [
      "with an item reference",
      "/responses",
      () => withBody(responses(), { input: [{ type: "item_reference", id: "msg_1" }] }),
      400,
      "Item with id 'msg_1' not found",
    ],
    ["without store:false", "/responses", () => withBody(responses(), { store: undefined }), 400, "store"],
    [
      "with a service tier",
      "/responses",
      () => withBody(responses(), { service_tier: "priority" }),
      400,
      "service_tier",
    ],
    [
      "with previous_response_id",
      "/responses",
      () => withBody(responses(), { previous_response_id: "r" }),
      400,
      "previous_response_not_found",
    ],
    [
      "with web search",
      "/responses",
      () => withBody(responses(), { tools: [{ type: "web_search" }] }),
      400,
      "web_search",
    ],
    [
      "without anthropic-version",
      "/v1/messages",
      () => withHeaders(messages(), { "anthropic-version": undefined }),
      400,
      "anthropic-version",
    ],
    [
      "with a foreign beta",
      "/v1/messages",
      () => withHeaders(messages(), { "anthropic-beta": "interleaved-thinking-2025-05-14,oauth-2025-04-20" }),
      400,
      "oauth-2025-04-20",
    ],
    [
      "with eager_input_streaming",
      "/v1/messages",
      () => withBody(messages(), { tools: [{ name: "t", eager_input_streaming: true }] }),
      400,
      "Extra inputs",
    ],
    [
      "with $schema in a tool",
      "/v1/messages",
      () => withBody(messages(), { tools: [{ name: "t", input_schema: { $schema: "x" } }] }),
      400,
      "$schema",
    ],
    [
      "with five cache marks",
      "/v1/messages",
      () =>
        withBody(messages(), { system: [1, 2, 3, 4, 5].map(() => ({ type: "text", text: "x", ...MARK })) }),
      400,
      "Found 5",
    ],
    [
      "with a prefill",
      "/v1/messages",
      () =>
        withBody(messages(), {
          messages: [
            { role: "user", content: "x" },
            { role: "assistant", content: "y" },
          ],
        }),
      400,
      "prefill",
    ],
    ["on /v1/chat/completions", "/v1/chat/completions", chat, 404, "not found"],
    ["on /v1/responses", "/v1/responses", responses, 404, "not found"],
  ];

  test.each(rules)("%s", async (_, path, call, status, words) => {
    const answer = await post(path, call());
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(words);
    expect(fake.violations).toHaveLength(1);
    expect(fake.inference).toHaveLength(0);
  });

  test("with a revoked token, which is not a violation", async () => {
    const { accessToken } = fake.issueTokens();
    fake.revoke(accessToken);
    const answer = await post(
      "/chat/completions",
      withHeaders(chat(), { authorization: `Bearer ${accessToken}` }),
    );
    expect([answer.status, answer.headers["content-type"]]).toEqual([401, "text/plain; charset=utf-8"]);
    expect(fake.violations).toEqual([]);
  });

  test("at the host of another tier", async () => {
    fake.rules.host = "api.business.example";
    expect((await post("/chat/completions", chat())).status).toBe(421);
    const right = withHeaders(chat(), { host: "api.business.example" });
    expect((await post("/chat/completions", right)).status).toBe(200);
  });
});

describe("GitHub's device flow", () => {
  const CLIENT = "Ov23li8tweQw6odWQebz";
  const OWN = { accept: "application/json", "content-type": "application/json", "user-agent": "kleis/0.1.0" };
  const grant_type = "urn:ietf:params:oauth:grant-type:device_code";

  const start = async () =>
    JSON.parse(
      (await post("/login/device/code", { headers: OWN, body: { client_id: CLIENT, scope: "read:user" } }))
        .text,
    );
  const poll = async (device_code: string, changes: object = {}) => {
    const body = { client_id: CLIENT, device_code, grant_type, ...changes };
    const answer = await post("/login/oauth/access_token", { headers: OWN, body });
    expect(answer.status).toBe(200);
    return JSON.parse(answer.text);
  };

  test("gives a token once the user has approved", async () => {
    const { device_code, user_code, interval, expires_in } = await start();
    expect([interval, expires_in]).toEqual([5, 900]);
    expect((await poll(device_code)).error).toBe("authorization_pending");
    fake.approveDevice(user_code, { login: "second", userId: 7 });
    clock += 5000;
    const { access_token } = await poll(device_code);
    expect(access_token).toMatch(/^gho_/);
    const headers = { ...OWN, authorization: `Bearer ${access_token}` };
    const user = JSON.parse((await exchange(`${fake.url}/user`, { method: "GET", headers })).text);
    expect(user).toMatchObject({ id: 7, login: "second", email: null });
    expect(fake.violations).toEqual([]);
  });

  test("plays pending, slow_down and success, and holds to the raised interval", async () => {
    fake.device.script("authorization_pending", "slow_down", "success");
    const { device_code } = await start();
    expect((await poll(device_code)).error).toBe("authorization_pending");
    clock += 5000;
    expect(await poll(device_code)).toMatchObject({ error: "slow_down", interval: 10 });
    clock += 10_000;
    expect((await poll(device_code)).token_type).toBe("bearer");
    expect(fake.violations).toEqual([]);
  });

  test("blames a poll before the interval", async () => {
    const { device_code } = await start();
    await poll(device_code);
    clock += 4999;
    expect((await poll(device_code)).error).toBe("slow_down");
    expect(fake.violations).toHaveLength(1);
  });

  test("can be denied and expires after 900 s", async () => {
    const denied = await start();
    fake.denyDevice(denied.user_code);
    expect((await poll(denied.device_code)).error).toBe("access_denied");
    const late = await start();
    clock += 900_000;
    expect((await poll(late.device_code)).error).toBe("expired_token");
  });

  test.each([
    ["client", { client_id: "x" }, "incorrect_client_credentials"],
    ["grant type", { grant_type: "device_code" }, "unsupported_grant_type"],
    ["device code", { device_code: "x" }, "incorrect_device_code"],
  ])("tells of a wrong %s with 200 and blames the caller", async (_, changes, error) => {
    const { device_code } = await start();
    expect((await poll(device_code, changes)).error).toBe(error);
    expect(fake.violations).toHaveLength(1);
  });

  test("answers in form encoding when JSON is not asked for", async () => {
    const headers = { "content-type": "application/json", "user-agent": "kleis/0.1.0" };
    const answer = await post("/login/device/code", {
      headers,
      body: { client_id: CLIENT, scope: "read:user" },
    });
    expect(new URLSearchParams(answer.text).get("user_code")).toMatch(/^FAKE-/);
    expect(fake.violations).toHaveLength(1);
  });

  test("/user wants a bearer and a user-agent", async () => {
    const { accessToken } = fake.issueTokens();
    const get = (headers: Record<string, string>) => exchange(`${fake.url}/user`, { method: "GET", headers });
    expect((await get({ "user-agent": "kleis/0.1.0" })).status).toBe(401);
    expect((await get({ authorization: `Bearer ${accessToken}` })).status).toBe(403);
  });

  test("discovery answers, is absent, or lies", async () => {
    const headers = {
      authorization: `Bearer ${fake.issueTokens().accessToken}`,
      "user-agent": "kleis/0.1.0",
      "x-github-api-version": "2025-04-01",
    };
    const get = () => exchange(`${fake.url}/copilot_internal/user`, { method: "GET", headers });
    expect(JSON.parse((await get()).text).endpoints.api).toBe("https://api.individual.githubcopilot.com");
    fake.discovery.mode = "hostile";
    expect(JSON.parse((await get()).text).endpoints.api).toBe(fake.discovery.hostileApi);
    fake.discovery.mode = "404";
    expect((await get()).status).toBe(404);
    fake.discovery.mode = "free";
    expect(JSON.parse((await get()).text).monthly_quotas.chat).toBe(50);
  });

  test("the token exchange is never to be called", async () => {
    const answer = await exchange(`${fake.url}/copilot_internal/v2/token`, { method: "GET" });
    expect(answer.status).toBe(404);
    expect(fake.violations).toHaveLength(1);
  });
});
