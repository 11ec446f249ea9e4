/** What every page is sent with, and what no page ever holds. */
import { expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { type Kleis, startKleis } from "../support/kleis.ts";

const PAGES = [
  "/admin",
  "/admin/page/keys",
  "/admin/page/keys/new",
  "/admin/page/use",
  "/admin/page/models",
  "/admin/page/models/new",
  "/admin/page/live-checks",
  "/admin/page/import",
  "/admin/page/import?kind=api_key",
  "/admin/page/import?kind=tokens",
  "/admin/page/connect/claude",
  "/admin/page/connect/codex",
  "/admin/page/connect/copilot",
  "/admin/page/nothing",
];

test.each(PAGES)(
  "%s is kept by nobody, framed by nobody and runs nothing but our own script",
  async (path) => {
    const kleis = await startKleis();
    const cookie = await kleis.login();
    for (const wish of [{ cookie }, {}]) {
      const answer = await kleis.browse(path, wish);
      const { headers } = answer;
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("same-origin");
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toMatch(/^default-src 'none'; script-src 'nonce-([\w+/=]{24})'; style-src 'nonce-\1'; /);
      for (const part of [
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "connect-src 'self'",
      ]) {
        expect(policy).toContain(part);
      }
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      const page = await answer.text();
      if (answer.status === 303) continue;
      expect(page).toMatch(/^<!doctype html>/i);
      expect(page).not.toMatch(/\son\w+="|javascript:|<script(?! src="\/admin\/app\.js")|style="/i);
      expect(page.match(/(src|href|action)="(?!\/admin|#)[^"]*"/g)).toBeNull();
    }
  },
);

test("the address with a trailing slash redirects to the page", async () => {
  const answer = await (await startKleis()).browse("/admin/");
  expect([answer.status, answer.headers.get("location")]).toEqual([308, "/admin"]);
});

test("each answer has a nonce of its own", async () => {
  const kleis = await startKleis();
  const nonces = await Promise.all(
    Array.from({ length: 5 }, async () =>
      (await kleis.browse("/admin")).headers.get("content-security-policy"),
    ),
  );
  expect(new Set(nonces).size).toBe(5);
});

test("our own script and style are served with their types and asked for anew only when they changed", async () => {
  const kleis = await startKleis();
  for (const [path, type] of [
    ["/admin/app.js", "text/javascript; charset=utf-8"],
    ["/admin/app.css", "text/css; charset=utf-8"],
    ["/admin/icon.svg", "image/svg+xml"],
  ] as const) {
    const answer = await kleis.browse(path);
    expect(answer.headers.get("content-type")).toBe(type);
    expect((await answer.text()).length).toBeGreaterThan(100);
    const headers = { "if-none-match": answer.headers.get("etag") ?? "" };
    expect((await kleis.browse(path, { headers })).status).toBe(304);
  }
});

test("no page holds the admin token, a key or what opens an account, until a key is revealed", async () => {
  const kleis = await startKleis();
  const cookie = await kleis.login();
  const key = await plant(kleis);
  const stored = (await kleis.runtime.storage.keys.list({ limit: 1 }))?.entries[0];
  for (const path of [
    ...PAGES,
    `/admin/page/use?key=${stored?.id}`,
    `/admin/page/models?key=${stored?.id}`,
  ]) {
    const page = await (await kleis.browse(path, { cookie })).text();
    for (const secret of [ADMIN_TOKEN, key, "planted"]) expect(page).not.toContain(secret);
  }
  const revealed = await kleis.browse(`/admin/page/keys/${stored?.id}/reveal`, { method: "POST", cookie });
  expect(await revealed.text()).toContain(key);
  const filled = await kleis.browse("/admin/page/use", {
    cookie,
    form: { key: stored?.id ?? "", agent: "codex" },
  });
  expect(await filled.text()).toContain(`printf %s ${key}`);
  expect(kleis.log()).not.toMatch(/planted|kleis_/);
});

test("a refused import repeats nothing of what was sent", async () => {
  const kleis = await startKleis();
  const cookie = await kleis.login();
  const forms: Record<string, string>[] = [
    { kind: "file", text: '{"planted-secret": 1}' },
    { kind: "file", text: "planted-secret, not JSON" },
    { kind: "api_key", provider: "copilot", api_key: "planted-secret" },
    { kind: "tokens", provider: "nobody", access_token: "planted-secret", refresh_token: "planted-secret" },
  ];
  for (const form of forms) {
    const answer = await kleis.browse("/admin/page/import", { cookie, form });
    const page = await answer.text();
    expect(page).toContain("data-error");
    expect(page).not.toContain("planted-secret");
  }
});

test("an unreachable database is reported on the page, with the reason", async () => {
  const kleis = await startKleis();
  const cookie = await kleis.login();
  const { StorageError } = await import("../../src/storage/port.ts");
  kleis.runtime.storage.keys.list = () => Promise.reject(new StorageError("planted reason"));
  const answer = await kleis.browse("/admin/page/keys", { cookie });
  expect(answer.status).toBe(503);
  const page = await answer.text();
  expect(page).toContain("The database does not answer");
  expect(page).toContain("planted reason");
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
});

/** An account and a key; the key's text. */
async function plant(kleis: Kleis): Promise<string> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  await kleis.browse("/admin/accounts/import", {
    headers,
    json: { provider: "copilot", kind: "oauth", access_token: "gho_planted" },
  });
  const issued = await kleis.browse("/admin/keys", { headers, json: { label: "laptop" } });
  return String((await issued.json()).key);
}
