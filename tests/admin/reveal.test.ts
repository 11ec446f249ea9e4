/** A session's cookie goes to our own path, and shows a key only for a while after a log-in. */
import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { type Kleis, startKleis } from "../support/kleis.ts";
import { cookieOf } from "../support/requests.ts";
import { newAccount } from "../support/storage.ts";

const MINUTE = 60_000;

async function withKey() {
  const kleis = await startKleis();
  const account = { provider: "claude", kind: "api_key" as const, externalId: "console", metadata: {} };
  const none = { expiresAt: null, accessToken: null, refreshToken: null };
  await kleis.runtime.storage.accounts.save(newAccount({ ...account, ...none, apiKey: "planted-api-key" }));
  const cookie = await kleis.login();
  const made = await kleis.browse("/admin/keys", { cookie, json: {} });
  const { id, key } = (await made.json()) as { id: string; key: string };
  return { kleis, cookie, id, key };
}

/** Every way in which a session is shown a key. */
const WAYS = (id: string): [string, Record<string, string>][] => [
  [`/admin/page/keys/${id}/reveal`, {}],
  ["/admin/page/use", { key: id, agent: "claude-code" }],
  ["/admin/page/use/test", { key: id, agent: "claude-code", revealed: "1" }],
];

async function seen(kleis: Kleis, path: string, form: Record<string, string>, cookie: string) {
  const answer = await kleis.browse(path, { form, cookie });
  return { answer, status: answer.status, text: await answer.text() };
}

describe("a key", () => {
  test("is shown within ten minutes of a log-in, and not later", async () => {
    const { kleis, cookie, id, key } = await withKey();
    const api = () => kleis.browse(`/admin/keys/${id}/reveal`, { method: "POST", cookie });
    const shown = async () => {
      const pages = await Promise.all(
        WAYS(id)
          .slice(0, 2)
          .map(([path, form]) => seen(kleis, path, form, cookie)),
      );
      return [...pages.map(({ text }) => text.includes(key)), (await (await api()).text()).includes(key)];
    };
    expect(await shown()).toEqual([true, true, true]);
    kleis.clock.ms += 10 * MINUTE;
    expect(await shown()).toEqual([true, true, true]);
    kleis.clock.ms += 1;
    expect(await shown()).toEqual([false, false, false]);
    const late = await api();
    expect([late.status, await late.text()]).toEqual([401, expect.stringContaining("Log in again")]);
    const owner = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const byToken = await kleis.browse(`/admin/keys/${id}/reveal`, { method: "POST", headers: owner });
    expect(await byToken.text()).toContain(key);
    // Everything else goes on as before.
    expect((await kleis.browse("/admin/page/keys", { cookie })).status).toBe(200);
    expect((await seen(kleis, WAYS(id)[2]![0], WAYS(id)[2]![1], cookie)).text).not.toContain(key);
  });

  test("is asked for with the admin token, which goes on where it began and counts as a log-in", async () => {
    for (const way of [0, 1]) {
      const { kleis, cookie, id, key } = await withKey();
      const [path, form] = WAYS(id)[way]!;
      kleis.clock.ms += 11 * MINUTE;
      const asked = await seen(kleis, path, form, cookie);
      expect(asked.text).toContain("more than ten minutes ago");
      expect(asked.text).toContain(`action="${path}"`);
      for (const [name, value] of Object.entries(form))
        expect(asked.text).toContain(`<input type="hidden" name="${name}" value="${value}"/>`);
      const wrong = await seen(kleis, path, { ...form, token: "wrong-token-of-somebody" }, cookie);
      expect([wrong.status, wrong.text.includes(key), wrong.text.includes("not the admin token")]).toEqual([
        401,
        false,
        true,
      ]);
      const right = await seen(kleis, path, { ...form, token: ` ${ADMIN_TOKEN} ` }, cookie);
      expect(right.text).toContain(key);
      expect(right.text).not.toContain(ADMIN_TOKEN);
      const renewed = cookieOf(right.answer);
      expect((await seen(kleis, path, form, renewed)).text).toContain(key);
      expect((await seen(kleis, path, form, cookie)).text).not.toContain(key);
    }
  });

  test("tries at the token are slowed down as at the log-in", async () => {
    const { kleis, cookie, id } = await withKey();
    kleis.clock.ms += 11 * MINUTE;
    const statuses = [];
    for (let tries = 0; tries < 5; tries++) {
      const token = `wrong-token-of-somebody-${tries}`;
      statuses.push((await seen(kleis, `/admin/page/keys/${id}/reveal`, { token }, cookie)).status);
    }
    expect(statuses).toContain(429);
  });
});

test("over plain http the cookie goes to the admin page's path alone, and is taken from wherever it was", async () => {
  const kleis = await startKleis();
  const login = (base: string) => kleis.browse("/admin/login", { form: { token: ADMIN_TOKEN }, base });
  const plain = (await login("http://127.0.0.1:4747")).headers.getSetCookie();
  expect(plain).toEqual([expect.stringMatching(/^kleis=.+; Path=\/admin; HttpOnly; SameSite=Strict$/)]);
  const secure = (await login("https://127.0.0.1:4747")).headers.getSetCookie();
  expect(secure).toEqual([expect.stringMatching(/^__Host-kleis=.+; Path=\/; .*Secure;/)]);
  const out = await kleis.browse("/admin/logout", { method: "POST", cookie: await kleis.login() });
  const removed = out.headers.getSetCookie().map((cookie) => cookie.split("; ").slice(0, 3).join("; "));
  expect(removed).toEqual([
    "__Host-kleis=; Max-Age=0; Path=/",
    "kleis=; Max-Age=0; Path=/admin",
    "kleis=; Max-Age=0; Path=/",
  ]);
});
