import { describe, expect, test } from "vitest";
import { StorageError } from "../../src/storage/port.ts";
import { createReadCache, FRESH_MS, HOLD_MS, MAX_AGE_MS } from "../../src/storage/read-cache.ts";
import { DEGRADED_MS, MAX_READ_WAIT_MS, watchStore } from "../../src/storage/store-health.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

function world() {
  const clock = new VirtualClock();
  const reads: ((value: string) => void)[] = [];
  const cache = createReadCache<string>({
    clock,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    waitUntil: () => {},
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
  await clock.advance(FRESH_MS);
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
  await clock.advance(MAX_AGE_MS - MAX_READ_WAIT_MS / 2);
  const reader = cache.get("name");
  await clock.advance(MAX_READ_WAIT_MS / 2 - 1);
  expect(await cache.get("name")).toBe("old");
  await clock.advance(1);
  const late = cache.get("name");
  for (const answer of reads.slice(1)) answer("new");
  expect(await Promise.all([reader, late])).toEqual(["new", "new"]);
  expect(MAX_AGE_MS).toBe(10_000);
});

test("after a long silence nobody is served what is old while another reads it anew", async () => {
  const { clock, reads, cache } = world();
  const first = cache.get("name");
  reads[0]?.("old");
  await first;
  await clock.advance(3_600_000);
  const both = [cache.get("name"), cache.get("name")];
  for (const answer of reads.slice(1)) answer("new");
  expect(await Promise.all(both)).toEqual(["new", "new"]);
});

test("an answer that is changed in place serves at once, and a read that began before does not bring the old one back", async () => {
  const { clock, reads, cache } = world();
  const first = cache.get("name");
  reads[0]?.("old");
  await first;
  await clock.advance(FRESH_MS);
  const reading = cache.get("name");
  cache.update("name", () => "changed");
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
  await clock.advance(FRESH_MS - 1);
  expect(await cache.get("name", isGood)).toBe("whole");
  expect(reads).toHaveLength(2);
});

test("a read that was begun elsewhere and came to nothing leaves what is old as old as it was", async () => {
  const { clock, reads, cache } = world();
  cache.reading("name").keep("old");
  await clock.advance(FRESH_MS);
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

/** Several caches on one store, whose answers take as long as is said; `none`: it fails after five seconds, as a call does. */
function slowStore() {
  const clock = new VirtualClock();
  const health = watchStore(clock);
  const store = { takesMs: 0 as number | "none", asked: 0, stored: "old" };
  const background: Promise<unknown>[] = [];
  const makeCache = () =>
    createReadCache<string>({
      clock,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      waitUntil: (work) => void background.push(work),
      health,
      capacity: 4,
      async load() {
        store.asked++;
        const { takesMs, stored } = store;
        if (takesMs !== 0) await clock.sleep(takesMs === "none" ? 5_000 : takesMs);
        if (takesMs === "none") throw new StorageError("the database did not respond within 5 s");
        return stored;
      },
    });
  const caches = [makeCache(), makeCache(), makeCache()];
  /** What a request reads, one name after another; with how long that took, ms. */
  async function request(): Promise<{ found: (string | null)[]; waitedMs: number }> {
    const begun = clock.now();
    let end = begun;
    const found: (string | null)[] = [];
    const work = (async () => {
      for (const cache of caches) found.push(await cache.get("name"));
      end = clock.now();
    })();
    await clock.advance(20_000);
    await work;
    return { found, waitedMs: end - begun };
  }
  return { clock, store, caches, request, background };
}

describe.each([1_500, 2_000, 4_900, "none"] as const)("a store that takes %s ms", (takesMs) => {
  test("costs a request one wait of a second in all, and those after it none", async () => {
    const { clock, store, request } = slowStore();
    await request();
    store.takesMs = takesMs;
    await clock.advance(MAX_AGE_MS);
    const first = await request();
    expect(first).toEqual({ found: ["old", "old", "old"], waitedMs: MAX_READ_WAIT_MS });
    for (let round = 0; round < 5; round++) {
      const { waitedMs } = await request();
      expect(waitedMs).toBe(0);
    }
  });

  test("is asked all the while, behind the requests and not by every one, and what it says is taken over", async () => {
    const { clock, store, caches, request, background } = slowStore();
    await request();
    store.takesMs = takesMs;
    store.stored = "new";
    await clock.advance(MAX_AGE_MS);
    const first = caches[0]?.get("name");
    await clock.advance(MAX_READ_WAIT_MS);
    expect(await first).toBe("old");
    store.asked = 0;
    for (let ms = 0; ms < HOLD_MS; ms += 100) {
      await caches[0]?.get("name");
      await clock.advance(100);
    }
    expect(store.asked).toBeLessThanOrEqual(1);
    store.takesMs = 10;
    await clock.advance(10_000);
    await caches[0]?.get("name");
    await clock.advance(10);
    expect(await caches[0]?.get("name")).toBe("new");
    await Promise.all(background);
  });

  test("is waited for again once it has been in time, or was not asked for a while", async () => {
    const { clock, store, caches, request } = slowStore();
    await request();
    store.takesMs = takesMs;
    await clock.advance(MAX_AGE_MS);
    await request();
    store.takesMs = MAX_READ_WAIT_MS - 1;
    store.stored = "new";
    await clock.advance(DEGRADED_MS);
    const again = caches[0]?.get("name");
    await clock.advance(MAX_READ_WAIT_MS);
    expect(await again).toBe("new");
  });

  test("is waited for where nothing is known", async () => {
    const { clock, store, caches } = slowStore();
    store.takesMs = takesMs;
    const only = caches[0]?.get("name").catch((error: unknown) => error);
    await clock.advance(5_000);
    if (takesMs === "none") expect(await only).toMatchObject({ code: "storage_unavailable" });
    else expect(await only).toBe("old");
  });
});
