import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN, createAdmin, part } from "./admin-app.ts";

const authorization = `Bearer ${ADMIN_TOKEN}`;
const json = { authorization, "content-type": "application/json" };
const WITH_BODY: [string, string][] = [
  ["POST", "/keys"],
  ["POST", "/accounts/import"],
  ["PATCH", "/accounts/acc_1"],
];

describe.each(WITH_BODY)("%s %s", (method, path) => {
  test.each([
    ["text that is not JSON", "{nope", "invalid_json", /not valid JSON/],
    ["nothing", "", "invalid_json", /not valid JSON/],
    ["an array", "[]", "invalid_request", /JSON object/],
    ["null", "null", "invalid_request", /JSON object/],
    ["a misspelt field", '{"expires":1}', "invalid_request", /expires|kind|provider/],
  ])("refuses %s with 400 and words", async (_, body, code, words) => {
    const { send, world } = await createAdmin();
    const answer = await send(path, { method, headers: json, body });
    expect(answer.status).toBe(400);
    expect(part(answer.json, "error")).toMatchObject({
      code,
      type: "invalid_request_error",
      message: expect.stringMatching(words),
    });
    expect(answer.headers.get("x-should-retry")).toBe("false");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(world.calls).toEqual([]);
  });

  test("refuses a body of another content type instead of taking it for an empty one", async () => {
    const { send, world } = await createAdmin();
    for (const type of ["application/x-www-form-urlencoded", "text/plain", "application/jsonp"]) {
      const headers = { authorization, "content-type": type };
      const answer = await send(path, { method, headers, body: '{"providers":["claude"]}' });
      expect(answer.status).toBe(400);
      expect(part(answer.json, "error").message).toContain("content-type: application/json");
    }
    expect(world.calls).toEqual([]);
  });

  test("refuses more than 1 MiB with 413, with or without a declared length", async () => {
    const { send, world } = await createAdmin();
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
    expect(world.calls).toEqual([]);
  });
});

test("a charset behind the content type is fine", async () => {
  const { send } = await createAdmin();
  const headers = { authorization, "content-type": "application/json; charset=utf-8" };
  expect((await send("/keys", { method: "POST", headers, body: "{}" })).status).toBe(201);
});

test("a database that is away is 503 storage_unavailable on every route, without a word of its own", async () => {
  const { call, world } = await createAdmin();
  world.down = true;
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
  const { call, world } = await createAdmin();
  world.runtime.random = () => {
    throw new TypeError("sk-ant-api03-SECRET went wrong");
  };
  const answer = await call("POST", "/keys", {});
  expect(answer.status).toBe(500);
  expect(part(answer.json, "error").code).toBe("internal_error");
  expect(answer.text + JSON.stringify(world.logged)).not.toContain("SECRET");
  expect(world.logged).toEqual([
    { event: "admin_error", fields: { code: "internal_error", error: "TypeError" } },
  ]);
});
