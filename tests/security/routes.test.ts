/** Every door has its lock: each mounted route is known, and refuses everybody who does not bring what it takes. */
import { describe, expect, test } from "vitest";
import { AUTHORITY, type Route, routesWith } from "./authority.ts";
import { ADMIN_TOKEN, BASE, createHouse, type House } from "./house.ts";

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** What the store holds that a request could change. */
async function stateOf({ runtime: { storage } }: House) {
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

const idsOf = (house: House) => ({ account: "acc_claude", key: house.keys.live.record.id });

test("every mounted route stands in the table with its authority, and no other does", async () => {
  const { app } = await createHouse();
  const mounted = new Set(app.routes.map(({ method, path }) => `${method} ${path}`));
  expect([...mounted].filter((route) => !AUTHORITY.has(route))).toEqual([]);
  expect([...AUTHORITY.keys()].filter((route) => !mounted.has(route))).toEqual([]);
});

describe("a client route", () => {
  test("is for a live key, brought in either header, and for nobody else", async () => {
    const house = await createHouse();
    const { revoked, expired } = house.keys;
    for (const route of routesWith("key", idsOf(house))) {
      const attempts: [Record<string, string>, string][] = [
        [{}, "missing_api_key"],
        [bearer(`kleis_${"x".repeat(43)}`), "invalid_api_key"],
        [bearer(revoked.key), "invalid_api_key"],
        [{ "x-api-key": revoked.key }, "invalid_api_key"],
        [bearer(expired.key), "expired_api_key"],
        [bearer(ADMIN_TOKEN), "invalid_api_key"],
        [bearer(house.keys.live.discoveryToken), "invalid_api_key"],
        [{ cookie: await house.login() }, "missing_api_key"],
      ];
      for (const [headers, code] of attempts) {
        const init = { method: route.method, ...bodyOf(route, false), headers };
        const answer = await house.ask(route.path, init);
        expect(answer.status, `${route.name} ${code}`).toBe(401);
        expect(await answer.text(), route.name).toContain(code);
      }
    }
    expect(house.sent).toEqual([]);
  });

  test("keeps a key inside the scope that it was given", async () => {
    const house = await createHouse();
    const headers = bearer(house.keys.codexOnly.key);
    for (const route of routesWith("key", idsOf(house))) {
      if (route.path.startsWith("/codex/")) continue;
      const answer = await house.ask(route.path, {
        method: route.method,
        ...bodyOf(route, false),
        headers,
      });
      const text = await answer.text();
      if (route.path.endsWith("/models")) expect(text, route.name).not.toContain("claude");
      else expect([400, 403, 404], `${route.name} ${text}`).toContain(answer.status);
    }
    expect(house.sent).toEqual([]);
  });
});

describe("the admin API", () => {
  test("is for the admin token or a session from our own page, and nothing else changes or shows anything", async () => {
    const house = await createHouse();
    const cookie = await house.login();
    const { live, revoked, expired } = house.keys;
    const before = await stateOf(house);
    for (const route of routesWith("admin", idsOf(house))) {
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
        const answer = await house.ask(route.path, {
          method: route.method,
          ...bodyOf(route, false),
          headers: { "content-type": "application/json", ...headers },
        });
        expect(answer.status, `${route.name} with ${name}`).toBe(401);
        expect(await answer.text()).toContain("admin_unauthorized");
      }
    }
    expect(await stateOf(house)).toBe(before);
  });
});

describe("the admin page", () => {
  test("shows and changes nothing without a session, whatever else is brought", async () => {
    const house = await createHouse();
    const before = await stateOf(house);
    for (const authority of ["session", "form"] as const) {
      for (const route of routesWith(authority, idsOf(house))) {
        const attempts: Record<string, string>[] = [
          {},
          bearer(ADMIN_TOKEN),
          bearer(house.keys.live.key),
          { cookie: "kleis=x" },
        ];
        for (const headers of attempts) {
          const answer = await house.ask(route.path, {
            method: route.method,
            ...bodyOf(route, true),
            headers: { origin: BASE, ...headers },
          });
          expect(answer.status, route.name).toBe(303);
          expect(answer.headers.get("location"), route.name).toMatch(/^\/admin(\?|$)/);
        }
      }
    }
    expect(await stateOf(house)).toBe(before);
  });

  test("takes a change from our own page alone", async () => {
    const house = await createHouse();
    const cookie = await house.login();
    const before = await stateOf(house);
    const routes = [...routesWith("form", idsOf(house)), ...routesWith("login", idsOf(house))];
    const attempts: Record<string, string>[] = [
      {},
      { origin: "null" },
      { origin: "https://evil.example" },
      { origin: BASE, "sec-fetch-site": "cross-site" },
    ];
    for (const route of routes) {
      for (const headers of attempts) {
        const answer = await house.ask(route.path, {
          method: route.method,
          ...bodyOf(route, true),
          headers: { cookie, ...headers },
        });
        expect(answer.status, `${route.name} ${JSON.stringify(headers)}`).toBe(403);
      }
    }
    expect(await stateOf(house)).toBe(before);
    expect((await house.ask("/admin/page/keys", { headers: { cookie } })).status).toBe(200);
  });
});

describe("every route", () => {
  async function open() {
    const house = await createHouse();
    const all = [...new Set(AUTHORITY.values())].flatMap((authority) => routesWith(authority, idsOf(house)));
    return { house, all };
  }

  test("tells no other origin that it may read or send anything", async () => {
    const { house, all } = await open();
    const cookie = await house.login();
    for (const { path, name } of all) {
      for (const method of ["OPTIONS", "GET"]) {
        const answer = await house.ask(path, {
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
    const { house, all } = await open();
    for (const { path, name } of all.filter((route) => !route.path.includes("*"))) {
      for (const method of ["PUT", "DELETE", "PROPFIND"]) {
        if (AUTHORITY.has(`${method} ${name.split(" ")[1]}`)) continue;
        const answer = await house.ask(path, { method });
        expect([303, 401, 403, 404, 405], `${method} ${name}`).toContain(answer.status);
        await answer.body?.cancel();
      }
    }
  });

  test("under /admin that answers with a page has its policy, and none is kept or framed", async () => {
    const { house, all } = await open();
    const cookie = await house.login();
    for (const { path, name } of all.filter((route) => route.name.startsWith("GET /admin"))) {
      for (const headers of [{ cookie }, { cookie: "" }]) {
        const answer = await house.ask(path, { headers });
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
