import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { createAdmin, part } from "./admin-app.ts";

const authorization = `Bearer ${ADMIN_TOKEN}`;
const json = { authorization, "content-type": "application/json" };
const WITH_BODY: [string, string][] = [
  ["POST", "/keys"],
  ["POST", "/accounts/import"],
  ["PATCH", "/accounts/acc_1"],
];

/** The calls of the storage, without those by which the owner is let in. */
const stored = (calls: string[]) => calls.filter((call) => !call.startsWith("loginAttempts."));

describe.each(WITH_BODY)("%s %s", (method, path) => {
  test.each([
    ["text that is not JSON", "{nope", "invalid_json", /not valid JSON/],
    ["an array", "[]", "invalid_request", /JSON object/],
    ["null", "null", "invalid_request", /JSON object/],
    ["a misspelt field", '{"expires":1}', "invalid_request", /expires|kind|provider/],
  ])("refuses %s with 400 and words", async (_, body, code, words) => {
    const { send, context } = await createAdmin();
    const answer = await send(path, { method, headers: json, body });
    expect(answer.status).toBe(400);
    expect(part(answer.json, "error")).toMatchObject({
      code,
      type: "invalid_request_error",
      message: expect.stringMatching(words),
    });
    expect(answer.headers.get("x-should-retry")).toBe("false");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(stored(context.calls)).toEqual([]);
  });

  test("refuses a body of another content type instead of taking it for an empty one", async () => {
    const { send, context } = await createAdmin();
    for (const type of ["application/x-www-form-urlencoded", "text/plain", "application/jsonp"]) {
      const headers = { authorization, "content-type": type };
      const answer = await send(path, { method, headers, body: '{"providers":["claude"]}' });
      expect(answer.status).toBe(400);
      expect(part(answer.json, "error").message).toContain("content-type: application/json");
    }
    expect(stored(context.calls)).toEqual([]);
  });

  test("refuses more than 1 MiB with 413, with or without a declared length", async () => {
    const { send, context } = await createAdmin();
    const body = JSON.stringify({ label: "x".repeat(1024 * 1024) });
    const declared = await send(path, {
      method,
      headers: { ...json, "content-length": String(body.length) },
      body,
    });
    const chunked = await send(path, { method, headers: json, body });
    for (const answer of [declared, chunked]) {
      expect(answer.status).toBe(413);
      expect(part(answer.json, "error").code).toBe("request_too_large");
      expect(answer.headers.get("x-should-retry")).toBe("false");
    }
    expect(stored(context.calls)).toEqual([]);
  });
});

const WITHOUT_BODY: [string, Record<string, string>][] = [
  ["nothing said of it", {}],
  ["called JSON", { "content-type": "application/json" }],
  ["called a form", { "content-type": "application/x-www-form-urlencoded" }],
];

test.each(WITHOUT_BODY)("a body that is not there counts as an empty one: %s", async (_, headers) => {
  const { send } = await createAdmin();
  const post = (path: string) => send(path, { method: "POST", headers: { authorization, ...headers } });
  expect((await post("/keys")).status).toBe(201);
  expect((await post("/accounts/claude/oauth/start")).status).toBe(200);
  expect(await post("/accounts/import")).toMatchObject({
    status: 400,
    json: { error: { param: "provider" } },
  });
});

test("in an import null stands for what is not there", async () => {
  const { call } = await createAdmin();
  const none = { label: null, refresh_token: null, expires_at: null, account_id: null };
  const tokens = { provider: "copilot", kind: "oauth", access_token: "gho_0123456789", ...none };
  expect((await call("POST", "/accounts/import", tokens)).status).toBe(201);
  const key = { provider: "claude", kind: "api_key", label: null, api_key: "sk-ant-api03-KEY" };
  expect((await call("POST", "/accounts/import", key)).status).toBe(201);
});

test("a charset behind the content type is fine", async () => {
  const { send } = await createAdmin();
  const headers = { authorization, "content-type": "application/json; charset=utf-8" };
  expect((await send("/keys", { method: "POST", headers, body: "{}" })).status).toBe(201);
});

test("a database that is away is 503 storage_unavailable on every route, without a word of its own", async () => {
  const { call, context } = await createAdmin();
  context.down = true;
  const answers = await Promise.all([
    call("GET", "/accounts"),
    call("POST", "/accounts/import", { provider: "claude", kind: "api_key", api_key: "sk-ant-api03-KEY" }),
    call("POST", "/accounts/acc_1/primary"),
    call("PATCH", "/accounts/acc_1", { enabled: false }),
    call("DELETE", "/accounts/acc_1"),
    call("GET", "/keys"),
    call("POST", "/keys", {}),
    call("POST", "/keys/key_1/revoke"),
    call("POST", "/keys/key_1/reveal"),
  ]);
  for (const { status, json, headers, text } of answers) {
    expect(status).toBe(503);
    expect(part(json, "error").code).toBe("storage_unavailable");
    expect(headers.get("x-should-retry")).toBeNull();
    expect(text).not.toContain("sk-ant");
  }
});

test("an unforeseen error says nothing of what it was about, to the caller or in the log", async () => {
  const { call, context } = await createAdmin();
  context.runtime.random = () => {
    throw new TypeError("sk-ant-api03-SECRET went wrong");
  };
  const answer = await call("POST", "/keys", {});
  expect(answer.status).toBe(500);
  expect(part(answer.json, "error").code).toBe("internal_error");
  expect(answer.text + context.log()).not.toContain("SECRET");
  expect(context.logged).toMatchObject([
    {
      event: "admin_error",
      fields: {
        id: "req_1",
        code: "internal_error",
        error: "TypeError",
        stack: expect.stringMatching(/^at .+\.ts:\d+/),
      },
    },
    { event: "request", fields: { id: "req_1", status: 500, code: "internal_error" } },
  ]);
});

describe("text that the store would not give back as it was sent", () => {
  const odd = [
    "\0",
    "\u0001",
    "\t",
    "\n",
    "\r\n",
    "\u001b[31m",
    "\u007f",
    "\u0085",
    "\u009b",
    "\ud800",
    "\udc00",
  ];
  const fields: [string, string, (value: string) => object][] = [
    ["POST", "/keys", (label) => ({ label })],
    ["POST", "/keys", (provider) => ({ providers: [provider] })],
    ["POST", "/keys", (model) => ({ models: [model] })],
    ["POST", "/keys", (account) => ({ accounts: [account] })],
    ["PATCH", "/accounts/acc_1", (label) => ({ label })],
    ["POST", "/accounts/import", (label) => ({ provider: "claude", kind: "api_key", label, api_key: "k" })],
    ["POST", "/accounts/import", (provider) => ({ provider, kind: "api_key", api_key: "k" })],
    [
      "POST",
      "/accounts/import",
      (account_id) => ({ provider: "codex", kind: "oauth", access_token: "a", account_id }),
    ],
    ["POST", "/accounts/copilot/oauth/start", (mode) => ({ mode })],
    ["POST", "/accounts/copilot/oauth/start", (enterprise_domain) => ({ enterprise_domain })],
    ["POST", "/accounts/copilot/oauth/complete", (state) => ({ state })],
  ];
  test.each(fields)(
    "%s %s refuses it, wherever it stands in the text (field %#)",
    async (method, path, bodyOf) => {
      const { send, context } = await createAdmin();
      for (const each of odd) {
        const answer = await send(path, { method, headers: json, body: JSON.stringify(bodyOf(`a${each}b`)) });
        expect(answer.status).toBe(400);
        expect(part(answer.json, "error").message).toContain("control characters");
      }
      expect(stored(context.calls)).toEqual([]);
    },
  );

  test.each(["access_token", "refresh_token"])(
    "%s is refused with NUL, and not for a line break alone",
    async (field) => {
      const { send } = await createAdmin();
      const words = async (value: string) => {
        const body = JSON.stringify({ provider: "claude", kind: "oauth", [field]: value });
        return JSON.stringify((await send("/accounts/import", { method: "POST", headers: json, body })).json);
      };
      expect(await words("a\0b")).toContain("control characters");
      expect(await words("a\nb")).not.toContain("control characters");
    },
  );

  test("other languages, emoji and joiners are text like any other", async () => {
    const { send } = await createAdmin();
    const label = "Büro 東京 👩‍💻 עברית";
    const answer = await send("/keys", { method: "POST", headers: json, body: JSON.stringify({ label }) });
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({ label });
  });
});
