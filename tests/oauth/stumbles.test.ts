/** Signing in while the store stumbles, and when whoever takes the step is ended in the middle of it. */
import { describe, expect, test } from "vitest";
import { NOTE_PAUSES_MS } from "../../src/accounts/refresh/timing.ts";
import { createSignInStore, LOCK_MS } from "../../src/accounts/sign-in/store.ts";
import { StorageError } from "../../src/storage/port.ts";
import { account, field, type SignIns, startSignIns } from "./sign-in.ts";

const REDEEMED = /\/oauth\/token$|\/oauth\/access_token$|\/deviceauth\/token$/;

/** A kleis in which the pauses between attempts to write pass at once. */
async function newWorld(): Promise<SignIns> {
  const kleis = await startSignIns();
  const sleep = kleis.clock.sleep.bind(kleis.clock);
  kleis.clock.sleep = (ms, signal) => (NOTE_PAUSES_MS.includes(ms) ? Promise.resolve() : sleep(ms, signal));
  return kleis;
}

/** A sign-in that the owner has allowed: what is left is the one step that connects it. */
async function allowed(kleis: SignIns, provider: "claude" | "codex" | "copilot") {
  const begun = await kleis.start(provider, provider === "claude" ? {} : { mode: "device" });
  const state = field(begun, "state");
  let pasted: string | undefined;
  if (provider === "claude") pasted = kleis.fakes.claude.authorize(field(begun, "url"));
  else kleis.fakes[provider].approveDevice(field(begun, "user_code"));
  await kleis.clock.advance(10_000);
  return { state, step: () => kleis.complete(provider, state, pasted) };
}

const redeemed = (kleis: SignIns) => kleis.sent.filter(({ url }) => REDEEMED.test(url)).length;

/** Makes a write of the store fail, `times` times. */
function failing<Store extends object>(store: Store, name: keyof Store & string, times = 1) {
  const works: unknown = store[name];
  if (typeof works !== "function") throw new Error(`there is no ${name}`);
  let left = times;
  const stumble = (...args: unknown[]): unknown =>
    left-- > 0 ? Promise.reject(new StorageError("the disk is full")) : Reflect.apply(works, store, args);
  Object.assign(store, { [name]: stumble });
}

describe.each(["claude", "codex", "copilot"] as const)("a sign-in at %s", (provider) => {
  test("survives one or two failures of the storage, of any kind", async () => {
    for (const break_ of [
      ({ storage }: SignIns) => failing(storage.accounts, "save"),
      ({ storage }: SignIns) => failing(storage.accounts, "save", 2),
      ({ storage }: SignIns) => failing(storage.oauthStates, "consume", 2),
    ]) {
      const kleis = await newWorld();
      const { step } = await allowed(kleis, provider);
      break_(kleis);
      expect((await step()).json).toMatchObject({ status: "connected" });
      expect((await step()).json).toMatchObject({ status: "connected" });
      expect(await kleis.accounts()).toHaveLength(1);
      expect(kleis.fakes.violations()).toEqual([]);
    }
  });

  test("goes on with the tokens that it was given when the store was away for all of a step", async () => {
    const kleis = await newWorld();
    const { step } = await allowed(kleis, provider);
    failing(kleis.storage.accounts, "save", 3);
    const away = await step();
    expect(away.status).toBe(503);
    expect(away.json.error).toMatchObject({ code: "storage_unavailable" });
    expect(await kleis.accounts()).toEqual([]);
    // Behind a quote: sealed text may hold any three letters by chance.
    expect(await kleis.dump()).not.toMatch(/"(gho_|sk-ant-o|rt_)/);

    const before = redeemed(kleis);
    const done = await step();
    expect(done.json).toMatchObject({ status: "connected" });
    expect(redeemed(kleis)).toBe(before);
    const secrets = await kleis.storage.accounts.secrets(String(account(done).id));
    expect(kleis.fakes[provider].tokens.find(secrets?.accessToken ?? "")).toMatchObject({ state: "live" });
    expect(JSON.parse(await kleis.dump())[0]).toHaveLength(1);
  });
});

test("a poll whose end cannot be noted is asked again, and goes on within a minute", async () => {
  const kleis = await newWorld();
  const begun = await kleis.start("copilot");
  const state = field(begun, "state");
  const step = () => kleis.complete("copilot", state);
  await kleis.clock.advance(5_000);
  const { update } = kleis.storage.oauthStates;
  let updates = 0;
  kleis.storage.oauthStates.update = (...args) =>
    ++updates === 1 ? update(...args) : Promise.reject(new StorageError("away"));
  expect((await step()).json).toEqual({ status: "pending", retry_after: LOCK_MS / 1000 });
  expect(updates).toBe(4);
  kleis.storage.oauthStates.update = update;
  expect((await step()).json).toMatchObject({ status: "pending" });
  expect(redeemed(kleis)).toBe(1);
  kleis.fakes.copilot.approveDevice(field(begun, "user_code"));
  await kleis.clock.advance(LOCK_MS);
  expect((await step()).json).toMatchObject({ status: "connected" });
});

test("an account that was stored is connected, though that could not be noted", async () => {
  const kleis = await newWorld();
  const { step } = await allowed(kleis, "claude");
  const { update } = kleis.storage.oauthStates;
  let updates = 0;
  // Taken and kept are noted.
  kleis.storage.oauthStates.update = (...args) =>
    ++updates <= 2 ? update(...args) : Promise.reject(new StorageError("away"));
  expect((await step()).json).toMatchObject({ status: "connected" });
  kleis.storage.oauthStates.update = update;
  await kleis.clock.advance(LOCK_MS);
  expect((await step()).json).toMatchObject({ status: "connected" });
  expect(await kleis.accounts()).toHaveLength(1);
  expect(redeemed(kleis)).toBe(1);
});

describe("a process that takes the step and is killed halfway", () => {
  test("keeps the step for a minute, and the next one goes on", async () => {
    const kleis = await newWorld();
    const { state, step } = await allowed(kleis, "copilot");
    expect(await createSignInStore(kleis.runtime).lock(state)).toHaveProperty("step");
    expect((await step()).json).toMatchObject({ status: "pending", retry_after: 2 });
    await kleis.clock.advance(LOCK_MS - 5_000);
    expect((await step()).json).toMatchObject({ status: "pending" });
    expect(redeemed(kleis)).toBe(0);
    await kleis.clock.advance(5_000);
    expect((await step()).json).toMatchObject({ status: "connected" });
  });

  test("leaves what the provider gave to the next one", async () => {
    const kleis = await newWorld();
    const { state, step } = await allowed(kleis, "copilot");
    const rows = createSignInStore(kleis.runtime);
    const [found, taken] = [await rows.find(state), await rows.lock(state)];
    if (found === null || !("step" in taken)) throw new Error("nobody may take the step");
    const { accessToken } = kleis.fakes.copilot.issueTokens();
    const granted = {
      provider: "copilot",
      kind: "oauth",
      externalId: "github.com/4242",
      metadata: {},
    } as const;
    const none = { expiresAt: null, refreshToken: null, idToken: null, apiKey: null };
    await rows.keep(found.row, taken.step, { ...granted, ...none, accessToken });
    expect((await step()).json).toMatchObject({ status: "pending" });
    await kleis.clock.advance(LOCK_MS);
    const done = await step();
    expect(account(done)).toMatchObject({ external_id: "github.com/4242" });
    expect(await kleis.storage.accounts.secrets(String(account(done).id))).toMatchObject({ accessToken });
    expect(redeemed(kleis)).toBe(0);
  });

  test("and goes on after all changes nothing of what another has brought to its end meanwhile", async () => {
    const kleis = await newWorld();
    const { state, step } = await allowed(kleis, "copilot");
    const rows = createSignInStore(kleis.runtime);
    const [found, late] = [await rows.find(state), await rows.lock(state)];
    if (found === null || !("step" in late)) throw new Error("nobody may take the step");
    await kleis.clock.advance(LOCK_MS);
    const done = await step();
    await rows.release(found.row, late.step);
    await rows.close(found.row, { ...found.status, ended: { message: "It was used already." } });
    expect(account(await step()).id).toBe(account(done).id);
    expect(await rows.lock(state)).toHaveProperty("waitMs");
  });

  test("does not keep it longer because the clock was put back", async () => {
    const kleis = await newWorld();
    const { state, step } = await allowed(kleis, "copilot");
    const ahead = { sleep: kleis.clock.sleep, now: () => kleis.clock.now() + 3_600_000 };
    expect(await createSignInStore({ ...kleis.runtime, clock: ahead }).lock(state)).toHaveProperty("step");
    expect((await step()).json).toMatchObject({ status: "connected" });
  });
});
