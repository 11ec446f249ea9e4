/** Who is let in, for how long, and from where. */
import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { startKleis } from "../support/kleis.ts";
import { cookieOf } from "../support/requests.ts";

const HOUR = 60 * 60_000;

describe("logging in", () => {
  test("gives a cookie that scripts and other sites do not get, and the page", async () => {
    const kleis = await startKleis();
    const answer = await kleis.browse("/admin/login", { form: { token: ADMIN_TOKEN } });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/admin");
    const cookie = answer.headers.getSetCookie();
    expect(cookie).toHaveLength(1);
    expect(cookie[0]).toMatch(/^kleis=[^;]+; Max-Age=\d+; Path=\/admin; HttpOnly; SameSite=Strict$/);
    expect(cookie[0]).not.toContain(ADMIN_TOKEN);
    const page = await kleis.browse("/admin", { cookie: cookieOf(answer) });
    expect(await page.text()).toContain('<h1 tabindex="-1">Accounts</h1>');
  });

  test.each([
    ["https itself", { base: "https://kleis.example" }],
    ["what ends TLS before Kleis", { base: "http://kleis.example", origin: "https://kleis.example" }],
  ])("over %s gives a cookie that is bound to the host and never sent in the clear", async (_name, wish) => {
    const kleis = await startKleis();
    const answer = await kleis.browse("/admin/login", { ...wish, form: { token: ADMIN_TOKEN } });
    expect(answer.headers.getSetCookie()[0]).toMatch(/^__Host-kleis=[^;]+; .*; Path=\/; .*; Secure;/);
    const page = await kleis.browse("/admin/page/keys", { ...wish, cookie: cookieOf(answer) });
    expect(page.status).toBe(200);
  });

  test("works the same with JSON", async () => {
    const kleis = await startKleis();
    const right = await kleis.browse("/admin/login", { json: { token: ADMIN_TOKEN } });
    expect(right.status).toBe(200);
    expect(await right.json()).toEqual({ expires_at: kleis.clock.ms + 12 * HOUR });
    const wrong = await kleis.browse("/admin/login", { json: { token: "no" } });
    expect(wrong.status).toBe(401);
    expect(await wrong.json()).toMatchObject({ error: { code: "admin_unauthorized" } });
  });

  test("leads on to the page that was asked for, and never anywhere else", async () => {
    const kleis = await startKleis();
    const asked = await kleis.browse("/admin/page/use?key=key_1&agent=codex");
    expect(asked.status).toBe(303);
    const login = await kleis.browse(asked.headers.get("location") ?? "");
    const next = /name="next" value="([^"]+)"/.exec(await login.text())?.[1]?.replaceAll("&amp;", "&");
    expect(next).toBe("/admin/page/use?key=key_1&agent=codex");
    const to = async (path: string) =>
      (await kleis.browse("/admin/login", { form: { token: ADMIN_TOKEN, next: path } })).headers.get(
        "location",
      );
    expect(await to(next ?? "")).toBe(next);
    for (const evil of [
      "//evil.example",
      "https://evil.example",
      "/admin/page//evil.example",
      "/v1",
      "\\\\x",
    ]) {
      expect(await to(evil)).toBe("/admin");
    }
  });

  test("reports a wrong token without repeating it anywhere", async () => {
    const kleis = await startKleis();
    const answer = await kleis.browse("/admin/login", { form: { token: "planted-wrong-token" } });
    expect(answer.status).toBe(401);
    const page = await answer.text();
    expect(page).toContain("This is not the admin token.");
    expect(page + kleis.log()).not.toContain("planted-wrong-token");
    expect(answer.headers.getSetCookie()).toEqual([]);
  });
});

describe("wrong tries", () => {
  test("cost nothing at first, then twice as long each, also when many come at once", async () => {
    const kleis = await startKleis();
    const attempt = async () => (await kleis.browse("/admin/login", { form: { token: "wrong" } })).status;
    const many = await Promise.all(Array.from({ length: 8 }, attempt));
    expect(many.filter((status) => status === 401)).toHaveLength(3);
    expect(many.filter((status) => status === 429)).toHaveLength(5);
    const waits: number[] = [];
    for (let turn = 0; turn < 9; turn++) {
      const refused = await kleis.browse("/admin/login", { form: { token: "wrong" } });
      const seconds = Number(refused.headers.get("retry-after"));
      waits.push(seconds);
      kleis.clock.ms += seconds * 1000;
      expect(await attempt()).toBe(401);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test("slow other processes down as well, and are forgotten once the right token came", async () => {
    const kleis = await startKleis();
    const beside = await kleis.another();
    for (let turn = 0; turn < 3; turn++) await kleis.browse("/admin/login", { form: { token: "wrong" } });
    const refused = await beside.browse("/admin/login", { form: { token: ADMIN_TOKEN } });
    expect(refused.status).toBe(429);
    expect(await refused.text()).toContain("Too many wrong attempts. Wait 1 s");
    kleis.clock.ms += 1000;
    expect((await beside.browse("/admin/login", { form: { token: ADMIN_TOKEN } })).status).toBe(303);
    expect((await kleis.browse("/admin/login", { form: { token: "wrong" } })).status).toBe(401);
    expect((await kleis.browse("/admin/login", { form: { token: ADMIN_TOKEN } })).status).toBe(303);
  });
});

describe("a session", () => {
  test("ends after twelve hours, and a browser that drops the cookie at its end still brings it to be told so", async () => {
    const kleis = await startKleis();
    const answer = await kleis.browse("/admin/login", { form: { token: ADMIN_TOKEN } });
    const [set = ""] = answer.headers.getSetCookie();
    const dropped = kleis.clock.ms + Number(/Max-Age=(\d+)/.exec(set)?.[1]) * 1000;
    const kept = () => (kleis.clock.ms < dropped ? { cookie: cookieOf(answer) } : {});
    kleis.clock.ms += 12 * HOUR - 1;
    expect((await kleis.browse("/admin/page/keys", kept())).status).toBe(200);
    for (const later of [1, 24 * HOUR]) {
      kleis.clock.ms += later;
      const sent = await kleis.browse("/admin/page/keys", kept());
      expect(sent.status).toBe(303);
      const login = await kleis.browse(sent.headers.get("location") ?? "", kept());
      expect(await login.text()).toContain("Your session has ended. Log in again.");
    }
    kleis.clock.ms = dropped;
    expect(await (await kleis.browse("/admin", kept())).text()).not.toContain("Your session has ended");
  });

  test("that has ended opens nothing, however long its cookie is kept", async () => {
    const kleis = await startKleis();
    const cookie = await kleis.login();
    kleis.clock.ms += 12 * HOUR - 1;
    expect((await kleis.browse("/admin/page/keys", { cookie })).status).toBe(200);
    kleis.clock.ms += 1;
    expect((await kleis.browse("/admin/page/keys", { cookie })).status).toBe(303);
    expect((await kleis.browse("/admin/keys", { cookie })).status).toBe(401);
  });

  test("dies with the admin token", async () => {
    const kleis = await startKleis();
    const cookie = await kleis.login();
    const other = await kleis.another({
      env: { ADMIN_TOKEN: "an0ther-t0ken_for-the.same-place" },
    });
    expect((await other.browse("/admin/page/keys", { cookie })).status).toBe(303);
    expect((await other.browse("/admin/accounts", { cookie })).status).toBe(401);
    expect((await kleis.browse("/admin/page/keys", { cookie })).status).toBe(200);
  });

  test("ends at log-out, for copies of the cookie too, and leaves other sessions alone", async () => {
    const kleis = await startKleis();
    const [cookie, other] = [await kleis.login(), await kleis.login()];
    const out = await kleis.browse("/admin/logout", { method: "POST", cookie });
    expect(out.status).toBe(303);
    expect(out.headers.getSetCookie().every((each) => each.includes("Max-Age=0"))).toBe(true);
    expect((await kleis.browse("/admin/page/keys", { cookie })).status).toBe(303);
    expect((await kleis.browse("/admin/page/keys", { cookie: other })).status).toBe(200);
  });

  test("cannot be made up, moved in time or given another name", async () => {
    const kleis = await startKleis();
    const cookie = await kleis.login();
    const [id = "", end = "", mac = ""] = cookie.replace("kleis=", "").split(".");
    // Another character than the random one that stands there.
    const changed = (text: string) => (text.startsWith("x") ? "y" : "x") + text.slice(1);
    const forged = [
      `kleis=${id}.${Number(end) + HOUR}.${mac}`,
      `kleis=${changed(id)}.${end}.${mac}`,
      `kleis=${id}.${end}.${changed(mac)}`,
      `kleis=${id}.${end}.`,
      `kleis=${id}.${end}`,
      "kleis=",
      `session=${id}.${end}.${mac}`,
    ];
    for (const each of forged) {
      expect((await kleis.browse("/admin/page/keys", { cookie: each })).status, each).toBe(303);
      expect((await kleis.browse("/admin/keys", { cookie: each })).status, each).toBe(401);
    }
  });

  test("opens the JSON API; changes there are taken from our own page alone", async () => {
    const kleis = await startKleis();
    const cookie = await kleis.login();
    expect((await kleis.browse("/admin/keys", { cookie })).status).toBe(200);
    const create = (wish: object) => kleis.browse("/admin/keys", { cookie, json: { label: "x" }, ...wish });
    expect((await create({})).status).toBe(201);
    expect((await create({ site: "same-origin" })).status).toBe(201);
    for (const wish of [
      { origin: null },
      { origin: "null" },
      { origin: "https://evil.example" },
      { origin: "http://127.0.0.1:4748" },
      { site: "cross-site" },
      { site: "same-site" },
      { site: "none" },
    ]) {
      expect((await create(wish)).status, JSON.stringify(wish)).toBe(401);
    }
    expect((await kleis.runtime.storage.keys.list({ limit: 10 }))?.entries).toHaveLength(2);
  });
});

describe("a form of another site", () => {
  const elsewhere = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: null },
    { site: "cross-site" },
    { site: "same-site" },
  ];

  test.each([
    "/admin/page/keys",
    "/admin/page/accounts/acc_1/remove",
    "/admin/page/import",
    "/admin/page/models",
    "/admin/page/live-checks",
    "/admin/page/use/test",
    "/admin/page/connect/claude/start",
    "/admin/logout",
  ])("changes nothing at %s", async (path) => {
    const kleis = await startKleis();
    const cookie = await kleis.login();
    for (const wish of elsewhere) {
      const answer = await kleis.browse(path, { ...wish, cookie, form: { label: "planted" } });
      expect(answer.status, JSON.stringify(wish)).toBe(403);
      expect(await answer.text()).toContain("This did not come from here");
    }
    expect((await kleis.runtime.storage.keys.list({ limit: 10 }))?.entries).toEqual([]);
    expect((await kleis.browse("/admin/page/keys", { cookie })).status).toBe(200);
  });

  test("cannot log anybody in", async () => {
    const kleis = await startKleis();
    for (const wish of elsewhere) {
      const answer = await kleis.browse("/admin/login", { ...wish, form: { token: ADMIN_TOKEN } });
      expect(answer.status).toBe(403);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
  });

  test("is bound to PUBLIC_URL where that is set", async () => {
    const kleis = await startKleis({ env: { PUBLIC_URL: "https://kleis.example" } });
    const form = { token: ADMIN_TOKEN };
    expect((await kleis.browse("/admin/login", { form, origin: "https://kleis.example" })).status).toBe(303);
    expect((await kleis.browse("/admin/login", { form, origin: "https://other.example" })).status).toBe(403);
  });
});
