import { expect, test } from "vitest";
import { KEY_REJECTED, NOT_CHECKED } from "../../src/accounts/credential-rejection.ts";
import { type AccountImport, importAccounts } from "../../src/accounts/import.ts";
import { accountView } from "../../src/accounts/view.ts";
import { sha256Hex } from "../../src/bytes.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { type TestRuntime, testRuntime } from "../support/runtime.ts";

const run = async (context: TestRuntime, input: AccountImport, providers = PROVIDERS) =>
  (await importAccounts(context.runtime, providers, input)).accounts;

/** An unsigned JWT with these claims. */
function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.c2ln`;
}

const CODEX_TOKEN = jwt({
  exp: 1_791_000_000,
  email: "owner@example.org",
  "https://api.openai.com/auth": { chatgpt_account_id: "acc-uuid", chatgpt_plan_type: "plus" },
});

const claudeTokens = (refreshToken: string, label?: string): AccountImport => ({
  provider: "claude",
  account: {
    kind: "oauth",
    accessToken: "sk-ant-oat01-AAA",
    refreshToken,
    ...(label === undefined ? {} : { label }),
  },
});

test("tokens become an account whose secrets are stored and whose first of its provider is primary", async () => {
  const context = await testRuntime();
  const [first] = await run(context, claudeTokens("sk-ant-ort01-ONE"));
  const [second] = await run(context, claudeTokens("sk-ant-ort01-TWO"));
  expect(first).toMatchObject({ provider: "claude", kind: "oauth", primary: true, status: "active" });
  expect(first?.id).toMatch(/^acc_[A-Za-z0-9_-]{16}$/);
  expect(second).toMatchObject({ primary: false });
  expect(await context.storage.accounts.secrets(first?.id ?? "")).toMatchObject({
    accessToken: "sk-ant-oat01-AAA",
    refreshToken: "sk-ant-ort01-ONE",
  });
});

test("an account that does not say who it is goes by a fingerprint of its longest-lived secret", async () => {
  const context = await testRuntime();
  const [oauth] = await run(context, claudeTokens("sk-ant-ort01-ONE"));
  const [key] = await run(context, {
    provider: "claude",
    account: { kind: "api_key", apiKey: "sk-ant-api03-KEY" },
  });
  expect(oauth?.externalId).toBe(`fp_${(await sha256Hex("sk-ant-ort01-ONE")).slice(0, 32)}`);
  expect(key?.externalId).toBe(`fp_${(await sha256Hex("sk-ant-api03-KEY")).slice(0, 32)}`);
});

test("a primary whose key is refused gives way to what is imported next, and only then", async () => {
  const context = await testRuntime();
  const { accounts } = context.storage;
  const key = (apiKey: string): AccountImport => ({
    provider: "claude",
    account: { kind: "api_key", apiKey, label: apiKey },
  });
  const primary = async () => (await accounts.list()).filter((each) => each.primary).map(({ id }) => id);
  const [first] = await run(context, key("sk-ant-api03-ONE"));
  const [second] = await run(context, key("sk-ant-api03-TWO"));
  expect([second?.primary, await primary()]).toEqual([false, [first?.id]]);

  await accounts.changeReason(first?.id ?? "", { version: 0, from: NOT_CHECKED, to: KEY_REJECTED });
  const [third] = await run(context, key("sk-ant-api03-THREE"));
  expect(third).toMatchObject({ primary: true, label: "sk-ant-api03-THREE" });
  expect(await primary()).toEqual([third?.id]);

  await accounts.changeReason(third?.id ?? "", { version: 0, from: NOT_CHECKED, to: KEY_REJECTED });
  await accounts.update(second?.id ?? "", { enabled: false }, context.clock.ms);
  expect(await run(context, key("sk-ant-api03-TWO"))).toMatchObject([{ enabled: false, primary: false }]);
  expect(await run(context, key("sk-ant-api03-THREE"))).toMatchObject([
    { primary: true, statusReason: NOT_CHECKED },
  ]);
});

test("importing the same again updates it in place and keeps the label that its owner gave", async () => {
  const context = await testRuntime();
  const codex: AccountImport = { file: { tokens: { access_token: CODEX_TOKEN, refresh_token: "rt-1" } } };
  const [before] = await run(context, codex);
  await context.storage.accounts.update(before?.id ?? "", { label: "mine" }, context.clock.ms);
  context.clock.ms += 1_000;
  const [after] = await run(context, {
    file: { tokens: { access_token: CODEX_TOKEN, refresh_token: "rt-2" } },
  });
  expect(after).toMatchObject({ id: before?.id, label: "mine", createdAt: before?.createdAt });
  expect(await context.storage.accounts.list()).toHaveLength(1);
  expect(await context.storage.accounts.secrets(before?.id ?? "")).toMatchObject({ refreshToken: "rt-2" });
});

test("a label that comes with the import is taken, also for an account that is there", async () => {
  const context = await testRuntime();
  const [before] = await run(context, claudeTokens("sk-ant-ort01-ONE", "first"));
  const [after] = await run(context, claudeTokens("sk-ant-ort01-ONE", "second"));
  expect([before?.label, after?.label]).toEqual(["first", "second"]);
  expect(await context.storage.accounts.list()).toMatchObject([{ label: "second" }]);
});

test("without a label an account is called by its provider and kind, or by whom it belongs to", async () => {
  const context = await testRuntime();
  const claude = PROVIDERS.find(({ id }) => id === "claude");
  const [oauth] = await run(context, claudeTokens("sk-ant-ort01-ONE"));
  const [key] = await run(context, {
    provider: "claude",
    account: { kind: "api_key", apiKey: "sk-ant-api03-KEY" },
  });
  expect([oauth?.label, key?.label]).toEqual([`${claude?.name} sign-in`, `${claude?.name} API key`]);

  const known = PROVIDERS.map((provider) => ({
    ...provider,
    importFile: () =>
      provider.id === "claude"
        ? [
            {
              name: "known",
              read: () => ({
                provider: "claude",
                kind: "oauth" as const,
                externalId: "u-1",
                metadata: { login: "octo", email: "me@example.com" },
                expiresAt: null,
                accessToken: "at",
                refreshToken: null,
                idToken: null,
                apiKey: null,
              }),
            },
          ]
        : [],
  }));
  const [named] = await run(context, { file: {} }, known);
  expect(named?.label).toBe(`${claude?.name} me@example.com`);
});

test("an OpenCode auth.json brings in every account that it holds", async () => {
  const context = await testRuntime();
  const accounts = await run(context, {
    file: {
      anthropic: {
        type: "oauth",
        access: "sk-ant-oat01-AAA",
        refresh: "sk-ant-ort01-BBB",
        expires: 1_790_000_000_000,
      },
      openai: { type: "oauth", access: CODEX_TOKEN, refresh: "rt-1", expires: 1_790_000_000_000 },
      "github-copilot": { type: "oauth", access: "gho_abc", refresh: "gho_abc", expires: 0 },
    },
  });
  expect(accounts.map(({ provider }) => provider).sort()).toEqual(["claude", "codex", "copilot"]);
  expect(accounts.every(({ primary }) => primary)).toBe(true);
});

test("a Claude .credentials.json is recognised", async () => {
  const context = await testRuntime();
  const oauth = {
    accessToken: "sk-ant-oat01-AAA",
    refreshToken: "sk-ant-ort01-BBB",
    expiresAt: 1_790_000_000_000,
  };
  expect(await run(context, { file: { claudeAiOauth: oauth } })).toMatchObject([
    { provider: "claude", kind: "oauth" },
  ]);
});

test("an unknown file is refused with a list of the known ones, and nothing is stored", async () => {
  const context = await testRuntime();
  await expect(run(context, { file: { hello: "sk-secret" } })).rejects.toMatchObject({
    code: "invalid_request",
    param: "file",
    message: expect.stringMatching(/OpenCode.*Codex.*\.credentials\.json/),
  });
  expect(await context.storage.accounts.list()).toEqual([]);
});

test("an unknown provider and a kind that the provider has not are refused with what is known", async () => {
  const context = await testRuntime();
  const account = { kind: "api_key", apiKey: "k" } as const;
  await expect(run(context, { provider: "gemini", account })).rejects.toMatchObject({
    param: "provider",
    message: expect.stringContaining("claude"),
  });
  await expect(run(context, { provider: "copilot", account })).rejects.toMatchObject({
    param: "kind",
    message: expect.stringContaining("oauth"),
  });
});

test("material with neither token nor key is refused", async () => {
  const context = await testRuntime();
  for (const { id } of PROVIDERS) {
    await expect(run(context, { provider: id, account: { kind: "oauth" } })).rejects.toMatchObject({
      code: "invalid_request",
    });
  }
});

test("an account as it is shown holds no secret and no metadata that was not allowed", async () => {
  const context = await testRuntime();
  const [account] = await run(context, claudeTokens("sk-ant-ort01-ONE"));
  if (account === undefined) throw new Error("nothing was imported");
  const metadata = { email: "me@example.com", plan: "max", host: { nested: "x" }, device_code: "hidden" };
  const shown = accountView({ ...account, metadata }, PROVIDERS);
  expect(shown.metadata).toEqual({ email: "me@example.com", plan: "max" });
  expect(Object.keys(shown).sort()).toEqual(
    [
      ..."id provider kind external_id label enabled primary rank status status_reason metadata expires_at".split(
        " ",
      ),
      ..."last_refresh_at last_refresh_status last_refresh_error last_refusal created_at updated_at".split(
        " ",
      ),
    ].sort(),
  );
  expect(JSON.stringify(shown)).not.toContain("sk-ant");
});
