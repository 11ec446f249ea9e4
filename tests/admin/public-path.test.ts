/** Kleis under a path of its web server: every link, form, redirect, cookie and address stays under it, stripped or not. */
import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN, TEST_KEY } from "../../harness/secrets.ts";
import { readConfig } from "../../src/environment.ts";
import { startSeededKleis } from "../security/kleis.ts";

const ORIGIN = "https://example.com";
const PREFIXES = ["/kleis", "/team/a%20k.l+is"];
const SERVERS = ["strips", "passes on"] as const;
const WAYS = PREFIXES.flatMap((prefix) => SERVERS.map((server) => [prefix, server] as const));

/** What a browser does with the paths of cookies, and a web server that offers Kleis under one path alone. */
async function browse(prefix: string, server: (typeof SERVERS)[number]) {
  const kleis = await startSeededKleis({ env: { PUBLIC_URL: `${ORIGIN}${prefix}/` } });
  const cookies = new Map<string, { value: string; path: string }>();

  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const { pathname, search } = new URL(path, ORIGIN);
    if (!`${pathname}/`.startsWith(`${prefix}/`)) throw new Error(`${path} leads out of ${prefix}`);
    const inner = server === "strips" ? pathname.slice(prefix.length) || "/" : pathname;
    const sent = [...cookies].filter(([, cookie]) =>
      `${pathname}/`.startsWith(`${cookie.path.replace(/\/$/, "")}/`),
    );
    const headers = new Headers(init.headers);
    if (sent.length > 0)
      headers.set("cookie", sent.map(([name, { value }]) => `${name}=${value}`).join("; "));
    if (init.method === "POST") headers.set("origin", ORIGIN);
    const answer = await kleis.app.fetch(new Request(ORIGIN + inner + search, { ...init, headers }));
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, { value, path: /; Path=([^;]*)/.exec(line)?.[1] ?? "" });
      if (/; Max-Age=0;/.test(line)) cookies.delete(name);
    }
    return answer;
  }
  const post = (path: string, fields: Record<string, string> = {}) =>
    ask(path, { method: "POST", body: new URLSearchParams(fields) });
  return { kleis, ask, post, cookies };
}

function addressesIn(page: string, attribute: string): string[] {
  return [...page.matchAll(new RegExp(` ${attribute}="([^"]*)"`, "g"))]
    .map(([, address = ""]) => address.replaceAll("&amp;", "&"))
    .filter((address) => !/^(#|https:\/\/(?!example\.com))/.test(address));
}

describe.each(WAYS)("%s, which the web server %s", (prefix, server) => {
  test("every link and form of the page leads to something, and none leads out", async () => {
    const { ask, post } = await browse(prefix, server);
    const first = await ask(`${prefix}/admin/page/use?agent=codex`);
    const login = await ask(first.headers.get("location") ?? "");
    const next = /name="next" value="([^"]*)"/.exec(await login.clone().text())?.[1] ?? "";
    const [form = ""] = addressesIn(await login.text(), "action");
    const entered = await post(form, { token: ADMIN_TOKEN, next: next.replaceAll("&amp;", "&") });
    expect(entered.headers.get("location")).toBe(`${prefix}/admin/page/use?agent=codex`);

    const seen = new Set<string>();
    const waiting = [`${prefix}/admin`];
    const forms = new Set<string>();
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const answer = await ask(path);
      expect([path, answer.status]).toEqual([path, 200]);
      const page = await answer.text();
      if (!answer.headers.get("content-type")?.startsWith("text/html")) continue;
      expect([path, page.includes("data-login")]).toEqual([path, false]);
      waiting.push(...addressesIn(page, "href"), ...addressesIn(page, "src"));
      for (const action of addressesIn(page, "action")) forms.add(action);
    }
    expect(seen.size).toBeGreaterThan(25);
    expect(forms.size).toBeGreaterThan(10);
    const last = `${prefix}/admin/logout`;
    expect(forms.has(last)).toBe(true);
    for (const action of [...forms].filter((each) => each !== last).concat(last)) {
      const answer = await post(action);
      expect([action, answer.status]).not.toEqual([action, 404]);
      const location = answer.headers.get("location");
      if (location !== null) expect([action, (await ask(location)).status]).toEqual([action, 200]);
    }
    expect(await (await ask(`${prefix}/admin`)).text()).toContain("data-login");
  });

  test("the session's cookie goes to the admin page alone, and is gone after logging out", async () => {
    const { post, cookies } = await browse(prefix, server);
    await post(`${prefix}/admin/login`, { token: ADMIN_TOKEN });
    expect([...cookies].map(([name, { path }]) => [name, path])).toEqual([
      ["__Secure-kleis", `${prefix}/admin`],
    ]);
    await post(`${prefix}/admin/logout`);
    expect(cookies.size).toBe(0);
  });

  test("agents and programs reach every route, and are given addresses under it", async () => {
    const { kleis, ask } = await browse(prefix, server);
    const authorization = `Bearer ${kleis.keys.live.key}`;
    const withKey = { headers: { authorization } };
    expect((await ask(`${prefix}/healthz`)).status).toBe(200);
    expect(await (await ask(prefix)).text()).toContain(`admin page is at ${prefix}/admin`);
    expect(await (await ask(`${prefix}/none`)).text()).toContain(`admin page is at ${prefix}/admin`);
    expect((await ask(`${prefix}//v1/models/`, withKey)).status).toBe(200);
    const api = { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };
    expect((await ask(`${prefix}/admin/keys`, api)).status).toBe(200);
    const registry = (await (await ask(`${prefix}/models/own/api.json`)).json()) as Record<
      string,
      { api: string }
    >;
    const entries = Object.values(registry);
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) {
      expect(entry.api.startsWith(`${ORIGIN}${prefix}/`)).toBe(true);
      expect((await ask(`${new URL(entry.api).pathname}/models`, withKey)).status).toBe(200);
    }
    const refused = await ask(`${prefix}/copilot/v1/chat/completions`, {
      ...withKey,
      method: "POST",
      body: JSON.stringify({ model: "gpt-5-mini", messages: [] }),
    });
    expect(await refused.text()).toContain(`${ORIGIN}${prefix}/admin`);
  });
});

test("opened past the web server, by its own address, the page works as well", async () => {
  const kleis = await startSeededKleis({ env: { PUBLIC_URL: `${ORIGIN}/kleis` } });
  const login = await kleis.request("/admin");
  const [action = ""] = addressesIn(await login.text(), "action");
  const entered = await kleis.request(action, {
    method: "POST",
    headers: { origin: "http://127.0.0.1:4747" },
    body: new URLSearchParams({ token: ADMIN_TOKEN }),
  });
  const [cookie = ""] = entered.headers.getSetCookie();
  expect(cookie).toMatch(/^kleis=.*; Path=\/kleis\/admin; /);
  const page = await kleis.request(entered.headers.get("location") ?? "", {
    headers: { cookie: cookie.split(";")[0] ?? "" },
  });
  expect(await page.text()).toContain(">Accounts</h1>");
});

test("a path that begins as one of Kleis's own is refused, since both are answered", async () => {
  const { app } = await startSeededKleis();
  const own = new Set(
    app.routes.map(({ path }) => path.split("/")[1] ?? "").filter((name) => /^\w/.test(name)),
  );
  expect(own.size).toBeGreaterThan(6);
  for (const name of own) {
    for (const path of [`/${name}`, `/${name}/more`]) {
      const result = readConfig({ ADMIN_TOKEN, ENCRYPTION_KEY: TEST_KEY, PUBLIC_URL: ORIGIN + path });
      expect([path, result.ok]).toEqual([path, false]);
    }
  }
  expect(readConfig({ ADMIN_TOKEN, ENCRYPTION_KEY: TEST_KEY, PUBLIC_URL: `${ORIGIN}/admins` }).ok).toBe(true);
});
