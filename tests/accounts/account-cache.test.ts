import { expect, test } from "vitest";
import { createAccountCache } from "../../src/accounts/account-cache.ts";
import { FRESH_MS } from "../../src/storage/read-cache.ts";
import { SealError } from "../../src/storage/seal.ts";
import { type TestRuntime, testRuntime } from "../support/runtime.ts";

async function connect(context: TestRuntime, id: string, accessToken: string) {
  return context.storage.accounts.save({
    id,
    provider: "claude",
    kind: "oauth",
    externalId: `ext-${id}`,
    label: id,
    metadata: {},
    expiresAt: null,
    accessToken,
    refreshToken: null,
    idToken: null,
    apiKey: null,
    now: context.clock.ms,
  });
}

test("a warm request asks no store, for the list or for secrets", async () => {
  const context = await testRuntime();
  await connect(context, "acc_1", "at-1");
  const accountCache = createAccountCache(context.runtime);
  await accountCache.list();
  await accountCache.secretsOf("acc_1");
  context.calls.length = 0;
  context.clock.ms += FRESH_MS - 1;
  expect(await accountCache.list()).toHaveLength(1);
  expect(await accountCache.get("acc_1")).toMatchObject({ label: "acc_1" });
  expect(await accountCache.secretsOf("acc_1")).toMatchObject({ accessToken: "at-1" });
  expect(context.calls).toEqual([]);
});

test("what another process changed is seen after ten seconds", async () => {
  const context = await testRuntime();
  await connect(context, "acc_1", "at-1");
  const accountCache = createAccountCache(context.runtime);
  await accountCache.list();
  await accountCache.secretsOf("acc_1");
  await connect(context, "acc_1", "at-2");
  await connect(context, "acc_2", "at-3");
  context.clock.ms += 10_000;
  expect((await accountCache.list()).map(({ id }) => id)).toEqual(["acc_1", "acc_2"]);
  expect(await accountCache.secretsOf("acc_1")).toMatchObject({ accessToken: "at-2" });
});

test("what this process changed is seen at once when it says so", async () => {
  const context = await testRuntime();
  await connect(context, "acc_1", "at-1");
  const accountCache = createAccountCache(context.runtime);
  await accountCache.list();
  await accountCache.secretsOf("acc_1");
  await connect(context, "acc_1", "at-2");
  await context.storage.accounts.update("acc_1", { label: "new" }, context.clock.ms);
  accountCache.forget("acc_1");
  expect(await accountCache.get("acc_1")).toMatchObject({ label: "new" });
  expect(await accountCache.secretsOf("acc_1")).toMatchObject({ accessToken: "at-2" });
  await connect(context, "acc_1", "at-3");
  accountCache.forget();
  expect(await accountCache.secretsOf("acc_1")).toMatchObject({ accessToken: "at-3" });
});

test("accounts stay usable while the database is away; what nobody remembers is storage_unavailable", async () => {
  const context = await testRuntime();
  await connect(context, "acc_1", "at-1");
  const accountCache = createAccountCache(context.runtime);
  await accountCache.list();
  await accountCache.secretsOf("acc_1");
  context.down = true;
  context.clock.ms += 3_600_000;
  expect(await accountCache.list()).toHaveLength(1);
  expect(await accountCache.secretsOf("acc_1")).toMatchObject({ accessToken: "at-1" });
  await expect(accountCache.secretsOf("acc_2")).rejects.toMatchObject({ code: "storage_unavailable" });
  await expect(createAccountCache(context.runtime).list()).rejects.toMatchObject({
    code: "storage_unavailable",
  });
});

test("an account that is not there has no secrets", async () => {
  const context = await testRuntime();
  const accountCache = createAccountCache(context.runtime);
  expect(await accountCache.get("acc_none")).toBeNull();
  expect(await accountCache.secretsOf("acc_none")).toBeNull();
});

test("an account sealed with a lost ENCRYPTION_KEY says so and names the way out", async () => {
  const context = await testRuntime();
  await connect(context, "acc_1", "at-1");
  const broken = {
    ...context.storage.accounts,
    open: () =>
      Promise.reject(
        new SealError(
          "does not open",
          { table: "provider_accounts", column: "x", row: "acc_1" },
          "unknown_key",
        ),
      ),
  };
  const accountCache = createAccountCache({
    ...context.runtime,
    storage: { ...context.runtime.storage, accounts: broken },
  });
  await expect(accountCache.secretsOf("acc_1")).rejects.toMatchObject({
    code: "account_needs_login",
    message: expect.stringContaining("ENCRYPTION_KEY"),
  });
});
