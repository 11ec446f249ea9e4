import { expect, test } from "vitest";
import { createReadCache, FRESH_MS, MAX_AGE_MS } from "../../src/storage/read-cache.ts";

function world() {
  const clock = { ms: 1_000_000 };
  const reads: ((value: string) => void)[] = [];
  const cache = createReadCache<string>({
    clock: { now: () => clock.ms, sleep: async () => {} },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    capacity: 4,
    load: () => new Promise<string>((resolve) => reads.push(resolve)),
  });
  return { clock, reads, cache };
}

test("a burst on an answer that just became old waits for nobody", async () => {
  const { clock, reads, cache } = world();
  const first = cache.get("name");
  reads[0]?.("old");
  await first;
  clock.ms += FRESH_MS;
  const second = cache.get("name");
  expect(await cache.get("name")).toBe("old");
  reads[1]?.("new");
  expect(await second).toBe("new");
});

test("while one reads anew nobody is served what is older than ten seconds", async () => {
  const { clock, reads, cache } = world();
  const first = cache.get("name");
  reads[0]?.("old");
  await first;
  clock.ms += FRESH_MS;
  const slow = cache.get("name");
  clock.ms += MAX_AGE_MS - FRESH_MS - 1;
  expect(await cache.get("name")).toBe("old");
  clock.ms += 1;
  const late = cache.get("name");
  for (const answer of reads.slice(1)) answer("new");
  expect(await Promise.all([slow, late])).toEqual(["new", "new"]);
  expect(MAX_AGE_MS).toBe(10_000);
});

test("after a long silence nobody is served what is old while another reads it anew", async () => {
  const { clock, reads, cache } = world();
  const first = cache.get("name");
  reads[0]?.("old");
  await first;
  clock.ms += 3_600_000;
  const both = [cache.get("name"), cache.get("name")];
  for (const answer of reads.slice(1)) answer("new");
  expect(await Promise.all(both)).toEqual(["new", "new"]);
});

test("an answer that is changed in place serves at once, and a read that began before does not bring the old one back", async () => {
  const { clock, reads, cache } = world();
  const first = cache.get("name");
  reads[0]?.("old");
  await first;
  clock.ms += FRESH_MS;
  const reading = cache.get("name");
  cache.amend("name", () => "changed");
  expect(await cache.get("name")).toBe("changed");
  reads[1]?.("old");
  await reading;
  expect(await cache.get("name")).toBe("changed");
});

test("a fresh answer that is not good enough is read anew, but not while it only serves for want of a better one", async () => {
  const { clock, reads, cache } = world();
  const isGood = (value: string) => value === "whole";
  const first = cache.get("name", isGood);
  reads[0]?.("half");
  await first;
  const second = cache.get("name", isGood);
  expect(reads).toHaveLength(2);
  // The second is still being read.
  expect(await cache.get("name", isGood)).toBe("half");
  expect(reads).toHaveLength(2);
  reads[1]?.("whole");
  expect(await second).toBe("whole");
  clock.ms += FRESH_MS - 1;
  expect(await cache.get("name", isGood)).toBe("whole");
  expect(reads).toHaveLength(2);
});

test("a read that was begun elsewhere and came to nothing leaves what is old as old as it was", async () => {
  const { clock, reads, cache } = world();
  cache.reading("name").keep("old");
  clock.ms += FRESH_MS;
  const reading = cache.reading("name");
  expect(cache.peek("name")).toBe("old");
  reading.drop();
  expect(cache.peek("name")).toBeUndefined();
  const again = cache.get("name");
  reads[0]?.("new");
  expect(await again).toBe("new");
});

test("what a read from elsewhere brought is not kept when something was forgotten meanwhile", async () => {
  const { cache } = world();
  const reading = cache.reading("name");
  cache.forget("name");
  reading.keep("old");
  expect(cache.peek("name")).toBeUndefined();
});
