import { describe, expect, test } from "vitest";
import { createAdmin, part, parts } from "./admin-app.ts";

test("a key is issued with 201, shown whole once, and works", async () => {
  const { call, keys } = await createAdmin();
  const answer = await call("POST", "/keys", { label: " laptop " });
  expect(answer.status).toBe(201);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.json).toMatchObject({
    id: expect.stringMatching(/^key_/),
    key: expect.stringMatching(/^kleis_[A-Za-z0-9_-]{43}$/),
    discovery_token: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    label: "laptop",
    status: "active",
    providers: null,
    models: null,
    accounts: null,
    expires_at: null,
    revoked_at: null,
    last_used_at: null,
  });
  expect(await keys.find(String(answer.json.key))).toMatchObject({ ok: true });
});

test("a key is issued with the limits that were asked for, each name once", async () => {
  const { call, context } = await createAdmin();
  const account = { provider: "claude", kind: "api_key", api_key: "sk-ant-api03-KEY" };
  const [stored] = parts((await call("POST", "/accounts/import", account)).json, "accounts");
  const expires_at = context.clock.ms + 1;
  const answer = await call("POST", "/keys", {
    providers: ["claude", "claude"],
    models: ["claude-opus-4-5"],
    accounts: [stored?.id],
    expires_at,
  });
  expect(answer.json).toMatchObject({
    providers: ["claude"],
    models: ["claude-opus-4-5"],
    accounts: [stored?.id],
    expires_at,
  });
});

test("null stands for no limit", async () => {
  const { call } = await createAdmin();
  const none = { providers: null, models: null, accounts: null, expires_at: null };
  expect(await call("POST", "/keys", none)).toMatchObject({ status: 201, json: none });
});

describe("a key that makes no sense is refused", () => {
  const claudeOnly = async (call: Awaited<ReturnType<typeof createAdmin>>["call"]) => {
    const account = { provider: "claude", kind: "api_key", api_key: "sk-ant-api03-KEY" };
    const [stored] = parts((await call("POST", "/accounts/import", account)).json, "accounts");
    return String(stored?.id);
  };

  test.each<[string, object, string, RegExp]>([
    [
      "an unknown field",
      { provider: ["claude"] },
      "provider",
      /Unknown field provider\. Known fields: .*providers/,
    ],
    ["an unknown provider", { providers: ["claude", "gemini"] }, "providers", /Known: .*claude/],
    ["no provider at all", { providers: [] }, "providers", /leave it out/],
    ["no model at all", { models: [] }, "models", /leave it out/],
    ["no account at all", { accounts: [] }, "accounts", /leave it out/],
    ["a provider that is not in a list", { providers: "claude" }, "providers", /list/],
    ["an empty model", { models: [" "] }, "models.0", /model id/],
    ["a model that is a number", { models: [5] }, "models.0", /model id/],
    ["an unknown account", { accounts: ["acc_none"] }, "accounts", /GET \/admin\/accounts/],
    ["an end in the past", { expires_at: 1_789_999_999_999 }, "expires_at", /future/],
    ["an end now", { expires_at: 1_790_000_000_000 }, "expires_at", /future/],
    ["an end in seconds", { expires_at: 1_890_000_000 }, "expires_at", /milliseconds/],
    ["an end as text", { expires_at: "2030-01-01" }, "expires_at", /milliseconds/],
    ["an end with a fraction", { expires_at: 1_890_000_000_000.5 }, "expires_at", /milliseconds/],
    ["a label that is too long", { label: "x".repeat(121) }, "label", /120/],
    ["an empty label", { label: "  " }, "label", /empty/],
    ["a label that is no text", { label: 7 }, "label", /string/],
  ])("%s", async (_, body, param, words) => {
    const { call } = await createAdmin();
    const answer = await call("POST", "/keys", body);
    expect(answer.status).toBe(400);
    expect(part(answer.json, "error")).toEqual({
      code: "invalid_request",
      type: "invalid_request_error",
      param,
      message: expect.stringMatching(words),
    });
    expect(parts((await call("GET", "/keys")).json, "keys")).toEqual([]);
  });

  test("an account of a provider that the key may not use", async () => {
    const { call } = await createAdmin();
    const answer = await call("POST", "/keys", { providers: ["codex"], accounts: [await claudeOnly(call)] });
    expect(answer.status).toBe(400);
    expect(part(answer.json, "error")).toMatchObject({
      param: "accounts",
      message: expect.stringContaining("claude"),
    });
  });
});

test("the longest label is taken", async () => {
  const { call } = await createAdmin();
  expect((await call("POST", "/keys", { label: "x".repeat(120) })).status).toBe(201);
});

test("the list shows the newest first, and no key, hash or discovery token", async () => {
  const { call, context } = await createAdmin();
  const first = await call("POST", "/keys", { label: "first" });
  context.clock.ms += 1;
  const second = await call("POST", "/keys", { label: "second", expires_at: context.clock.ms + 10 });
  context.clock.ms += 10;
  const list = await call("GET", "/keys");
  expect(list.status).toBe(200);
  expect(list.headers.get("cache-control")).toBe("no-store");
  expect(parts(list.json, "keys")).toMatchObject([
    { id: second.json.id, label: "second", status: "expired", prefix: String(second.json.key).slice(0, 10) },
    { id: first.json.id, label: "first", status: "active" },
  ]);
  for (const { json } of [first, second]) {
    expect(list.text).not.toContain(String(json.key).slice(12));
    expect(list.text).not.toContain(String(json.discovery_token));
  }
  expect(list.text).not.toMatch(/hash|[0-9a-f]{64}/);
});

test("the list knows of a use that is not written yet", async () => {
  const { call, uses, context } = await createAdmin();
  const ids = [(await call("POST", "/keys", {})).json.id, (await call("POST", "/keys", {})).json.id].map(
    String,
  );
  for (const id of ids) uses.note(id);
  const shown = parts((await call("GET", "/keys")).json, "keys");
  expect(shown.map(({ last_used_at }) => last_used_at)).toEqual([context.clock.ms, context.clock.ms]);
});

test("a revoked key stops at once, stays listed, and a second revocation changes nothing", async () => {
  const { call, keys, context } = await createAdmin();
  const { json } = await call("POST", "/keys", {});
  await keys.find(String(json.key));
  const revoked = await call("POST", `/keys/${json.id}/revoke`);
  expect(revoked.status).toBe(200);
  expect(part(revoked.json, "key")).toMatchObject({
    id: json.id,
    status: "revoked",
    revoked_at: context.clock.ms,
  });
  expect(await keys.find(String(json.key))).toEqual({ ok: false, code: "invalid_api_key" });
  const at = context.clock.ms;
  context.clock.ms += 1_000;
  expect(part((await call("POST", `/keys/${json.id}/revoke`)).json, "key").revoked_at).toBe(at);
  expect(parts((await call("GET", "/keys")).json, "keys")).toMatchObject([{ status: "revoked" }]);
});

test("a key is shown again on an explicit wish only", async () => {
  const { call } = await createAdmin();
  const { json } = await call("POST", "/keys", {});
  const revealed = await call("POST", `/keys/${json.id}/reveal`);
  expect(revealed.status).toBe(200);
  expect(revealed.headers.get("cache-control")).toBe("no-store");
  expect(revealed.json).toEqual({ id: json.id, key: json.key, discovery_token: json.discovery_token });
  expect((await call("GET", `/keys/${json.id}/reveal`)).status).toBe(404);
});

test.each(["revoke", "reveal"])("%s of a key that is not there is 404 with words", async (what) => {
  const { call } = await createAdmin();
  const answer = await call("POST", `/keys/key_none/${what}`);
  expect(answer.status).toBe(404);
  expect(part(answer.json, "error")).toMatchObject({
    code: "not_found",
    message: expect.stringContaining("key"),
  });
  expect(answer.headers.get("x-should-retry")).toBe("false");
});
