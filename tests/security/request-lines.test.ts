/** Every request leaves one line in the log, by which it can be told afterwards who was let in, how, and what he did. */
import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import type { LogFields, Peer } from "../../src/runtime.ts";
import { BASE, type KleisOptions } from "../support/kleis.ts";
import { AUTHORITY, routesWith } from "./authority.ts";
import { type SeededKleis, startSeededKleis } from "./kleis.ts";

interface Line extends LogFields {
  level: string;
}

/** Kleis, and what each request leaves in its log. */
async function watched(options: KleisOptions = {}) {
  const kleis = await startSeededKleis(options);
  const { logged } = kleis;

  async function ask(path: string, init: RequestInit = {}, peer?: Peer) {
    logged.length = 0;
    const answer = await kleis.request(path, init, peer);
    const text = await answer.text();
    const lines = logged
      .filter(({ event }) => event === "request")
      .map(({ level, fields }): Line => ({ level, ...fields }));
    return { answer, text, lines, log: JSON.stringify(logged), others: logged };
  }
  return { kleis, ask };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const asOwner = { ...bearer(ADMIN_TOKEN), "content-type": "application/json" };
const form = (cookie: string, fields: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  body: new URLSearchParams(fields),
  headers: { cookie, origin: BASE },
});
const idsOf = (kleis: SeededKleis) => ({ account: "acc_claude", key: kleis.keys.live.record.id });

test("one line each, with the route's pattern, whoever asks and whatever comes of it", async () => {
  const { kleis, ask } = await watched();
  const cookie = await kleis.login();
  const ways: Record<string, string>[] = [
    {},
    bearer(ADMIN_TOKEN),
    bearer(kleis.keys.live.key),
    { cookie, origin: BASE },
  ];
  const kinds = [...new Set(AUTHORITY.values())].filter((kind) => kind !== "before" && kind !== "refusing");
  for (const route of kinds.flatMap((kind) => routesWith(kind, idsOf(kleis)))) {
    for (const headers of ways) {
      const body = route.method === "GET" ? {} : { body: "{}" };
      const asked = {
        method: route.method,
        headers: { "content-type": "application/json", ...headers },
        ...body,
      };
      const { answer, lines, log } = await ask(`${route.path}?planted=query`, asked);
      const what = `${route.name} ${JSON.stringify(headers)}`;
      expect(lines, what).toHaveLength(1);
      const [line] = lines;
      expect(`${route.method} ${line?.route}`, what).toBe(route.name);
      expect(line, what).toMatchObject({
        id: expect.stringMatching(/^req_/),
        method: route.method,
        status: answer.status,
        outcome: expect.any(String),
        duration_ms: expect.any(Number),
      });
      const named = answer.headers.get("x-request-id");
      if (named !== null) expect(line?.id, what).toBe(named);
      expect(log, what).not.toMatch(/planted/);
    }
  }
});

describe("by its line can be told", () => {
  test("who showed a key, at the API and on the page", async () => {
    const { kleis, ask } = await watched();
    const { id } = kleis.keys.live.record;
    const reveal = `/admin/keys/${id}/reveal`;
    expect((await ask(reveal, { method: "POST", headers: asOwner })).lines).toMatchObject([
      {
        level: "info",
        method: "POST",
        route: "/admin/keys/:id/reveal",
        on: id,
        by: "admin token",
        status: 200,
      },
    ]);
    const cookie = await kleis.login();
    expect((await ask(reveal, { method: "POST", headers: { cookie, origin: BASE } })).lines).toMatchObject([
      { route: "/admin/keys/:id/reveal", on: id, by: "session", status: 200 },
    ]);
    expect((await ask(`/admin/page/keys/${id}/reveal`, form(cookie))).lines).toMatchObject([
      {
        route: "/admin/page/keys/:id/reveal",
        api: "POST /admin/keys/:id/reveal",
        on: id,
        by: "session",
        status: 200,
      },
    ]);
  });

  test("which key was issued, which accounts were brought, changed and removed, which names were set", async () => {
    const { kleis, ask } = await watched();
    const send = async (method: string, path: string, body?: object) => {
      const init = {
        method,
        headers: asOwner,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      const { text, lines } = await ask(path, init);
      const answer: Record<string, unknown> = JSON.parse(text);
      return { answer, line: lines[0] };
    };
    const issued = await send("POST", "/admin/keys", { label: "new" });
    expect(issued.line).toMatchObject({ route: "/admin/keys", on: issued.answer.id, status: 201 });
    const account = { provider: "claude", kind: "api_key", api_key: "sk-ant-api03-planted" };
    const imported = await send("POST", "/admin/accounts/import", account);
    const [{ id }] = imported.answer.accounts as [{ id: string }];
    expect(imported.line).toMatchObject({ route: "/admin/accounts/import", on: id, status: 201 });
    for (const [method, under] of [
      ["POST", "/primary"],
      ["PATCH", ""],
      ["DELETE", ""],
    ] as const) {
      const body = method === "PATCH" ? { label: "mine" } : undefined;
      const { line } = await send(method, `/admin/accounts/${id}${under}`, body);
      expect(line).toMatchObject({ method, route: `/admin/accounts/:id${under}`, on: id, status: 200 });
    }
    const started = await send("POST", "/admin/accounts/claude/oauth/start");
    expect(started.line).toMatchObject({
      route: "/admin/accounts/:provider/oauth/start",
      provider: "claude",
    });
    const models = [{ id: "team/fast", provider: "claude", model: "claude-sonnet-5" }];
    const changed = await send("PUT", "/admin/models", { models });
    expect(changed.line).toMatchObject({ route: "/admin/models", on: "team/fast", status: 200 });

    const cookie = await kleis.login();
    const onPage = await ask("/admin/page/keys", form(cookie, { label: "on the page" }));
    expect(onPage.lines).toMatchObject([
      {
        route: "/admin/page/keys",
        api: "POST /admin/keys",
        on: expect.stringMatching(/^key_/),
        by: "session",
      },
    ]);
    expect(onPage.lines[0]?.on).not.toBe(issued.answer.id);
  });

  test("that somebody was not let in, and with what he tried", async () => {
    const { kleis, ask } = await watched();
    const attempts: [Record<string, string>, string][] = [
      [{}, "no token and no session"],
      [{ cookie: "kleis=made-up" }, "no token and no session"],
      [bearer("wrong-but-long-enough-to-be-one"), "wrong bearer"],
      [bearer(kleis.keys.live.key), "an issued key"],
      [{ authorization: "Basic cGxhbnRlZA==" }, "not a bearer"],
    ];
    for (const [headers, reason] of attempts) {
      const { answer, lines } = await ask("/admin/keys", { headers });
      const line = { level: "info", route: "/admin/keys", status: 401, code: "admin_unauthorized", reason };
      expect(lines, reason).toMatchObject([{ ...line, outcome: "refused" }]);
      expect(lines[0]).not.toHaveProperty("by");
      expect(answer.headers.get("x-request-id")).toBe(lines[0]?.id);
    }
    const deep = await ask("/healthz?deep=1", { headers: bearer("wrong-but-long-enough-to-be-one") });
    expect(deep.lines).toMatchObject([{ level: "info", route: "/healthz", status: 401 }]);
    const login = await ask("/admin/login", form("", { token: "wrong" }));
    expect(login.lines).toMatchObject([{ route: "/admin/login", status: 401, code: "admin_unauthorized" }]);
    const right = await ask("/admin/login", form("", { token: ADMIN_TOKEN }));
    expect(right.lines).toMatchObject([{ route: "/admin/login", status: 303, by: "admin token" }]);
  });

  test("which key asked for a list of models", async () => {
    const { kleis, ask } = await watched();
    const { key, record } = kleis.keys.live;
    expect((await ask("/v1/models", { headers: bearer(key) })).lines).toMatchObject([
      { route: "/v1/models", key: record.id, status: 200 },
    ]);
  });

  test("what the provider calls the request, which is what the client sees", async () => {
    for (const [name, model] of [
      ["x-request-id", "claude-sonnet-5"],
      ["request-id", "claude-sonnet-5"],
      ["x-github-request-id", "copilot/claude-sonnet-5"],
    ] as const) {
      const { kleis, ask } = await watched({
        network: async () => Response.json({ type: "message" }, { headers: { [name]: "req_upstream_1" } }),
      });
      await kleis.account("copilot");
      const { answer, lines } = await ask("/v1/messages", {
        method: "POST",
        headers: bearer(kleis.keys.live.key),
        body: JSON.stringify({ model, max_tokens: 1, messages: [] }),
      });
      expect(answer.headers.get(name)).toBe("req_upstream_1");
      expect(lines).toMatchObject([{ route: "/v1/messages", status: 200, upstream_id: "req_upstream_1" }]);
      const own = answer.headers.get("x-request-id");
      expect(own).toBe(name === "x-request-id" ? "req_upstream_1" : lines[0]?.id);
    }
  });
});

test("frequent successful requests are logged at debug level only", async () => {
  const { ask } = await watched();
  for (const path of ["/", "/api/hello", "/healthz", "/admin/app.js", "/admin/app.css", "/admin/icon.svg"]) {
    for (const method of ["GET", "HEAD"]) {
      expect((await ask(path, { method })).lines, path).toMatchObject([
        { level: "debug", route: path, method },
      ]);
    }
  }
  expect((await ask("/healthz", { method: "POST" })).lines).toMatchObject([{ level: "info", status: 404 }]);
});

test("a path that is nobody's is not repeated, nor what stands in an id's place", async () => {
  const { kleis, ask } = await watched();
  for (const path of [
    `/planted/${kleis.keys.live.key}`,
    `/v1/v1/messages/planted`,
    `/models/${kleis.keys.live.discoveryToken}/planted.json`,
    `/admin/planted`,
  ]) {
    const { answer, lines, log } = await ask(path);
    expect(lines).toMatchObject([{ level: "info", status: answer.status, outcome: "refused" }]);
    expect(answer.headers.get("x-request-id")).toBe(lines[0]?.id);
    expect(log).not.toMatch(/planted|kleis_/);
  }
  const pasted = await ask("/admin/keys/planted-secret/reveal", { method: "POST", headers: asOwner });
  expect(pasted.lines).toMatchObject([{ route: "/admin/keys/:id/reveal", status: 404, code: "not_found" }]);
  expect(pasted.log).not.toContain("planted");
});

test("an error that refers to the log has the id that stands there", async () => {
  const { kleis, ask } = await watched();
  const { live } = kleis.keys;
  const broken = () => Promise.reject(new TypeError("planted words"));
  kleis.runtime.storage.accounts.list = broken;
  kleis.runtime.storage.accounts.page = broken;
  kleis.runtime.storage.requests.read = broken;
  kleis.runtime.storage.requests.accounts = broken;
  kleis.runtime.storage.keys.findByHash = broken;
  kleis.runtime.storage.keys.findByDiscoveryHash = broken;
  kleis.runtime.storage.ping = broken;
  const question = { method: "POST", body: "{}", headers: bearer(live.key) };
  const asked: [string, RequestInit][] = [
    ["/models/api.json", {}],
    [`/models/${live.discoveryToken}/api.json`, {}],
    ["/v1/models", { headers: bearer(live.key) }],
    ["/v1/messages", question],
    ["/healthz?deep=1", { headers: asOwner }],
    ["/admin/accounts", { headers: asOwner }],
  ];
  for (const [path, init] of asked) {
    const { answer, text, lines, others, log } = await ask(path, init);
    expect(answer.status, path).toBe(500);
    expect(text, path).toContain("Its log has this request's id.");
    const id = answer.headers.get("x-request-id");
    expect(lines, path).toMatchObject([{ id, status: 500, code: "internal_error" }]);
    expect(others, path).toContainEqual({
      level: "error",
      event: expect.any(String),
      fields: expect.objectContaining({ id, error: "TypeError" }),
    });
    expect(log, path).not.toContain("planted");
  }
});
