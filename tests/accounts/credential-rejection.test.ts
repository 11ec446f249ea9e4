/** A key that its provider refuses: what its owner is told, what that costs, and that it is taken back. */
import { describe, expect, test } from "vitest";
import { createAccountCache } from "../../src/accounts/account-cache.ts";
import { KEY_REJECTED, watchRejections } from "../../src/accounts/credential-rejection.ts";
import { type CountedProcess, issue, openProcesses } from "../path/processes.ts";
import { isRead, type RoundTrip } from "../support/counted-client.ts";
import { testRuntime } from "../support/runtime.ts";
import { newAccount } from "../support/storage.ts";

const MINUTE = 60_000;

async function withKey(provider: "claude" | "codex" = "claude") {
  const processes = await openProcesses();
  const process = await processes.process();
  const fake = processes.fakes[provider];
  const api_key = fake.issueApiKey();
  const material = { provider, kind: "api_key", api_key };
  const connect = () => process.own<{ accounts: { id: string }[] }>("POST", "/accounts/import", material);
  const id = (await connect()).accounts[0]?.id ?? "";
  const { key } = await issue(process);
  const ask = async () => {
    const answer = await process.post(provider === "claude" ? "messages" : "responses", key);
    await answer.text();
    await process.settled();
    return answer.status;
  };
  return {
    ...{ processes, process, fake, id, ask, connect },
    revoke: () => fake.revoke(api_key),
    answersWith: (scenario?: "error:401" | "error:429") => fake.always(scenario),
    reason: async () => (await process.storage.accounts.get(id))?.statusReason,
    /** The writes of accounts since the last time that this was asked, and the reads of anything. */
    spent: () => spentBy(process),
  };
}

function spentBy(process: CountedProcess) {
  const trips = process.trips.splice(0);
  return { writes: trips.filter(isOfAccount).length, reads: trips.filter(isRead).length };
}

const isOfAccount = ({ statements }: RoundTrip): boolean =>
  statements.some((sql) => sql.startsWith('update "provider_accounts"'));

describe.each(["claude", "codex"] as const)("an API key that %s does not take any more", (provider) => {
  test("is said to be refused beside its account, and requests go on trying it", async () => {
    const { process, fake, id, ask, revoke } = await withKey(provider);
    expect(await ask()).toBe(200);
    revoke();
    expect(await ask()).toBe(401);
    const { accounts } = await process.own<{ accounts: object[] }>("GET", "/accounts");
    expect(accounts).toMatchObject([{ id, status: "active", enabled: true, status_reason: KEY_REJECTED }]);
    expect(await ask()).toBe(401);
    expect(fake.requests.filter(({ method }) => method === "POST")).toHaveLength(3);
  });
});

test("a refusal is written once, however many requests meet it, and keeps them warm", async () => {
  const { ask, answersWith, reason, spent } = await withKey();
  await ask();
  spent();
  answersWith("error:401");
  await Promise.all([ask(), ask(), ask()]);
  expect(await ask()).toBe(401);
  expect(spent()).toEqual({ writes: 1, reads: 0 });
  expect(await reason()).toBe(KEY_REJECTED);
});

test("it is taken back by the first request that succeeds, in one write, and by no other answer", async () => {
  const { ask, answersWith, reason, spent } = await withKey();
  answersWith("error:401");
  await ask();
  answersWith("error:429");
  await ask();
  expect(await reason()).toBe(KEY_REJECTED);
  answersWith();
  spent();
  expect(await ask()).toBe(200);
  expect(await reason()).toBeNull();
  await ask();
  expect(spent()).toMatchObject({ writes: 1 });
});

test("it is cleared when the key is imported again", async () => {
  const { process, ask, answersWith, reason, connect, id } = await withKey();
  answersWith("error:401");
  await ask();
  process.clock.ms += 1;
  expect((await connect()).accounts).toMatchObject([{ id, status_reason: null }]);
  expect(await reason()).toBeNull();
  // And said again at once when it is refused again.
  await ask();
  expect(await reason()).toBe(KEY_REJECTED);
});

test("a key that is refused for every other request is not written about each time", async () => {
  const { process, ask, answersWith, reason, spent } = await withKey();
  await ask();
  spent();
  for (let round = 0; round < 4; round++) {
    answersWith("error:401");
    await ask();
    answersWith();
    await ask();
  }
  expect(spent()).toMatchObject({ writes: 2 });
  process.clock.ms += MINUTE;
  answersWith("error:401");
  await ask();
  expect(await reason()).toBe(KEY_REJECTED);
});

test("another process does not write the same status again", async () => {
  const { processes, ask, answersWith, process, reason } = await withKey();
  const { key } = await issue(process);
  const other = await processes.process();
  await (await other.post("messages", key)).text();
  answersWith("error:401");
  await ask();
  await (await other.post("messages", key)).text();
  await other.settled();
  expect(other.trips.filter(isOfAccount)).toMatchObject([{ rows: [0] }]);
  expect(await reason()).toBe(KEY_REJECTED);
});

test("a sign-in is renewed, and never said to be a refused key", async () => {
  const { processes, process, key } = await signedIn();
  processes.fakes.claude.always("error:401");
  expect((await process.post("messages", key)).status).toBe(401);
  await process.settled();
  expect(await process.storage.accounts.list()).toMatchObject([{ status: "active", statusReason: null }]);
});

async function signedIn() {
  const processes = await openProcesses();
  const process = await processes.process();
  const { accessToken, refreshToken, expiresAt } = processes.fakes.claude.issueTokens();
  await process.own("POST", "/accounts/import", {
    provider: "claude",
    kind: "oauth",
    access_token: accessToken,
    refresh_token: refreshToken,
    expires_at: expiresAt,
  });
  return { processes, process, ...(await issue(process)) };
}

describe("what is not written", () => {
  async function watched() {
    const context = await testRuntime();
    const apiKey = { kind: "api_key", accessToken: null, refreshToken: null, expiresAt: null } as const;
    const account = await context.storage.accounts.save(newAccount({ ...apiKey, apiKey: "key-1" }));
    const accountCache = createAccountCache(context.runtime);
    const answered = watchRejections(context.runtime, accountCache, () => false);
    const reason = async () => (await context.storage.accounts.get(account.id))?.statusReason;
    return { context, apiKey, account, answered, reason };
  }

  test("the refusal of a key that another has replaced meanwhile", async () => {
    const { context, apiKey, account, answered, reason } = await watched();
    await context.storage.accounts.save(newAccount({ ...apiKey, apiKey: "key-2" }));
    answered(account, { kind: "api_key", token: "key-1" }, 401);
    await context.settled();
    expect(await reason()).toBeNull();
    expect(context.calls).not.toContain("accounts.changeReason");
  });

  test("anything while the store is away; the log says so, and a minute later it is tried again", async () => {
    const { context, account, answered, reason } = await watched();
    const refuse = async () => {
      answered(account, { kind: "api_key", token: "key-1" }, 401);
      await context.settled();
    };
    context.down = true;
    await refuse();
    const noted = context.logged.filter(({ event }) => event === "refusal_not_noted");
    expect(noted).toMatchObject([{ fields: { account: account.id } }]);
    context.down = false;
    await refuse();
    expect(await reason()).toBeNull();
    context.clock.ms += MINUTE;
    await refuse();
    expect(await reason()).toBe(KEY_REJECTED);
  });
});
