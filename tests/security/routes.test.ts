/** Every door has its lock: each mounted route is known, and refuses everybody who does not bring what it takes. */
import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { BASE } from "../support/kleis.ts";
import { AUTHORITY, type Route, routesWith } from "./authority.ts";
import { type SeededKleis, startSeededKleis } from "./kleis.ts";

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** What the store holds that a request could change. */
async function stateOf({ runtime: { storage } }: SeededKleis) {
  const [accounts, keys, models] = await Promise.all([
    storage.accounts.list(),
    storage.keys.list({ limit: 100 }),
    storage.settings.get("models.custom"),
  ]);
  return JSON.stringify({
    accounts,
    keys: keys?.entries.map((key) => ({ ...key, lastUsedAt: null })),
    models,
  });
}

function bodyOf({ method }: Route, form: boolean): RequestInit {
  if (method === "GET" || method === "DELETE") return {};
  return form
    ? { body: new URLSearchParams({ label: "planted" }) }
    : { body: JSON.stringify({ label: "planted", model: "claude-sonnet-5", messages: [] }) };
}

const idsOf = (kleis: SeededKleis) => ({ account: "acc_claude", key: kleis.keys.live.record.id });

test("every mounted route stands in the table with its authority, and no other does", async () => {
  const { app } = await startSeededKleis();
  const mounted = new Set(app.routes.map(({ method, path }) => `${method} ${path}`));
  expect([...mounted].filter((route) => !AUTHORITY.has(route))).toEqual([]);
  expect([...AUTHORITY.keys()].filter((route) => !mounted.has(route))).toEqual([]);
});

describe("a client route", () => {
  test("is for a live key in either header, and for no other credential", async () => {
    const kleis = await startSeededKleis();
    const { revoked, expired } = kleis.keys;
    for (const route of routesWith("key", idsOf(kleis))) {
      const attempts: [Record<string, string>, string][] = [
        [{}, "missing_api_key"],
        [bearer(`kleis_${"x".repeat(43)}`), "invalid_api_key"],
        [bearer(revoked.key), "invalid_api_key"],
        [{ "x-api-key": revoked.key }, "invalid_api_key"],
        [bearer(expired.key), "expired_api_key"],
        [bearer(ADMIN_TOKEN), "invalid_api_key"],
        [bearer(kleis.keys.live.discoveryToken), "invalid_api_key"],
        [{ cookie: await kleis.login() }, "missing_api_key"],
      ];
      for (const [headers, code] of attempts) {
        const init = { method: route.method, ...bodyOf(route, false), headers };
        const answer = await kleis.request(route.path, init);
        expect(answer.status, `${route.name} ${code}`).toBe(401);
        expect(await answer.text(), route.name).toContain(code);
      }
    }
    expect(kleis.inference()).toEqual([]);
  });

  test("keeps a key inside the scope that it was given", async () => {
    const kleis = await startSeededKleis();
    const headers = bearer(kleis.keys.codexOnly.key);
    for (const route of routesWith("key", idsOf(kleis))) {
      if (route.path.startsWith("/codex/")) continue;
      const answer = await kleis.request(route.path, {
        method: route.method,
        ...bodyOf(route, false),
        headers,
      });
      const text = await answer.text();
      if (route.path.endsWith("/models")) expect(text, route.name).not.toContain("claude");
      else expect([400, 403, 404], `${route.name} ${text}`).toContain(answer.status);
    }
    expect(kleis.inference()).toEqual([]);
  });
});

describe("the admin API", () => {
  test("is for the admin token or a session from our own page, and nothing else changes or shows anything", async () => {
    const kleis = await startSeededKleis();
    const cookie = await kleis.login();
    const { live, revoked, expired } = kleis.keys;
    const before = await stateOf(kleis);
    for (const route of routesWith("admin", idsOf(kleis))) {
      const attempts: [string, Record<string, string>][] = [
        ["no credential", {}],
        ["a live key", bearer(live.key)],
        ["a live key as x-api-key", { "x-api-key": live.key }],
        ["a revoked key", bearer(revoked.key)],
        ["an expired key", bearer(expired.key)],
        ["the admin token as x-api-key", { "x-api-key": ADMIN_TOKEN }],
        ["a session that was made up", { cookie: "kleis=x.9999999999999.y", origin: BASE }],
        ["a session beside a wrong token", { cookie, origin: BASE, ...bearer(live.key) }],
      ];
      if (route.method !== "GET") {
        attempts.push(
          ["a session without origin", { cookie }],
          ["a session from elsewhere", { cookie, origin: "https://evil.example" }],
          ["a session from a page without origin", { cookie, origin: "null" }],
          ["a session from a sibling", { cookie, origin: BASE, "sec-fetch-site": "same-site" }],
        );
      }
      for (const [name, headers] of attempts) {
        const answer = await kleis.request(route.path, {
          method: route.method,
          ...bodyOf(route, false),
          headers: { "content-type": "application/json", ...headers },
        });
        expect(answer.status, `${route.name} with ${name}`).toBe(401);
        expect(await answer.text()).toContain("admin_unauthorized");
      }
    }
    expect(await stateOf(kleis)).toBe(before);
  });
});

describe("the admin page", () => {
  test("shows and changes nothing without a session, whatever else is brought", async () => {
    const kleis = await startSeededKleis();
    const before = await stateOf(kleis);
    for (const authority of ["session", "form"] as const) {
      for (const route of routesWith(authority, idsOf(kleis))) {
        const attempts: Record<string, string>[] = [
          {},
          bearer(ADMIN_TOKEN),
          bearer(kleis.keys.live.key),
          { cookie: "kleis=x" },
        ];
        for (const headers of attempts) {
          const answer = await kleis.request(route.path, {
            method: route.method,
            ...bodyOf(route, true),
            headers: { origin: BASE, ...headers },
          });
          expect(answer.status, route.name).toBe(303);
          expect(answer.headers.get("location"), route.name).toMatch(/^\/admin(\?|$)/);
        }
      }
    }
    expect(await stateOf(kleis)).toBe(before);
  });

  test("takes a change from our own page alone", async () => {
    const kleis = await startSeededKleis();
    const cookie = await kleis.login();
    const before = await stateOf(kleis);
    const routes = [...routesWith("form", idsOf(kleis)), ...routesWith("login", idsOf(kleis))];
    const attempts: Record<string, string>[] = [
      {},
      { origin: "null" },
      { origin: "https://evil.example" },
      { origin: BASE, "sec-fetch-site": "cross-site" },
    ];
    for (const route of routes) {
      for (const headers of attempts) {
        const answer = await kleis.request(route.path, {
          method: route.method,
          ...bodyOf(route, true),
          headers: { cookie, ...headers },
        });
        expect(answer.status, `${route.name} ${JSON.stringify(headers)}`).toBe(403);
      }
    }
    expect(await stateOf(kleis)).toBe(before);
    expect((await kleis.request("/admin/page/keys", { headers: { cookie } })).status).toBe(200);
  });
});

describe("every route", () => {
  async function open() {
    const kleis = await startSeededKleis();
    const all = [...new Set(AUTHORITY.values())].flatMap((authority) => routesWith(authority, idsOf(kleis)));
    return { kleis, all };
  }

  test("tells no other origin that it may read or send anything", async () => {
    const { kleis, all } = await open();
    const cookie = await kleis.login();
    for (const { path, name } of all) {
      for (const method of ["OPTIONS", "GET"]) {
        const answer = await kleis.request(path, {
          method,
          headers: {
            origin: "https://evil.example",
            cookie,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization",
          },
        });
        const granted = [...answer.headers.keys()].filter((header) => header.startsWith("access-control-"));
        expect(granted, name).toEqual([]);
        await answer.body?.cancel();
      }
    }
  });

  test("refuses a method that has no handler, without a server error", async () => {
    const { kleis, all } = await open();
    for (const { path, name } of all.filter((route) => !route.path.includes("*"))) {
      for (const method of ["PUT", "DELETE", "PROPFIND"]) {
        if (AUTHORITY.has(`${method} ${name.split(" ")[1]}`)) continue;
        const answer = await kleis.request(path, { method });
        expect([303, 401, 403, 404, 405], `${method} ${name}`).toContain(answer.status);
        await answer.body?.cancel();
      }
    }
  });

  test("under /admin that answers with a page has its policy, and none is kept or framed", async () => {
    const { kleis, all } = await open();
    const cookie = await kleis.login();
    for (const { path, name } of all.filter((route) => route.name.startsWith("GET /admin"))) {
      for (const headers of [{ cookie }, { cookie: "" }]) {
        const answer = await kleis.request(path, { headers });
        await answer.body?.cancel();
        if (!(answer.headers.get("content-type") ?? "").includes("text/html")) continue;
        expect(answer.headers.get("content-security-policy"), name).toMatch(
          /^default-src 'none'; script-src 'nonce-.*frame-ancestors 'none'$/,
        );
        expect(answer.headers.get("x-frame-options"), name).toBe("DENY");
        expect(answer.headers.get("cache-control"), name).toBe("no-store");
      }
    }
  });
});
