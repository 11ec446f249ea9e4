import { describe, expect, test } from "vitest";
import type { Answer } from "../support/requests.ts";
import { createAdmin, part, parts } from "./admin-app.ts";

const SECRETS = ["sk-ant-oat01-AAA", "sk-ant-ort01-ONE", "sk-ant-ort01-TWO", "sk-ant-api03-KEY"];
const oauth = (refresh_token: string) => ({
  provider: "claude",
  kind: "oauth",
  access_token: "sk-ant-oat01-AAA",
  refresh_token,
  expires_at: 1_790_000_100_000,
});
const apiKey = { provider: "claude", kind: "api_key", api_key: "sk-ant-api03-KEY" };
const firstId = ({ json }: Answer): string => String(parts(json, "accounts")[0]?.id);

function expectNoSecret({ text }: Answer): void {
  for (const secret of SECRETS) expect(text).not.toContain(secret);
}

test("tokens and a key are imported with 201, and no answer shows them", async () => {
  const { call, context } = await createAdmin();
  const tokens = await call("POST", "/accounts/import", { ...oauth("sk-ant-ort01-ONE"), label: "mine" });
  const key = await call("POST", "/accounts/import", apiKey);
  const list = await call("GET", "/accounts");
  expect([tokens.status, key.status, list.status]).toEqual([201, 201, 200]);
  expect(parts(tokens.json, "accounts")).toMatchObject([
    {
      provider: "claude",
      kind: "oauth",
      label: "mine",
      enabled: true,
      primary: true,
      status: "active",
      expires_at: 1_790_000_100_000,
      created_at: context.clock.ms,
    },
  ]);
  expect(parts(list.json, "accounts").map(({ id }) => id)).toEqual([firstId(tokens), firstId(key)]);
  for (const answer of [tokens, key, list]) {
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expectNoSecret(answer);
  }
  expect(await context.storage.accounts.secrets(firstId(key))).toMatchObject({ apiKey: "sk-ant-api03-KEY" });
});

test("a credential file is imported with every account in it", async () => {
  const { call } = await createAdmin();
  const answer = await call("POST", "/accounts/import", {
    file: {
      anthropic: {
        type: "oauth",
        access: "sk-ant-oat01-AAA",
        refresh: "sk-ant-ort01-ONE",
        expires: 1_790_000_000_000,
      },
      "github-copilot": { type: "oauth", access: "gho_abc", refresh: "gho_abc", expires: 0 },
    },
  });
  expect(answer.status).toBe(201);
  expect(
    parts(answer.json, "accounts")
      .map(({ provider }) => provider)
      .sort(),
  ).toEqual(["claude", "copilot"]);
  expectNoSecret(answer);
  expect(answer.text).not.toContain("gho_abc");
});

describe("an import that makes no sense is refused, without repeating a secret", () => {
  test.each<[string, object, string | null, RegExp]>([
    ["nothing", {}, "provider", /provider/],
    ["no kind", { provider: "claude", access_token: SECRETS[0] }, "kind", /"oauth" or "api_key"/],
    ["an unknown kind", { provider: "claude", kind: "token" }, "kind", /"oauth" or "api_key"/],
    ["an unknown provider", { ...apiKey, provider: "gemini" }, "provider", /Known: .*claude/],
    ["a kind that the provider has not", { ...apiKey, provider: "copilot" }, "kind", /oauth/],
    ["a key without its key", { provider: "claude", kind: "api_key" }, "api_key", /string/],
    ["an empty key", { ...apiKey, api_key: " " }, "api_key", /empty/],
    [
      "a sign-in with a key",
      { ...apiKey, kind: "oauth" },
      "api_key",
      /Unknown field api_key\. Known fields: .*access_token/,
    ],
    ["a key with a token", { ...apiKey, refresh_token: SECRETS[1] }, "refresh_token", /Unknown field/],
    ["an end as text", { ...oauth("sk-ant-ort01-ONE"), expires_at: "soon" }, "expires_at", /milliseconds/],
    ["a label that is too long", { ...apiKey, label: "x".repeat(121) }, "label", /120/],
    ["a file as text", { file: '{"anthropic":"sk-ant-ort01-ONE"}' }, "file", /parsed JSON/],
    ["a file with something beside it", { file: {}, provider: "claude" }, "provider", /Known fields: file/],
    ["a file that nobody knows", { file: { other: SECRETS[1] } }, "file", /auth\.json/],
  ])("%s", async (_, body, param, words) => {
    const { call } = await createAdmin();
    const answer = await call("POST", "/accounts/import", body);
    expect(answer.status).toBe(400);
    expect(part(answer.json, "error")).toEqual({
      code: "invalid_request",
      type: "invalid_request_error",
      param,
      message: expect.stringMatching(words),
    });
    expectNoSecret(answer);
    expect(parts((await call("GET", "/accounts")).json, "accounts")).toEqual([]);
  });

  test("a sign-in without any token", async () => {
    const { call } = await createAdmin();
    const answer = await call("POST", "/accounts/import", { provider: "claude", kind: "oauth" });
    expect(answer.status).toBe(400);
    expect(part(answer.json, "error")).toMatchObject({
      code: "invalid_request",
      message: expect.stringMatching(/token/),
    });
  });
});

test("another account is made the primary, and the former one steps back", async () => {
  const { call, accountCache } = await createAdmin();
  const one = firstId(await call("POST", "/accounts/import", oauth("sk-ant-ort01-ONE")));
  const two = firstId(await call("POST", "/accounts/import", oauth("sk-ant-ort01-TWO")));
  await accountCache.list();
  const answer = await call("POST", `/accounts/${two}/primary`);
  expect(answer.status).toBe(200);
  expect(part(answer.json, "account")).toMatchObject({ id: two, primary: true });
  expect(await accountCache.get(one)).toMatchObject({ primary: false });
  expect(await accountCache.get(two)).toMatchObject({ primary: true });
  expectNoSecret(answer);
});

test("label and enabled are changed, each alone or both, and hold at once", async () => {
  const { call, accountCache } = await createAdmin();
  const id = firstId(await call("POST", "/accounts/import", oauth("sk-ant-ort01-ONE")));
  await accountCache.list();
  const off = await call("PATCH", `/accounts/${id}`, { enabled: false });
  expect(off.status).toBe(200);
  expect(part(off.json, "account")).toMatchObject({ id, enabled: false });
  expect(await accountCache.get(id)).toMatchObject({ enabled: false });
  const label = part((await call("PATCH", `/accounts/${id}`, { label: " work " })).json, "account");
  expect(label).toMatchObject({ label: "work", enabled: false });
  const both = part(
    (await call("PATCH", `/accounts/${id}`, { label: "home", enabled: true })).json,
    "account",
  );
  expect(both).toMatchObject({ label: "home", enabled: true });
});

test.each<[string, object, string | null, RegExp]>([
  ["nothing", {}, null, /label, enabled or rank/],
  ["an unknown field", { primary: true }, "primary", /Known fields: label, enabled/],
  ["enabled as text", { enabled: "yes" }, "enabled", /true or false/],
  ["an empty label", { label: "" }, "label", /empty/],
  ["a label that is too long", { label: "x".repeat(121) }, "label", /120/],
])("a change that makes no sense is refused: %s", async (_, body, param, words) => {
  const { call } = await createAdmin();
  const id = firstId(await call("POST", "/accounts/import", apiKey));
  const answer = await call("PATCH", `/accounts/${id}`, body);
  expect(answer.status).toBe(400);
  expect(part(answer.json, "error")).toMatchObject({
    code: "invalid_request",
    param,
    message: expect.stringMatching(words),
  });
});

test("a removed account is gone at once with its secrets, and the next one becomes primary", async () => {
  const { call, accountCache } = await createAdmin();
  const one = firstId(await call("POST", "/accounts/import", oauth("sk-ant-ort01-ONE")));
  const two = firstId(await call("POST", "/accounts/import", oauth("sk-ant-ort01-TWO")));
  await accountCache.list();
  await accountCache.secretsOf(one);
  const answer = await call("DELETE", `/accounts/${one}`);
  expect(answer).toMatchObject({ status: 200, json: { id: one, deleted: true } });
  expect(await accountCache.get(one)).toBeNull();
  expect(await accountCache.secretsOf(one)).toBeNull();
  expect(await accountCache.get(two)).toMatchObject({ primary: true });
});

test("an import again is seen at once by requests", async () => {
  const { call, accountCache } = await createAdmin();
  const id = firstId(await call("POST", "/accounts/import", oauth("sk-ant-ort01-ONE")));
  await accountCache.list();
  await accountCache.secretsOf(id);
  await call("POST", "/accounts/import", { ...oauth("sk-ant-ort01-ONE"), access_token: "sk-ant-oat01-NEW" });
  expect(await accountCache.secretsOf(id)).toMatchObject({ accessToken: "sk-ant-oat01-NEW" });
});

test.each([
  ["POST", "/primary", undefined],
  ["PATCH", "", { enabled: true }],
  ["DELETE", "", undefined],
])("%s of an account that is not there is 404 with words", async (method, path, body) => {
  const { call } = await createAdmin();
  const answer = await call(method, `/accounts/acc_none${path}`, body);
  expect(answer.status).toBe(404);
  expect(part(answer.json, "error")).toMatchObject({
    code: "not_found",
    message: expect.stringContaining("GET /admin/accounts"),
  });
  expect(answer.headers.get("x-should-retry")).toBe("false");
});
