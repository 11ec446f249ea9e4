import { expect, test } from "vitest";
import { issueKey } from "../../src/keys/issue.ts";
import { createKeyUses } from "../../src/keys/last-used.ts";
import { testRuntime } from "../support/runtime.ts";

async function twoKeys() {
  const context = await testRuntime();
  const a = (await issueKey(context.runtime, {})).record.id;
  const b = (await issueKey(context.runtime, {})).record.id;
  const lastUsed = async (id: string) => (await context.storage.keys.get(id))?.lastUsedAt;
  context.calls.length = 0;
  return { context, a, b, lastUsed, uses: createKeyUses(context.runtime) };
}

test("the first use is written at once, in the background", async () => {
  const { context, a, lastUsed, uses } = await twoKeys();
  uses.note(a);
  await context.settled();
  expect(await lastUsed(a)).toBe(context.clock.ms);
});

test("a hundred uses of two keys within thirty seconds are one more write", async () => {
  const { context, a, b, lastUsed, uses } = await twoKeys();
  uses.note(a);
  const started = context.clock.ms;
  for (let i = 1; i <= 100; i++) {
    context.clock.ms = started + i * 299;
    uses.note(i % 2 === 0 ? a : b);
  }
  await context.settled();
  expect(context.calls).toEqual(["keys.touch"]);
  context.clock.ms = started + 30_000;
  uses.note(a);
  await context.settled();
  expect(context.calls).toEqual(["keys.touch", "keys.touch"]);
  expect(await lastUsed(a)).toBe(started + 30_000);
  expect(await lastUsed(b)).toBe(started + 99 * 299);
});

test("a flush writes what is noted, and nothing when nothing is", async () => {
  const { context, a, b, lastUsed, uses } = await twoKeys();
  await uses.flush();
  expect(context.calls).toEqual([]);
  uses.note(a);
  uses.note(b);
  await uses.flush();
  expect(await lastUsed(b)).toBe(context.clock.ms);
});

test("a use that could not be written is written later, without an error for the request", async () => {
  const { context, a, lastUsed, uses } = await twoKeys();
  context.down = true;
  const used = context.clock.ms;
  uses.note(a);
  await context.settled();
  expect(context.logged.map(({ event }) => event)).toEqual(["key_uses_not_written"]);
  context.down = false;
  await uses.flush();
  expect(await lastUsed(a)).toBe(used);
});
