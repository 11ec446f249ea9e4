import { expect, test } from "vitest";
import { createAdmin, part, parts } from "./admin-app.ts";

const tokens = {
  provider: "claude",
  kind: "oauth",
  access_token: "sk-ant-oat01-AAA",
  refresh_token: "sk-ant-ort01-ONE",
  expires_at: 1_790_000_100_000,
};

async function withAccount(material: object) {
  const admin = await createAdmin();
  const answer = await admin.call("POST", "/accounts/import", material);
  const id = String(parts(answer.json, "accounts")[0]?.id);
  return { ...admin, id, refresh: () => admin.call("POST", `/accounts/${id}/refresh`) };
}

test("the owner refreshes an account and sees it as it is then", async () => {
  const { context, refresh, accountCache, id } = await withAccount(tokens);
  context.network = async () =>
    Response.json({
      token_type: "Bearer",
      access_token: "sk-ant-oat01-BBB",
      refresh_token: "sk-ant-ort01-TWO",
      expires_in: 28_800,
    });
  const answer = await refresh();
  expect(answer.status).toBe(200);
  expect(part(answer.json, "account")).toMatchObject({
    id,
    status: "active",
    expires_at: context.clock.ms + 28_800_000,
    last_refresh_at: context.clock.ms,
    last_refresh_status: "ok",
    last_refresh_error: null,
  });
  expect(answer.text).not.toContain("sk-ant");
  expect(await accountCache.secretsOf(id)).toMatchObject({ refreshToken: "sk-ant-ort01-TWO" });
});

test("a sign-in that the provider ended is told in words, and not tried again", async () => {
  const { context, call, refresh } = await withAccount(tokens);
  let calls = 0;
  context.network = async () => {
    calls++;
    return Response.json(
      { error: "invalid_grant", error_description: "sk-ant-ort01-ONE is dead" },
      { status: 400 },
    );
  };
  for (const answer of [await refresh(), await refresh()]) {
    expect(answer.status).toBe(400);
    expect(part(answer.json, "error")).toMatchObject({
      code: "account_needs_login",
      message: expect.stringContaining("invalid_grant"),
    });
    expect(answer.text).not.toContain("sk-ant");
  }
  expect(calls).toBe(1);
  const [account] = parts((await call("GET", "/accounts")).json, "accounts");
  expect(account).toMatchObject({
    status: "needs_login",
    status_reason: expect.stringContaining("Connect the account again"),
    last_refresh_status: "failed",
  });
});

test("a provider that cannot be reached is 502 with words, and the account stays as it is", async () => {
  const { context, call, refresh } = await withAccount(tokens);
  context.network = async () => Promise.reject(new Error("ENOTFOUND"));
  const answer = await refresh();
  expect(answer.status).toBe(502);
  expect(part(answer.json, "error")).toMatchObject({
    code: "refresh_failed",
    message: expect.stringMatching(/again in 5 s.*network/),
  });
  const [account] = parts((await call("GET", "/accounts")).json, "accounts");
  expect(account).toMatchObject({ status: "active", last_refresh_status: "failed" });
});

test.each([
  ["an API key", { provider: "claude", kind: "api_key", api_key: "sk-ant-api03-KEY" }, /does not expire/],
  ["tokens without a refresh token", { ...tokens, refresh_token: undefined }, /without a refresh token/],
])("%s cannot be refreshed, which is said", async (_, material, words) => {
  const answer = await (await withAccount(material)).refresh();
  expect(answer.status).toBe(400);
  expect(part(answer.json, "error")).toMatchObject({
    code: "invalid_request",
    message: expect.stringMatching(words),
  });
});

test("an account that is not there is 404", async () => {
  const { call } = await createAdmin();
  expect((await call("POST", "/accounts/acc_none/refresh")).status).toBe(404);
});
