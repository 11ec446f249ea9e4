import { expect, test } from "vitest";
import { createReadCache } from "../../src/storage/read-cache.ts";

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
  clock.ms += 10_000;
  const second = cache.get("name");
  expect(await cache.get("name")).toBe("old");
  reads[1]?.("new");
  expect(await second).toBe("new");
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
  clock.ms += 10_000;
  const reading = cache.get("name");
  cache.amend("name", () => "changed");
  expect(await cache.get("name")).toBe("changed");
  reads[1]?.("old");
  await reading;
  expect(await cache.get("name")).toBe("changed");
});
