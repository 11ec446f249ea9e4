import { expect, test } from "vitest";
import { issueKey } from "../../src/keys/issue.ts";
import { createKeyUses } from "../../src/keys/last-used.ts";
import { createWorld } from "./world.ts";

async function twoKeys() {
  const world = await createWorld();
  const a = (await issueKey(world.runtime, {})).record.id;
  const b = (await issueKey(world.runtime, {})).record.id;
  const lastUsed = async (id: string) => (await world.storage.keys.get(id))?.lastUsedAt;
  world.calls.length = 0;
  return { world, a, b, lastUsed, uses: createKeyUses(world.runtime) };
}

test("the first use is written at once, in the background", async () => {
  const { world, a, lastUsed, uses } = await twoKeys();
  uses.note(a);
  await world.settled();
  expect(await lastUsed(a)).toBe(world.clock.ms);
});

test("a hundred uses of two keys within thirty seconds are one more write", async () => {
  const { world, a, b, lastUsed, uses } = await twoKeys();
  uses.note(a);
  const started = world.clock.ms;
  for (let i = 1; i <= 100; i++) {
    world.clock.ms = started + i * 299;
    uses.note(i % 2 === 0 ? a : b);
  }
  await world.settled();
  expect(world.calls).toEqual(["keys.touch"]);
  world.clock.ms = started + 30_000;
  uses.note(a);
  await world.settled();
  expect(world.calls).toEqual(["keys.touch", "keys.touch"]);
  expect(await lastUsed(a)).toBe(started + 30_000);
  expect(await lastUsed(b)).toBe(started + 99 * 299);
});

test("a flush writes what is noted, and nothing when nothing is", async () => {
  const { world, a, b, lastUsed, uses } = await twoKeys();
  await uses.flush();
  expect(world.calls).toEqual([]);
  uses.note(a);
  uses.note(b);
  await uses.flush();
  expect(await lastUsed(b)).toBe(world.clock.ms);
});

test("a use that could not be written is written later, and nobody sees an error", async () => {
  const { world, a, lastUsed, uses } = await twoKeys();
  world.down = true;
  const used = world.clock.ms;
  uses.note(a);
  await world.settled();
  expect(world.logged.map(({ event }) => event)).toEqual(["key_uses_not_written"]);
  world.down = false;
  await uses.flush();
  expect(await lastUsed(a)).toBe(used);
});
