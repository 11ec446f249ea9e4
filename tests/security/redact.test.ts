/** The log's last net: whatever a careless line would print, no secret comes out. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { createRedactor } from "../../src/log/redact.ts";
import type { LogFields, Logger } from "../../src/runtime.ts";
import { observeSecrets } from "../../src/storage/secret-observer.ts";
import { newAccount, newKey, newStorage } from "../support/storage.ts";
import { startSeededKleis } from "./kleis.ts";

function caught() {
  const lines: string[] = [];
  const log = (event: string, fields?: LogFields) => void lines.push(JSON.stringify({ event, ...fields }));
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  return { lines, logger };
}

test("a known secret is hidden wherever it stands in a text, whatever it is made of", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 8, maxLength: 60 }),
      fc.string(),
      fc.string(),
      (secret, before, after) => {
        fc.pre(!"[hidden]…".includes(secret));
        const redactor = createRedactor();
        const { lines, logger } = caught();
        redactor.hold(secret);
        const text = `${before}${secret}${after}`;
        for (const level of ["debug", "info", "warn", "error"] as const) {
          redactor.wrap(logger)[level](text, { reason: text });
        }
        for (const line of lines) {
          const { event, reason } = JSON.parse(line) as { event: string; reason: string };
          expect(`${event}\n${reason}`.replaceAll("[hidden]", "\n")).not.toContain(secret);
        }
      },
    ),
  );
});

test("what looks like a credential is hidden without being known", () => {
  const { redact } = createRedactor();
  for (const secret of [
    `kleis_${"x".repeat(43)}`,
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    "sk-ant-oat01-abcdefghijklmnop",
    "gho_abcdefghijklmnop1234",
    "github_pat_abcdefghijklmnop1234",
    "Bearer abcdefghijkl",
  ]) {
    expect(redact(`failed: ${secret} (401)`), secret).toBe("failed: [hidden] (401)");
  }
  for (const plain of [
    "claude-sonnet-4-5-20250929",
    "req_abcdefghijklmnop",
    "/v1/messages",
    "upstream_unreachable",
  ]) {
    expect(redact(plain)).toBe(plain);
  }
});

test("a field of a telling name is hidden, and texts are bounded", () => {
  const { lines, logger } = caught();
  const fields = {
    access_token: "abc",
    set_cookie: "d",
    password: "e",
    model: "m".repeat(10_000),
    status: 200,
    key: "key_1",
  };
  createRedactor().wrap(logger).info("x", fields);
  const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  expect(line).toMatchObject({
    access_token: "[hidden]",
    set_cookie: "[hidden]",
    password: "[hidden]",
    status: 200,
    key: "key_1",
  });
  expect(String(line.model).length).toBeLessThan(500);
});

test("everything secret that passes the store becomes known, in and out", async () => {
  const { storage } = await newStorage();
  const heard = new Set<string | null | undefined>();
  const store = observeSecrets(storage, (secret) => heard.add(secret));
  await store.accounts.save(newAccount({ idToken: "id-planted", apiKey: "api-planted" }));
  await store.keys.insert(newKey());
  const secret = { verifier: "verifier-planted", approved: { code: "code-planted" }, intervalMs: 5 };
  await store.oauthStates.insert({
    state: "s",
    provider: "codex",
    mode: "device",
    secret,
    version: 0,
    createdAt: 1,
    expiresAt: 2,
  });
  for (const planted of ["access", "refresh", "id", "api"]) expect(heard).toContain(`${planted}-planted`);
  for (const planted of ["kleis_planted_k1", "discovery_planted_k1", "verifier-planted", "code-planted"])
    expect(heard).toContain(planted);
  await store.oauthStates.update("s", { granted: { accessToken: "granted-planted" } });
  expect(heard).toContain("granted-planted");
  heard.clear();
  await store.oauthStates.get("s");
  expect(heard).toContain("granted-planted");

  for (const read of [
    () => store.accounts.open("a1"),
    () => store.accounts.secrets("a1"),
    async () => {
      const found = await store.requests.read("hash-k1", { accounts: true, settings: [] });
      await found?.accounts?.sealed[0]?.open();
    },
    () => store.refreshes.read("a1"),
    () => store.refreshes.acquire("a1", { owner: "o", version: 0, leaseMs: 1 }),
  ]) {
    heard.clear();
    await read();
    expect(heard).toContain("refresh-planted");
  }
  const lease = { owner: "o", fence: 1, version: 0 };
  const fresh = {
    accessToken: "access-fresh",
    refreshToken: "refresh-fresh",
    idToken: null,
    apiKey: null,
    expiresAt: null,
    spentToken: null,
  };
  await store.refreshes.commit("a1", lease, fresh, {}, 1);
  expect(heard).toContain("refresh-fresh");
  await store.keys.reveal("k1");
  expect(heard).toContain("kleis_planted_k1");
});

test("every log goes through it: the app's own token comes out hidden", async () => {
  const kleis = await startSeededKleis();
  const broken = kleis.runtime.storage.accounts;
  broken.page = () => {
    const error = new Error("x");
    error.stack = `Error: x\n    at ${ADMIN_TOKEN} (src/part.ts:1:1)`;
    return Promise.reject(error);
  };
  await kleis.request("/admin/accounts", { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  const logged = kleis.log();
  expect(logged).toContain("admin_error");
  expect(logged).toContain("[hidden]");
  expect(logged).not.toContain(ADMIN_TOKEN);
});
