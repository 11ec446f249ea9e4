import { expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { timingSafeEqual } from "../../src/auth/timing-safe-equal.ts";
import { createAdmin, part } from "./admin-app.ts";

const ROUTES: [string, string][] = [
  ["GET", "/accounts"],
  ["POST", "/accounts/import"],
  ["POST", "/accounts/acc_1/primary"],
  ["PATCH", "/accounts/acc_1"],
  ["DELETE", "/accounts/acc_1"],
  ["GET", "/keys"],
  ["POST", "/keys"],
  ["POST", "/keys/key_1/revoke"],
  ["POST", "/keys/key_1/reveal"],
];

test.each(ROUTES)("%s %s is closed without the admin token, and asks no store", async (method, path) => {
  const { send, context } = await createAdmin();
  const answer = await send(path, { method });
  expect(answer.status).toBe(401);
  expect(part(answer.json, "error")).toMatchObject({
    code: "admin_unauthorized",
    type: "authentication_error",
  });
  expect(answer.headers.get("x-should-retry")).toBe("false");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(context.calls).toEqual([]);
});

test.each([
  ["a wrong token", "Bearer wrong-token-that-is-long-enough"],
  ["a token that is cut short", `Bearer ${ADMIN_TOKEN.slice(0, -1)}`],
  ["a token with more behind it", `Bearer ${ADMIN_TOKEN}x`],
  ["a token in other case", `Bearer ${ADMIN_TOKEN.toUpperCase()}`],
  ["another scheme", `Basic ${ADMIN_TOKEN}`],
  ["the bare token", ADMIN_TOKEN],
  ["no token", "Bearer "],
])("%s does not open the admin API", async (_, authorization) => {
  const { send } = await createAdmin();
  const answer = await send("/keys", { headers: { authorization } });
  expect(answer.status).toBe(401);
  expect(answer.text).not.toContain(ADMIN_TOKEN);
});

test("an issued key does not open the admin API", async () => {
  const { send, call } = await createAdmin();
  const { json } = await call("POST", "/keys", {});
  const bearer = await send("/keys", { headers: { authorization: `Bearer ${json.key}` } });
  const header = await send("/keys", { headers: { "x-api-key": String(json.key) } });
  expect([bearer.status, header.status]).toEqual([401, 401]);
});

test.each(["Bearer", "bearer", "BEARER"])("the owner gets in with the scheme spelt %s", async (scheme) => {
  const { send } = await createAdmin();
  expect((await send("/keys", { headers: { authorization: `${scheme} ${ADMIN_TOKEN}` } })).status).toBe(200);
});

test("a session opens the API, but does not excuse a wrong token", async () => {
  const { send } = await createAdmin({
    session: (request) => request.headers.get("cookie") === "session=good",
  });
  const cookie = "session=good";
  expect((await send("/keys", { headers: { cookie } })).status).toBe(200);
  expect((await send("/keys", { headers: { cookie: "session=bad" } })).status).toBe(401);
  expect((await send("/keys", { headers: { cookie, authorization: "Bearer wrong" } })).status).toBe(401);
});

test("two secrets are the same only when every character is", async () => {
  expect(await timingSafeEqual("abc", "abc")).toBe(true);
  for (const other of ["abd", "ab", "abcd", "", "Abc", "abc "])
    expect(await timingSafeEqual("abc", other)).toBe(false);
});
