/** The note of an account's last refusal: known at once, written behind requests, rarely, and never lost to a later reader. */
import { expect, test } from "vitest";
import { createAccountCache } from "../../src/accounts/account-cache.ts";
import { createLastRefusals } from "../../src/accounts/last-refusals.ts";
import type { RefusalNote } from "../../src/storage/port.ts";
import { testRuntime } from "../support/runtime.ts";

const MINUTE = 60_000;

async function noted() {
  const context = await testRuntime();
  const account = await context.storage.accounts.save({
    id: "acc_1",
    provider: "codex",
    kind: "oauth",
    externalId: "owner",
    label: "Codex",
    metadata: {},
    expiresAt: null,
    now: context.clock.ms,
    accessToken: "access-1",
    refreshToken: "refresh-1",
    idToken: null,
    apiKey: null,
  });
  /** A process over the same store, with what it remembers. */
  const process = () => {
    const accountCache = createAccountCache(context.runtime);
    const refusals = createLastRefusals(context.runtime, accountCache);
    const known = async () => {
      const found = await accountCache.get(account.id);
      if (found === null) throw new Error("the account is gone");
      return found;
    };
    return {
      refusals,
      accountCache,
      known,
      refused: async (change: Partial<RefusalNote> = {}) => refusals.refused(await known(), note(change)),
      succeeded: async (model = "gpt-5.5", counts = false, since = context.clock.ms) =>
        refusals.succeeded(await known(), { model, counts, since }),
    };
  };
  const note = (change: Partial<RefusalNote> = {}): RefusalNote => ({
    class: "version_gate",
    scope: "model",
    model: "gpt-5.5",
    counts: false,
    words: "No.",
    advice: "Update.",
    at: context.clock.ms,
    ...change,
  });
  const stored = async () => (await context.storage.accounts.get(account.id))?.lastRefusal ?? null;
  const writes = () => context.calls.splice(0).filter((call) => call === "accounts.noteRefusal").length;
  return { context, process, note, stored, writes };
}

test("it is known at once here, is stored behind the request, and changes nothing else of the account", async () => {
  const { context, process, note, stored } = await noted();
  const one = process();
  const before = await one.known();
  await one.refused();
  expect((await one.known()).lastRefusal).toEqual(note());
  await context.settled();
  expect(await stored()).toEqual(note());
  expect(await process().known()).toEqual({ ...before, lastRefusal: note() });
});

test.each([
  ["the same model", { scope: "model" }, "gpt-5.5", false, true],
  ["another model", { scope: "model" }, "gpt-5.4", false, false],
  ["another model, where the request was at fault", { scope: "request" }, "gpt-5.4", false, false],
  ["another model, where the account was refused", { scope: "account" }, "gpt-5.4", false, true],
  ["a count of tokens, where answers were refused", { scope: "account" }, "gpt-5.5", true, false],
  ["an answer, where counts were refused", { scope: "account", counts: true }, "gpt-5.5", false, false],
  ["a count of tokens, where the network refused", { scope: "route" }, "gpt-5.4", true, true],
] as const)("a success takes it back: %s", async (_name, change, model, counts, isCleared) => {
  const { context, process, stored } = await noted();
  const one = process();
  await one.refused(change);
  await one.succeeded(model, counts);
  await context.settled();
  expect(await stored()).toEqual(isCleared ? null : expect.objectContaining(change));
  expect((await one.known()).lastRefusal === null).toBe(isCleared);
});

test("a request that began before it was refused takes nothing back, whenever it ends", async () => {
  const { context, process, stored } = await noted();
  const one = process();
  await one.refused();
  await one.succeeded("gpt-5.5", false, context.clock.ms - 1);
  await context.settled();
  expect(await stored()).not.toBeNull();
});

test("another process takes it back, but no younger one that it has not seen", async () => {
  const { context, process, note, stored } = await noted();
  const [one, two] = [process(), process()];
  await one.refused();
  await context.settled();
  await two.known();
  context.clock.ms += 1_000;
  await one.refused({ words: "Again." });
  await context.settled();
  await two.succeeded();
  await context.settled();
  expect(await stored()).toEqual(note({ words: "Again." }));
  two.accountCache.forget();
  await two.succeeded();
  await context.settled();
  expect(await stored()).toBeNull();
});

test("a request that is refused again and again writes once a minute; so does one that fails every other time, nearly", async () => {
  const { context, process, writes } = await noted();
  const one = process();
  for (let round = 0; round < 20; round++) await one.refused();
  await context.settled();
  expect(writes()).toBe(1);
  context.clock.ms += MINUTE;
  for (let round = 0; round < 20; round++) {
    context.clock.ms += 10;
    await one.refused();
    await one.succeeded();
    await context.settled();
  }
  expect(writes()).toBe(2);
  expect((await one.known()).lastRefusal).toBeNull();
});

test("what waits to be written is written before accounts are shown, and by the next request when it may be", async () => {
  const { context, process, stored } = await noted();
  const one = process();
  const flap = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      context.clock.ms += 10;
      await one.refused();
      await one.succeeded();
      await context.settled();
    }
  };
  await flap(2);
  context.clock.ms += 10;
  await one.refused();
  await context.settled();
  expect(await stored()).toBeNull();
  await one.refusals.flush();
  expect(await stored()).not.toBeNull();
  await one.succeeded();
  context.clock.ms += MINUTE;
  await one.succeeded("gpt-5.4");
  await context.settled();
  expect(await stored()).toBeNull();
});

test("a write that fails is made good later, and the log says so", async () => {
  const { context, process, stored } = await noted();
  const one = process();
  const account = await one.known();
  context.down = true;
  one.refusals.refused(account, { ...(await noted()).note(), at: context.clock.ms });
  await context.settled();
  expect(context.logged.map(({ event }) => event)).toContain("last_refusal_not_noted");
  context.down = false;
  expect(await stored()).toBeNull();
  await one.refusals.flush();
  expect(await stored()).not.toBeNull();
});

test("most requests succeed where nothing is noted, which asks and writes nothing", async () => {
  const { context, process } = await noted();
  const one = process();
  const account = await one.known();
  context.calls.length = 0;
  one.refusals.succeeded(account, { model: "gpt-5.5", counts: false, since: context.clock.ms });
  await one.refusals.flush();
  await context.settled();
  expect(context.calls).toEqual([]);
});

test("it goes when the account is connected again", async () => {
  const { context, process, stored } = await noted();
  const one = process();
  await one.refused();
  await context.settled();
  const { id, externalId, label, provider, kind } = await one.known();
  const tokens = { accessToken: "access-2", refreshToken: "refresh-2", idToken: null, apiKey: null };
  await context.storage.accounts.save({
    ...{ id, externalId, label, provider, kind, ...tokens },
    metadata: {},
    expiresAt: null,
    now: context.clock.ms,
  });
  expect(await stored()).toBeNull();
});
