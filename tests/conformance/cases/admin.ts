import { expect } from "vitest";
import { ADMIN_TOKEN } from "../../../harness/secrets.ts";
import { objectOf, objectsOf, stringOf } from "../../fakes/inspect.ts";
import type { Case } from "../case.ts";
import { request } from "../wire.ts";

const area = "admin";

export const cases: Case[] = [
  {
    area,
    name: "the admin API is for the admin token only",
    async run({ ask, key }) {
      for (const path of ["/admin/accounts", "/admin/keys"]) {
        for (const sent of [undefined, key, "wrong-admin-token-of-some-length"]) {
          const response = await ask(path, undefined, sent === undefined ? {} : { key: sent });
          expect(response.status, path).toBe(401);
          expect(await response.text()).toContain("admin_unauthorized");
        }
      }
    },
  },
  {
    area,
    name: "no list holds a secret",
    async run({ admin, key, fakes }) {
      const accounts = await admin("GET", "/admin/accounts");
      const keys = await admin("GET", "/admin/keys");
      expect(accounts.status).toBe(200);
      expect(keys.status).toBe(200);
      const known = [fakes.claude, fakes.codex, fakes.copilot].flatMap((fake) => fake.tokens.list());
      for (const { token } of known) expect(accounts.text.includes(token)).toBe(false);
      expect(keys.text.includes(key)).toBe(false);
    },
  },
  {
    area,
    name: "an account is imported from an agent's file, changed, made primary and removed",
    async run({ admin, fakes }) {
      const imported = await admin("POST", "/admin/accounts/import", { file: fakes.files().claude });
      expect(imported.status).toBe(201);
      const { id } = objectsOf(imported.body.accounts)[0] ?? {};
      const label = await admin("PATCH", `/admin/accounts/${String(id)}`, { label: "mine", enabled: false });
      expect(objectOf(label.body.account)).toMatchObject({ label: "mine", enabled: false });
      await admin("PATCH", `/admin/accounts/${String(id)}`, { enabled: true });
      const all = objectsOf((await admin("GET", "/admin/accounts")).body.accounts);
      const former = all.find(({ provider, primary }) => provider === "claude" && primary === true);
      const primary = await admin("POST", `/admin/accounts/${String(id)}/primary`);
      expect(objectOf(primary.body.account)).toMatchObject({ id, primary: true });
      const now = objectsOf((await admin("GET", "/admin/accounts")).body.accounts);
      expect(now.filter((each) => each.provider === "claude" && each.primary === true)).toHaveLength(1);
      await admin("POST", `/admin/accounts/${stringOf(former?.id)}/primary`);
      expect((await admin("DELETE", `/admin/accounts/${String(id)}`)).status).toBe(200);
      expect((await admin("DELETE", `/admin/accounts/${String(id)}`)).status).toBe(404);
    },
  },
  {
    area,
    name: "an account that is switched off is not used, at once",
    async run({ admin, ask, accounts }) {
      const { id, key } = accounts.claudeKey;
      const body = request("messages", "claude-sonnet-5", "off", false);
      await admin("PATCH", `/admin/accounts/${id}`, { enabled: false });
      const refused = await ask("/v1/messages", body, { key });
      await admin("PATCH", `/admin/accounts/${id}`, { enabled: true });
      expect([400, 403]).toContain(refused.status);
      expect(await refused.text()).toContain("error");
      const answered = await ask("/v1/messages", body, { key });
      expect(answered.status).toBe(200);
      await answered.text();
    },
  },
  {
    area,
    name: "a key is issued, listed, shown again and revoked",
    async run({ admin }) {
      const issued = await admin("POST", "/admin/keys", { label: "laptop", providers: ["claude"] });
      expect(issued.status).toBe(201);
      const id = stringOf(issued.body.id);
      expect(issued.body.key).toMatch(/^kleis_[\w-]{43}$/);
      const shown = await admin("POST", `/admin/keys/${id}/reveal`);
      expect(shown.body.key).toBe(issued.body.key);
      const revoked = await admin("POST", `/admin/keys/${id}/revoke`);
      expect(objectOf(revoked.body.key)).toMatchObject({ status: "revoked" });
      const listed = objectsOf((await admin("GET", "/admin/keys")).body.keys).find((each) => each.id === id);
      expect(listed).toMatchObject({ label: "laptop", status: "revoked", providers: ["claude"] });
    },
  },
  {
    area,
    name: "what is misspelt or unknown is refused in words",
    async run({ ask, admin }) {
      const misspelt = await admin("POST", "/admin/keys", { provider: ["claude"] });
      expect(misspelt.status).toBe(400);
      expect(misspelt.text).toContain("Unknown field provider");
      expect((await admin("POST", "/admin/accounts/import", { file: {} })).status).toBe(400);
      expect((await admin("POST", "/admin/keys/key_none/revoke")).status).toBe(404);
      const form = await ask("/admin/keys", "label=x", {
        headers: { "content-type": "application/x-www-form-urlencoded" },
      });
      expect(form.status).toBe(401);
      await form.text();
    },
  },
  {
    area,
    name: "a browser logs in, many at once, and out",
    async run({ url, ask }) {
      const headers = { origin: url, accept: "application/json" };
      const logins = await Promise.all(
        Array.from({ length: 8 }, () => ask("/admin/login", { token: ADMIN_TOKEN }, { headers })),
      );
      const cookies = logins.map((login) => login.headers.get("set-cookie")?.split(";")[0] ?? "");
      expect(logins.map(({ status }) => status)).toEqual(cookies.map(() => 200));
      const list = (cookie: string) => ask("/admin/accounts", undefined, { headers: { cookie } });
      const opened = await Promise.all(cookies.map(async (cookie) => (await list(cookie)).status));
      expect(opened).toEqual(cookies.map(() => 200));
      const [first = ""] = cookies;
      await ask("/admin/logout", {}, { headers: { ...headers, cookie: first } });
      expect((await list(first)).status).toBe(401);
      const wrong = await ask("/admin/login", { token: "not-the-token-at-all-0000" }, { headers });
      expect(wrong.status).toBe(401);
    },
  },
  {
    area,
    name: "the use of a key is noted",
    async run({ ask, admin, accounts }) {
      const { key } = accounts.copilot;
      const response = await ask("/v1/chat/completions", request("chat", "gpt-5-mini", "use", false), {
        key,
      });
      await response.text();
      const { body } = await admin("GET", "/admin/keys");
      const used = objectsOf(body.keys).find(({ prefix }) => key.startsWith(stringOf(prefix)));
      expect(Number(used?.last_used_at)).toBeGreaterThan(Date.now() - 60_000);
    },
  },
];
