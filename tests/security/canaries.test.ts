/**
 * What is wrong, refused or odd leaves no trace either: after a long mixed run at the Node door, with every line of the
 * log, none of what was brought is anywhere but in the answers that may show it. The run of all that works, at every
 * door, is in tests/conformance/cases/canaries.ts.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { testKeyOf } from "../../harness/secrets.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { createSearch, Marks } from "./marked.ts";
import { foreignHosts, outgoing, strangeHeaders } from "./outgoing.ts";

let door: Door;
const printed: string[] = [];
/** Answers by what was asked, bodies and headers together. */
const answers: { what: string; text: string }[] = [];
/** What must never be seen. */
const secrets = new Marks();
const mark = (kind: string, value: unknown) => secrets.add(kind, value);

/** Sends, and keeps the whole answer; `mayShow` for the two answers that show a key. */
async function ask(method: string, path: string, init: RequestInit = {}, mayShow = false): Promise<string> {
  const response = await fetch(door.url + path, { method, redirect: "manual", ...init });
  const text = await response.text();
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  if (!mayShow) answers.push({ what: `${method} ${path}`, text: `${headers}\n\n${text}` });
  return text;
}

const json = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  body: typeof body === "string" ? body : JSON.stringify(body),
  headers: { "content-type": "application/json", ...headers },
});

beforeAll(async () => {
  for (const stream of [process.stderr, process.stdout]) {
    const write = stream.write.bind(stream);
    vi.spyOn(stream, "write").mockImplementation((chunk, ...rest) => {
      const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      printed.push(text);
      // The door's own lines are many; what else is printed is the test runner's.
      return text.startsWith("{") ? true : Reflect.apply(write, stream, [chunk, ...rest]);
    });
  }
  door = await openDoor({ env: { LOG_LEVEL: "debug" } });
  mark("admin token", door.adminToken);
  mark("encryption key", testKeyOf("seven"));
});

afterAll(async () => {
  vi.restoreAllMocks();
  await door.close();
});

test("a long mixed run works", { timeout: 120_000 }, async () => {
  const { claude, codex, copilot } = door.fakes;
  const admin = { authorization: `Bearer ${door.adminToken}` };
  const adminJson = (body: unknown) => json(body, admin);

  const ids = await connectAll(door);
  for (const [provider, api_key] of [
    ["claude", claude.issueApiKey()],
    ["codex", codex.issueApiKey()],
  ]) {
    await ask("POST", "/admin/accounts/import", adminJson({ provider, kind: "api_key", api_key }));
  }
  await ask("POST", "/admin/accounts/import", adminJson({ file: door.fakes.files().opencode }));
  await ask("POST", "/admin/accounts/import", adminJson({ file: { "planted-in-a-file-0123": 1 } }));
  mark("refused import", "planted-in-a-file-0123");
  await ask(
    "POST",
    "/admin/accounts/import",
    adminJson({ provider: "x", kind: "api_key", api_key: "planted-api-key-refused" }),
  );
  mark("refused API key", "planted-api-key-refused");

  const keys: string[] = [];
  for (const wish of [{}, { providers: ["codex"] }, { label: "to be revoked" }]) {
    const issued: unknown = JSON.parse(await ask("POST", "/admin/keys", adminJson(wish), true));
    const { id, key, discovery_token } = issued as Record<string, string>;
    keys.push(key ?? "");
    mark("key", key);
    mark("discovery token", discovery_token);
    await ask("POST", `/admin/keys/${id}/reveal`, { headers: admin }, true);
    await ask("GET", `/models/${discovery_token}/api.json`);
    if (keys.length === 3) await ask("POST", `/admin/keys/${id}/revoke`, { headers: admin });
  }

  const questions: [string, object][] = [
    [
      "/v1/messages",
      { model: "claude-sonnet-5", max_tokens: 50, messages: [{ role: "user", content: "hi" }] },
    ],
    ["/v1/responses", { model: "gpt-5.5", input: "hi" }],
    ["/v1/chat/completions", { model: "gpt-5-mini", messages: [{ role: "user", content: "hi" }] }],
    ["/v1/messages", { model: "no-such-model", messages: [] }],
    ["/v1/messages/count_tokens", { model: "claude-sonnet-5", messages: [{ role: "user", content: "hi" }] }],
  ];
  for (const key of [
    ...keys,
    "kleis_planted-unknown-key-abcdefghijklmnopqrstuvwxy",
    "sk-ant-planted-in-the-wrong-place",
  ]) {
    mark("sent key", key);
    for (const [path, body] of questions) {
      for (const stream of [true, false]) {
        await ask(
          "POST",
          path,
          json({ ...body, stream }, { "x-api-key": key, cookie: "planted-cookie=planted-cookie-value" }),
        );
      }
    }
    // Where clients put it by mistake.
    const misplaced = { "x-api-key": key, accept: `x/${key}`, "anthropic-api-key": key };
    for (const [path, body] of questions) await ask("POST", `${path}?api_key=${key}`, json(body, misplaced));
    await ask("GET", "/v1/models", { headers: { authorization: `Bearer ${key}` } });
  }
  mark("client's cookie", "planted-cookie-value");

  for (const id of [ids.claude, ids.codex, ids.copilot, "acc_none"]) {
    await ask("POST", `/admin/accounts/${id}/refresh`, { headers: admin });
  }
  // Refresh tokens that the provider refuses, and one whose answer breaks off.
  claude.token.script({
    reply: { status: 400, body: { error: "invalid_grant", error_description: "planted" } },
  });
  await ask("POST", `/admin/accounts/${ids.claude}/refresh`, { headers: admin });
  codex.token.script({ drop: true });
  await ask("POST", `/admin/accounts/${ids.codex}/refresh`, { headers: admin });
  for (const [path, body] of questions) await ask("POST", path, json(body, { "x-api-key": keys[0] ?? "" }));

  for (const [provider, mode] of [
    ["claude", "max"],
    ["codex", "browser"],
    ["codex", "device"],
    ["copilot", "device"],
  ]) {
    const started: unknown = JSON.parse(
      await ask("POST", `/admin/accounts/${provider}/oauth/start`, adminJson({ mode })),
    );
    const { state } = started as Record<string, string>;
    const pasted = `planted-authorization-code-${provider}#${state}`;
    mark("pasted code", pasted.split("#")[0]);
    await ask("POST", `/admin/accounts/${provider}/oauth/complete`, adminJson({ state, code: pasted }));
  }

  const login = await fetch(`${door.url}/admin/login`, {
    method: "POST",
    redirect: "manual",
    headers: { origin: door.url },
    body: new URLSearchParams({ token: door.adminToken }),
  });
  const cookie = login.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  await ask("POST", "/admin/login", {
    headers: { origin: door.url },
    body: new URLSearchParams({ token: "planted-wrong-admin-token" }),
  });
  mark("wrong admin token", "planted-wrong-admin-token");
  for (const path of [
    "/admin",
    "/admin/accounts",
    "/admin/keys",
    "/admin/models",
    "/admin/page/keys",
    "/admin/page/keys/new",
    "/admin/page/use",
    "/admin/page/models",
    "/admin/page/live-checks",
    "/admin/live-checks",
    "/admin/page/import",
    "/admin/page/connect/claude",
    "/admin/page/connect/copilot",
    "/models/api.json",
    "/models/own/api.json",
    "/healthz",
    "/nothing",
  ]) {
    await ask("GET", path, { headers: { cookie } });
  }
  await ask(
    "POST",
    "/v1/messages",
    json("{ no JSON planted-in-a-body-01234", { "x-api-key": keys[0] ?? "" }),
  );
  mark("body", "planted-in-a-body-01234");

  for (const fake of [claude, codex, copilot]) {
    for (const { token, kind } of fake.tokens.list()) mark(`${kind} token`, token);
  }
  for (const { body } of outgoing(door.fakes)) {
    const fields = /"?(code_verifier|device_code|refresh_token)"?[=:]"?([\w.~-]{20,})/g;
    for (const [, name = "", value] of body.toString().matchAll(fields)) mark(name, value);
  }
  expect(answers.length).toBeGreaterThan(80);
  expect(secrets.values.size).toBeGreaterThan(30);
});

test("no answer but the two that may show a key holds a secret", () => {
  const search = createSearch(secrets.values);
  const found = answers.flatMap(({ what, text }) =>
    search(Buffer.from(text)).map((name) => `${what}: ${name}`),
  );
  expect(found).toEqual([]);
});

test("no line of the log holds a secret", () => {
  const lines = printed.join("");
  expect(lines).toContain('"event":"request"');
  expect(createSearch(secrets.values)(Buffer.from(lines))).toEqual([]);
});

test("the request's line says what happened, and nothing of what was said", () => {
  const lines = printed
    .join("")
    .split("\n")
    .filter((line) => line.includes('"event":"request"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const asked = lines.filter(({ model }) => model !== undefined);
  const good = asked.find(({ outcome, provider }) => outcome === "complete" && provider === "claude");
  expect(good).toMatchObject({
    id: expect.stringMatching(/^req_/),
    route: expect.stringMatching(/^\/v1\//),
    model: "claude-sonnet-5",
    account: expect.stringMatching(/^acc_/),
    key: expect.stringMatching(/^key_/),
    status: 200,
    duration_ms: expect.any(Number),
    headers_ms: expect.any(Number),
    bytes: expect.any(Number),
    request_bytes: expect.any(Number),
  });
  for (const line of lines) expect(typeof line.outcome, JSON.stringify(line)).toBe("string");
  const relayed = asked.filter(({ outcome, provider }) => outcome === "complete" && provider !== undefined);
  for (const line of relayed) {
    expect(line.bytes, JSON.stringify(line)).toBeGreaterThan(0);
  }
});

test("the database, with its write-ahead log, holds none of them in the clear", () => {
  const files = readdirSync(door.folder).filter((name) => name.startsWith("kleis.db"));
  expect(files).toContain("kleis.db-wal");
  const search = createSearch(secrets.values);
  const found = files.flatMap((name) =>
    search(readFileSync(join(door.folder, name))).map((secret) => `${name}: ${secret}`),
  );
  expect(found).toEqual([]);
});

test("nothing went out but to the configured hosts, with headers that were chosen", () => {
  expect(outgoing(door.fakes).length).toBeGreaterThan(20);
  expect(strangeHeaders(door.fakes)).toEqual([]);
  expect(foreignHosts(door.fakes)).toEqual([]);
});

test("no key of Kleis's, no cookie, nothing of the client's went out", () => {
  const own = /^(key|discovery|admin|encryption|client|sent|wrong)/;
  const search = createSearch(new Map([...secrets.values].filter(([name]) => own.test(name))));
  for (const { path, query, headers, body } of outgoing(door.fakes)) {
    expect(search(Buffer.from(`${query}\n${JSON.stringify(headers)}\n${body}`)), path).toEqual([]);
  }
});
