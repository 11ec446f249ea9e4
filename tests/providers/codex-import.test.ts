import { expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { readClaims } from "../../src/providers/codex/claims.ts";
import { chatGptAccount } from "../../src/providers/codex/import.ts";
import { codex } from "../../src/providers/codex/index.ts";
import { jwt } from "./codex-fixture.ts";

/** The accounts that its entries make. */
const filed = (file: JsonObject) => codex.importFile(file).map(({ read }) => read());

const AUTH = "https://api.openai.com/auth";
const ACCESS = jwt({
  exp: 1_790_000_000,
  [AUTH]: { chatgpt_account_id: "acc-1", chatgpt_plan_type: "plus" },
});
const ID = jwt({
  exp: 1_780_000_000,
  email: "ö@example.org",
  [AUTH]: { chatgpt_account_id: "acc-1", chatgpt_user_id: "user-1", chatgpt_account_is_fedramp: true },
});

test("tokens name their account, plan and end", () => {
  expect(codex.importAccount({ kind: "oauth", accessToken: ACCESS, refreshToken: "rt_1" })).toEqual({
    provider: "codex",
    kind: "oauth",
    externalId: "acc-1",
    metadata: { account_id: "acc-1", plan: "plus" },
    expiresAt: 1_790_000_000_000,
    accessToken: ACCESS,
    refreshToken: "rt_1",
    idToken: null,
    apiKey: null,
  });
});

test("what the owner states counts before what the tokens say", () => {
  const input = {
    kind: "oauth",
    accessToken: ACCESS,
    expiresAt: 5,
    accountId: "acc-9",
    label: "mine",
  } as const;
  expect(codex.importAccount(input)).toMatchObject({
    externalId: "acc-9",
    expiresAt: 5,
    label: "mine",
    metadata: { account_id: "acc-9" },
  });
});

test("the tokens are asked in turn, and the end is the access token's", () => {
  const account = chatGptAccount({ accessToken: ACCESS, refreshToken: null, idToken: ID });
  expect(account).toMatchObject({
    externalId: "acc-1:user-1",
    label: "ö@example.org",
    metadata: { account_id: "acc-1", user_id: "user-1", email: "ö@example.org", plan: "plus", fedramp: true },
    expiresAt: 1_790_000_000_000,
  });
  const unreadable = chatGptAccount({ accessToken: ACCESS, refreshToken: null, idToken: "opaque" });
  expect(unreadable.externalId).toBe("acc-1");
  const silent = jwt({ email: "o@example.org" });
  expect(chatGptAccount({ accessToken: ACCESS, refreshToken: null, idToken: silent }).externalId).toBe(
    "acc-1",
  );
});

test("opaque tokens do with an account id, and have no known end", () => {
  const account = codex.importAccount({ kind: "oauth", accessToken: "opaque", accountId: "acc-1" });
  expect(account).toMatchObject({ externalId: "acc-1", expiresAt: null });
});

test("without an account id the refusal says where it stands, and repeats no token", () => {
  const organizations = { [AUTH]: { organizations: [{ id: "org-1" }] } };
  for (const accessToken of ["opaque-secret", jwt(organizations)]) {
    const attempt = () => codex.importAccount({ kind: "oauth", accessToken });
    expect(attempt).toThrow(expect.objectContaining({ code: "invalid_request", param: "account_id" }));
    expect(attempt).toThrow(/auth\.json/);
    expect(attempt).not.toThrow(accessToken);
  }
});

test("a sign-in without any token is refused", () => {
  expect(() => codex.importAccount({ kind: "oauth", accountId: "acc-1" })).toThrow(
    expect.objectContaining({ code: "invalid_request", param: "access_token" }),
  );
});

test("an API key is an account of its own, trimmed; an empty one is refused", () => {
  expect(codex.importAccount({ kind: "api_key", apiKey: " sk-1 ", label: "work" })).toEqual({
    provider: "codex",
    kind: "api_key",
    label: "work",
    metadata: {},
    expiresAt: null,
    accessToken: null,
    refreshToken: null,
    idToken: null,
    apiKey: "sk-1",
  });
  expect(() => codex.importAccount({ kind: "api_key", apiKey: " " })).toThrow(
    expect.objectContaining({ param: "api_key" }),
  );
});

test("what cannot stand in a header is refused in words that do not repeat it", () => {
  const oauth = { kind: "oauth", accessToken: ACCESS, accountId: "acc-1" } as const;
  const odd = jwt({ [AUTH]: { chatgpt_account_id: "acc 1" } });
  const attempts: [string, () => unknown][] = [
    ["access_token", () => codex.importAccount({ ...oauth, accessToken: "bad token" })],
    ["refresh_token", () => codex.importAccount({ ...oauth, refreshToken: "bad token" })],
    ["account_id", () => codex.importAccount({ ...oauth, accountId: "bad c—ü" })],
    ["account_id", () => codex.importAccount({ kind: "oauth", accessToken: odd })],
    ["api_key", () => codex.importAccount({ kind: "api_key", apiKey: "sk-bad💥" })],
    ["api_key", () => filed({ OPENAI_API_KEY: "sk-bad💥" })],
    ["access_token", () => filed({ tokens: { access_token: "bad token", account_id: "acc-1" } })],
    ["account_id", () => filed({ tokens: { access_token: ACCESS, account_id: "bad c—ü" } })],
    ["api_key", () => filed({ openai: { type: "api", key: "sk-bad💥" } })],
    ["refresh_token", () => filed({ openai: { type: "oauth", refresh: "bad token", accountId: "a" } })],
  ];
  for (const [param, attempt] of attempts) {
    expect(attempt).toThrow(expect.objectContaining({ code: "invalid_request", param }));
    expect(attempt).toThrow(/copy it again/);
    expect(attempt).not.toThrow(/bad/);
  }
});

test("what was pasted with space around it is taken without", () => {
  const account = {
    kind: "oauth",
    accessToken: " opaque\n",
    refreshToken: "\trt_1",
    accountId: " acc-1 ",
  } as const;
  expect(codex.importAccount(account)).toMatchObject({
    accessToken: "opaque",
    refreshToken: "rt_1",
    externalId: "acc-1",
  });
});

test("the Codex CLI's auth.json gives its sign-in, and not the paid key beside it", () => {
  const file = {
    OPENAI_API_KEY: "sk-1",
    tokens: { id_token: ID, access_token: ACCESS, refresh_token: "rt_1", account_id: "acc-1" },
    last_refresh: "2026-11-20T00:00:00Z",
  };
  const accounts = filed(file);
  expect(accounts).toHaveLength(1);
  expect(accounts[0]).toMatchObject({
    kind: "oauth",
    externalId: "acc-1:user-1",
    idToken: ID,
    refreshToken: "rt_1",
  });
});

test("the Codex CLI's auth.json with a key alone gives the key", () => {
  expect(filed({ OPENAI_API_KEY: "sk-1", tokens: null })).toMatchObject([
    { kind: "api_key", apiKey: "sk-1" },
  ]);
});

test("OpenCode's auth.json gives its openai entry", () => {
  const oauth = {
    type: "oauth",
    refresh: "rt_1",
    access: ACCESS,
    expires: 1_790_000_000_001,
    accountId: "acc-1",
  };
  expect(filed({ anthropic: { type: "api", key: "a" }, openai: oauth })).toMatchObject([
    { kind: "oauth", externalId: "acc-1", refreshToken: "rt_1", expiresAt: 1_790_000_000_001 },
  ]);
  expect(filed({ openai: { type: "api", key: "sk-1" } })).toMatchObject([
    { kind: "api_key", apiKey: "sk-1" },
  ]);
  expect(filed({ openai: { ...oauth, expires: 0 } })).toMatchObject([{ expiresAt: 1_790_000_000_000 }]);
});

test.each([
  {},
  { claudeAiOauth: { accessToken: "x" } },
  { openai: { type: "wellknown" } },
  { tokens: {} },
  { tokens: "x" },
])("a file that is none of ours gives nothing: %j", (file) => {
  expect(filed(file)).toEqual([]);
});

test("broken tokens are simply not readable", () => {
  for (const token of ["", "a.b", "a.b.c", "a.!!.c", `a.${btoa("[]")}.c`, `a.${btoa("\xff\xfe")}.c`]) {
    expect(readClaims(token)).toBeNull();
  }
  expect(readClaims(jwt({ exp: "soon", email: 4, [AUTH]: "x" }))).toEqual({});
});

test("the notice says what is not supported", () => {
  expect(codex.terms).toMatch(/does not document/);
  expect(codex.terms).toMatch(/many users is not supported/);
});
