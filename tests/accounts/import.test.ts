import { expect, test } from "vitest";
import { KEY_REJECTED, NOT_CHECKED } from "../../src/accounts/credential-rejection.ts";
import { type AccountImport, importAccounts } from "../../src/accounts/import.ts";
import { accountView } from "../../src/accounts/view.ts";
import { sha256Hex } from "../../src/bytes.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { createWorld, type World } from "../keys/world.ts";

const run = async (world: World, input: AccountImport, providers = PROVIDERS) =>
  (await importAccounts(world.runtime, providers, input)).accounts;

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
  const world = await createWorld();
  const [first] = await run(world, claudeTokens("sk-ant-ort01-ONE"));
  const [second] = await run(world, claudeTokens("sk-ant-ort01-TWO"));
  expect(first).toMatchObject({ provider: "claude", kind: "oauth", primary: true, status: "active" });
  expect(first?.id).toMatch(/^acc_[A-Za-z0-9_-]{16}$/);
  expect(second).toMatchObject({ primary: false });
  expect(await world.storage.accounts.secrets(first?.id ?? "")).toMatchObject({
    accessToken: "sk-ant-oat01-AAA",
    refreshToken: "sk-ant-ort01-ONE",
  });
});

test("an account that does not say who it is goes by a fingerprint of its longest-lived secret", async () => {
  const world = await createWorld();
  const [oauth] = await run(world, claudeTokens("sk-ant-ort01-ONE"));
  const [key] = await run(world, {
    provider: "claude",
    account: { kind: "api_key", apiKey: "sk-ant-api03-KEY" },
  });
  expect(oauth?.externalId).toBe(`fp_${(await sha256Hex("sk-ant-ort01-ONE")).slice(0, 32)}`);
  expect(key?.externalId).toBe(`fp_${(await sha256Hex("sk-ant-api03-KEY")).slice(0, 32)}`);
});

test("a primary whose key is refused gives way to what is imported next, and only then", async () => {
  const world = await createWorld();
  const { accounts } = world.storage;
  const key = (apiKey: string): AccountImport => ({
    provider: "claude",
    account: { kind: "api_key", apiKey, label: apiKey },
  });
  const primary = async () => (await accounts.list()).filter((each) => each.primary).map(({ id }) => id);
  const [first] = await run(world, key("sk-ant-api03-ONE"));
  const [second] = await run(world, key("sk-ant-api03-TWO"));
  expect([second?.primary, await primary()]).toEqual([false, [first?.id]]);

  await accounts.changeReason(first?.id ?? "", { version: 0, from: NOT_CHECKED, to: KEY_REJECTED });
  const [third] = await run(world, key("sk-ant-api03-THREE"));
  expect(third).toMatchObject({ primary: true, label: "sk-ant-api03-THREE" });
  expect(await primary()).toEqual([third?.id]);

  await accounts.changeReason(third?.id ?? "", { version: 0, from: NOT_CHECKED, to: KEY_REJECTED });
  await accounts.update(second?.id ?? "", { enabled: false }, world.clock.ms);
  expect(await run(world, key("sk-ant-api03-TWO"))).toMatchObject([{ enabled: false, primary: false }]);
  expect(await run(world, key("sk-ant-api03-THREE"))).toMatchObject([
    { primary: true, statusReason: NOT_CHECKED },
  ]);
});

test("importing the same again updates it in place and keeps the label that its owner gave", async () => {
  const world = await createWorld();
  const codex: AccountImport = { file: { tokens: { access_token: CODEX_TOKEN, refresh_token: "rt-1" } } };
  const [before] = await run(world, codex);
  await world.storage.accounts.update(before?.id ?? "", { label: "mine" }, world.clock.ms);
  world.clock.ms += 1_000;
  const [after] = await run(world, {
    file: { tokens: { access_token: CODEX_TOKEN, refresh_token: "rt-2" } },
  });
  expect(after).toMatchObject({ id: before?.id, label: "mine", createdAt: before?.createdAt });
  expect(await world.storage.accounts.list()).toHaveLength(1);
  expect(await world.storage.accounts.secrets(before?.id ?? "")).toMatchObject({ refreshToken: "rt-2" });
});

test("a label that comes with the import is taken, also for an account that is there", async () => {
  const world = await createWorld();
  const [before] = await run(world, claudeTokens("sk-ant-ort01-ONE", "first"));
  const [after] = await run(world, claudeTokens("sk-ant-ort01-ONE", "second"));
  expect([before?.label, after?.label]).toEqual(["first", "second"]);
  expect(await world.storage.accounts.list()).toMatchObject([{ label: "second" }]);
});

test("without a label an account is called by its provider and kind, or by whom it belongs to", async () => {
  const world = await createWorld();
  const claude = PROVIDERS.find(({ id }) => id === "claude");
  const [oauth] = await run(world, claudeTokens("sk-ant-ort01-ONE"));
  const [key] = await run(world, {
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
  const [named] = await run(world, { file: {} }, known);
  expect(named?.label).toBe(`${claude?.name} me@example.com`);
});

test("an OpenCode auth.json brings in every account that it holds", async () => {
  const world = await createWorld();
  const accounts = await run(world, {
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
  const world = await createWorld();
  const oauth = {
    accessToken: "sk-ant-oat01-AAA",
    refreshToken: "sk-ant-ort01-BBB",
    expiresAt: 1_790_000_000_000,
  };
  expect(await run(world, { file: { claudeAiOauth: oauth } })).toMatchObject([
    { provider: "claude", kind: "oauth" },
  ]);
});

test("a file that nobody knows is refused with the files that are known, and nothing is stored", async () => {
  const world = await createWorld();
  await expect(run(world, { file: { hello: "sk-secret" } })).rejects.toMatchObject({
    code: "invalid_request",
    param: "file",
    message: expect.stringMatching(/OpenCode.*Codex.*\.credentials\.json/),
  });
  expect(await world.storage.accounts.list()).toEqual([]);
});

test("an unknown provider and a kind that the provider has not are refused with what is known", async () => {
  const world = await createWorld();
  const account = { kind: "api_key", apiKey: "k" } as const;
  await expect(run(world, { provider: "gemini", account })).rejects.toMatchObject({
    param: "provider",
    message: expect.stringContaining("claude"),
  });
  await expect(run(world, { provider: "copilot", account })).rejects.toMatchObject({
    param: "kind",
    message: expect.stringContaining("oauth"),
  });
});

test("material with neither token nor key is refused", async () => {
  const world = await createWorld();
  for (const { id } of PROVIDERS) {
    await expect(run(world, { provider: id, account: { kind: "oauth" } })).rejects.toMatchObject({
      code: "invalid_request",
    });
  }
});

test("an account as it is shown holds no secret and no metadata that was not allowed", async () => {
  const world = await createWorld();
  const [account] = await run(world, claudeTokens("sk-ant-ort01-ONE"));
  if (account === undefined) throw new Error("nothing was imported");
  const metadata = { email: "me@example.com", plan: "max", host: { nested: "x" }, device_code: "hidden" };
  const shown = accountView({ ...account, metadata });
  expect(shown.metadata).toEqual({ email: "me@example.com", plan: "max" });
  expect(Object.keys(shown).sort()).toEqual(
    [
      ..."id provider kind external_id label enabled primary status status_reason metadata expires_at".split(
        " ",
      ),
      ..."last_refresh_at last_refresh_status last_refresh_error last_refusal created_at updated_at".split(
        " ",
      ),
    ].sort(),
  );
  expect(JSON.stringify(shown)).not.toContain("sk-ant");
});
