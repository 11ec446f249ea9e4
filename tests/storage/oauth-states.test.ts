import { expect, test } from "vitest";
import { SealError } from "../../src/storage/seal.ts";
import { newStorage, openClient, openStorage } from "../support/storage.ts";

const signIn = {
  state: "s".repeat(43),
  provider: "codex",
  mode: "device",
  secret: { verifier: "verifier-planted", interval: 5, nested: { a: [true, null] } },
  version: 0,
  createdAt: 1_000,
  expiresAt: 2_000,
};

test("a sign-in comes back as it was begun", async () => {
  const { storage } = await newStorage();
  await storage.oauthStates.insert(signIn);
  expect(await storage.oauthStates.get(signIn.state)).toEqual(signIn);
  expect(await storage.oauthStates.get("x")).toBeNull();
});

test("a sign-in's secret can be replaced while it lasts", async () => {
  const { storage } = await newStorage();
  await storage.oauthStates.insert(signIn);
  expect(await storage.oauthStates.update(signIn.state, { next: 7 })).toBe(true);
  expect(await storage.oauthStates.get(signIn.state)).toEqual({ ...signIn, secret: { next: 7 }, version: 1 });
  expect(await storage.oauthStates.update("x", {})).toBe(false);
});

test("a secret is replaced only while the version that was seen is stored: of many who saw it, by one", async () => {
  const { storage, file } = await newStorage();
  const second = openStorage(openClient(file));
  await storage.oauthStates.insert(signIn);
  const done = await Promise.all(
    Array.from({ length: 16 }, (_, i) =>
      (i % 2 ? storage : second).oauthStates.update(signIn.state, { by: i }, 0),
    ),
  );
  expect(done.filter(Boolean)).toHaveLength(1);
  expect(await storage.oauthStates.get(signIn.state)).toMatchObject({
    secret: { by: done.indexOf(true) },
    version: 1,
  });
  expect(await storage.oauthStates.update(signIn.state, {}, 0)).toBe(false);
  expect(await storage.oauthStates.update("x", {}, 0)).toBe(false);
});

test("exactly one of many callers on several connections ends a sign-in", async () => {
  const { storage, file } = await newStorage();
  const second = openStorage(openClient(file));
  await storage.oauthStates.insert(signIn);
  const taken = await Promise.all(
    Array.from({ length: 16 }, (_, i) => (i % 2 ? storage : second).oauthStates.consume(signIn.state)),
  );
  expect(taken.filter((row) => row !== null)).toEqual([signIn]);
  expect(await storage.oauthStates.get(signIn.state)).toBeNull();
});

test("the same state cannot be begun twice", async () => {
  const { storage } = await newStorage();
  await storage.oauthStates.insert(signIn);
  await expect(storage.oauthStates.insert({ ...signIn, secret: {} })).rejects.toThrow("SQLITE_CONSTRAINT");
  expect(await storage.oauthStates.get(signIn.state)).toEqual(signIn);
});

test("expired sign-ins are removed and others stay", async () => {
  const { storage } = await newStorage();
  await storage.oauthStates.insert(signIn);
  await storage.oauthStates.insert({ ...signIn, state: "later", expiresAt: 2_001 });
  await storage.oauthStates.removeExpired(2_000);
  expect(await storage.oauthStates.get(signIn.state)).toBeNull();
  expect(await storage.oauthStates.get("later")).toMatchObject({ expiresAt: 2_001 });
});

test("two that replace a sign-in's secret at once both do, one after the other", async () => {
  const { storage, file } = await newStorage();
  const second = openStorage(openClient(file));
  await storage.oauthStates.insert(signIn);
  const done = await Promise.all([
    storage.oauthStates.update(signIn.state, { by: "one" }),
    second.oauthStates.update(signIn.state, { by: "other" }),
  ]);
  expect(done).toEqual([true, true]);
  expect(await storage.oauthStates.get(signIn.state)).toMatchObject({ version: 2 });
});

test("a secret that was moved to another sign-in does not open, and the error does not show the state", async () => {
  const { storage, client } = await newStorage();
  await storage.oauthStates.insert(signIn);
  await storage.oauthStates.insert({ ...signIn, state: "t".repeat(43), secret: {} });
  await client.execute(
    "update oauth_states set secret = (select secret from oauth_states order by state limit 1)",
  );
  const error = await storage.oauthStates.get("t".repeat(43)).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SealError);
  expect(String(error)).not.toContain("t".repeat(9));
});
