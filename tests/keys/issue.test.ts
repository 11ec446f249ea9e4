import { expect, test } from "vitest";
import { sha256Hex } from "../../src/bytes.ts";
import { issueKey } from "../../src/keys/issue.ts";
import { testRuntime } from "../support/runtime.ts";

test("a key is kleis_ and 43 base64url characters, its discovery token 43 others", async () => {
  const { runtime } = await testRuntime();
  const issued = await issueKey(runtime, {});
  expect(issued.key).toMatch(/^kleis_[A-Za-z0-9_-]{43}$/);
  expect(issued.discoveryToken).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(issued.key).not.toContain(issued.discoveryToken);
  expect(issued.record.id).toMatch(/^key_[A-Za-z0-9_-]{16}$/);
  expect(issued.record.prefix).toBe(issued.key.slice(0, 10));
});

test("a key carries all 32 random bytes", async () => {
  const { runtime } = await testRuntime();
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
  const { key } = await issueKey({ ...runtime, random: (count) => bytes.slice(0, count) }, {});
  expect(Buffer.from(key.slice("kleis_".length), "base64url")).toEqual(Buffer.from(bytes));
});

test("two keys have nothing in common", async () => {
  const { runtime } = await testRuntime();
  const [a, b] = [await issueKey(runtime, {}), await issueKey(runtime, {})];
  expect(new Set([a.key, b.key, a.discoveryToken, b.discoveryToken, a.record.id, b.record.id]).size).toBe(6);
});

test("a key is stored with the limits it was asked with, and revealed as it was issued", async () => {
  const { runtime, storage, clock } = await testRuntime();
  const request = { label: "laptop", providers: ["claude"], models: ["m"], accounts: ["acc_1"] };
  const { record, key, discoveryToken } = await issueKey(runtime, { ...request, expiresAt: clock.ms + 1 });
  expect(await storage.keys.get(record.id)).toMatchObject({
    ...request,
    expiresAt: clock.ms + 1,
    createdAt: clock.ms,
  });
  expect(await storage.keys.reveal(record.id)).toEqual({ key, discoveryToken });
});

test("the fingerprint is SHA-256 of the text in hex", async () => {
  expect(await sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
