/** Signing in while the store stumbles, and when whoever takes the step is ended in the middle of it. */
import { describe, expect, test } from "vitest";
import { NOTE_PAUSES_MS } from "../../src/accounts/refresh/timing.ts";
import { createSignInStore, LOCK_MS } from "../../src/accounts/sign-in/store.ts";
import { StorageError } from "../../src/storage/port.ts";
import { account, createSignInWorld, field, type SignInWorld } from "./world.ts";

const REDEEMED = /\/oauth\/token$|\/oauth\/access_token$|\/deviceauth\/token$/;

/** A world in which the pauses between attempts to write pass at once. */
async function newWorld(): Promise<SignInWorld> {
  const world = await createSignInWorld();
  const sleep = world.clock.sleep.bind(world.clock);
  world.clock.sleep = (ms, signal) => (NOTE_PAUSES_MS.includes(ms) ? Promise.resolve() : sleep(ms, signal));
  return world;
}

/** A sign-in that the owner has allowed: what is left is the one step that connects it. */
async function allowed(world: SignInWorld, provider: "claude" | "codex" | "copilot") {
  const begun = await world.start(provider, provider === "claude" ? {} : { mode: "device" });
  const state = field(begun, "state");
  let pasted: string | undefined;
  if (provider === "claude") pasted = world.fakes.claude.authorize(field(begun, "url"));
  else world.fakes[provider].approveDevice(field(begun, "user_code"));
  await world.clock.advance(10_000);
  return { state, step: () => world.complete(provider, state, pasted) };
}

const redeemed = (world: SignInWorld) => world.sent.filter(({ url }) => REDEEMED.test(url)).length;

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
  test("does not notice a store that stumbles once or twice, whatever it is told", async () => {
    for (const break_ of [
      ({ storage }: SignInWorld) => failing(storage.accounts, "save"),
      ({ storage }: SignInWorld) => failing(storage.accounts, "save", 2),
      ({ storage }: SignInWorld) => failing(storage.oauthStates, "consume", 2),
    ]) {
      const world = await newWorld();
      const { step } = await allowed(world, provider);
      break_(world);
      expect((await step()).json).toMatchObject({ status: "connected" });
      expect((await step()).json).toMatchObject({ status: "connected" });
      expect(await world.accounts()).toHaveLength(1);
      expect(world.fakes.violations()).toEqual([]);
    }
  });

  test("goes on with the tokens that it was given when the store was away for all of a step", async () => {
    const world = await newWorld();
    const { step } = await allowed(world, provider);
    failing(world.storage.accounts, "save", 3);
    const away = await step();
    expect(away.status).toBe(503);
    expect(away.json.error).toMatchObject({ code: "storage_unavailable" });
    expect(await world.accounts()).toEqual([]);
    // Behind a quote: sealed text may hold any three letters by chance.
    expect(await world.dump()).not.toMatch(/"(gho_|sk-ant-o|rt_)/);

    const before = redeemed(world);
    const done = await step();
    expect(done.json).toMatchObject({ status: "connected" });
    expect(redeemed(world)).toBe(before);
    const secrets = await world.storage.accounts.secrets(String(account(done).id));
    expect(world.fakes[provider].tokens.find(secrets?.accessToken ?? "")).toMatchObject({ state: "live" });
    expect(JSON.parse(await world.dump())[0]).toHaveLength(1);
  });
});

test("a poll whose end cannot be noted is asked again, and goes on within a minute", async () => {
  const world = await newWorld();
  const begun = await world.start("copilot");
  const state = field(begun, "state");
  const step = () => world.complete("copilot", state);
  await world.clock.advance(5_000);
  const { update } = world.storage.oauthStates;
  let updates = 0;
  world.storage.oauthStates.update = (...args) =>
    ++updates === 1 ? update(...args) : Promise.reject(new StorageError("away"));
  expect((await step()).json).toEqual({ status: "pending", retry_after: LOCK_MS / 1000 });
  expect(updates).toBe(4);
  world.storage.oauthStates.update = update;
  expect((await step()).json).toMatchObject({ status: "pending" });
  expect(redeemed(world)).toBe(1);
  world.fakes.copilot.approveDevice(field(begun, "user_code"));
  await world.clock.advance(LOCK_MS);
  expect((await step()).json).toMatchObject({ status: "connected" });
});

test("an account that was stored is connected, though that could not be noted", async () => {
  const world = await newWorld();
  const { step } = await allowed(world, "claude");
  const { update } = world.storage.oauthStates;
  let updates = 0;
  // Taken and kept are noted.
  world.storage.oauthStates.update = (...args) =>
    ++updates <= 2 ? update(...args) : Promise.reject(new StorageError("away"));
  expect((await step()).json).toMatchObject({ status: "connected" });
  world.storage.oauthStates.update = update;
  await world.clock.advance(LOCK_MS);
  expect((await step()).json).toMatchObject({ status: "connected" });
  expect(await world.accounts()).toHaveLength(1);
  expect(redeemed(world)).toBe(1);
});

describe("whoever takes the step and is ended in the middle", () => {
  test("keeps the step for a minute, and the next one goes on", async () => {
    const world = await newWorld();
    const { state, step } = await allowed(world, "copilot");
    expect(await createSignInStore(world.runtime).lock(state)).toHaveProperty("step");
    expect((await step()).json).toMatchObject({ status: "pending", retry_after: 2 });
    await world.clock.advance(LOCK_MS - 5_000);
    expect((await step()).json).toMatchObject({ status: "pending" });
    expect(redeemed(world)).toBe(0);
    await world.clock.advance(5_000);
    expect((await step()).json).toMatchObject({ status: "connected" });
  });

  test("leaves what the provider gave to the next one", async () => {
    const world = await newWorld();
    const { state, step } = await allowed(world, "copilot");
    const rows = createSignInStore(world.runtime);
    const [found, taken] = [await rows.find(state), await rows.lock(state)];
    if (found === null || !("step" in taken)) throw new Error("nobody may take the step");
    const { accessToken } = world.fakes.copilot.issueTokens();
    const granted = {
      provider: "copilot",
      kind: "oauth",
      externalId: "github.com/4242",
      metadata: {},
    } as const;
    const none = { expiresAt: null, refreshToken: null, idToken: null, apiKey: null };
    await rows.keep(found.row, taken.step, { ...granted, ...none, accessToken });
    expect((await step()).json).toMatchObject({ status: "pending" });
    await world.clock.advance(LOCK_MS);
    const done = await step();
    expect(account(done)).toMatchObject({ external_id: "github.com/4242" });
    expect(await world.storage.accounts.secrets(String(account(done).id))).toMatchObject({ accessToken });
    expect(redeemed(world)).toBe(0);
  });

  test("and goes on after all changes nothing of what another has brought to its end meanwhile", async () => {
    const world = await newWorld();
    const { state, step } = await allowed(world, "copilot");
    const rows = createSignInStore(world.runtime);
    const [found, late] = [await rows.find(state), await rows.lock(state)];
    if (found === null || !("step" in late)) throw new Error("nobody may take the step");
    await world.clock.advance(LOCK_MS);
    const done = await step();
    await rows.release(found.row, late.step);
    await rows.close(found.row, { ...found.status, ended: { message: "It was used already." } });
    expect(account(await step()).id).toBe(account(done).id);
    expect(await rows.lock(state)).toHaveProperty("waitMs");
  });

  test("does not keep it longer because the clock was put back", async () => {
    const world = await newWorld();
    const { state, step } = await allowed(world, "copilot");
    const ahead = { sleep: world.clock.sleep, now: () => world.clock.now() + 3_600_000 };
    expect(await createSignInStore({ ...world.runtime, clock: ahead }).lock(state)).toHaveProperty("step");
    expect((await step()).json).toMatchObject({ status: "connected" });
  });
});
