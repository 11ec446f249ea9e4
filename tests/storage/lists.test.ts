/** Lists in pages: every entry once and in order, whatever is added meanwhile, and never more than was asked for. */
import { describe, expect, test } from "vitest";
import type { KeyFilter, KeyRecord, ListPage, PageOptions, Storage } from "../../src/storage/port.ts";
import { newAccount, newKey, newStorage } from "../support/storage.ts";

type Read<Entry> = (wish: PageOptions) => Promise<ListPage<Entry> | null>;

/** Goes through a whole list, page by page; the ids of each page. */
async function walk<Entry extends { id: string }>(read: Read<Entry>, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  let after: string | undefined;
  for (;;) {
    const page = await read({ limit, after });
    if (page === null) throw new Error(`${after} is not in the list`);
    pages.push(page.entries.map(({ id }) => id));
    expect(page.hasBefore).toBe(after !== undefined);
    if (!page.hasAfter) return pages;
    after = page.entries.at(-1)?.id;
  }
}

/** Keys k0 (the oldest) to k8; two and three of them of one moment each. */
async function withKeys(): Promise<Storage> {
  const { storage } = await newStorage();
  const moments = [1, 2, 2, 3, 4, 4, 4, 5, 6];
  for (const [at, now] of moments.entries()) await storage.keys.insert(newKey({ id: `k${at}`, now }));
  return storage;
}

const idsOf = (page: ListPage<KeyRecord> | null) => page?.entries.map(({ id }) => id);

describe("the list of keys", () => {
  test("comes newest first and each key once, also where several were made in one moment", async () => {
    const { keys } = await withKeys();
    const all = ["k8", "k7", "k6", "k5", "k4", "k3", "k2", "k1", "k0"];
    for (const limit of [1, 2, 3, 4, 9, 10]) {
      const pages = await walk((wish) => keys.list(wish), limit);
      expect(pages.flat()).toEqual(all);
      expect(pages.every((page) => page.length <= limit)).toBe(true);
    }
  });

  test("goes back the way it came, and says at which of its ends it is", async () => {
    const { keys } = await withKeys();
    const middle = await keys.list({ limit: 3, before: "k2" });
    expect(idsOf(middle)).toEqual(["k5", "k4", "k3"]);
    expect(middle).toMatchObject({ hasBefore: true, hasAfter: true });
    const first = await keys.list({ limit: 3, before: "k5" });
    expect(idsOf(first)).toEqual(["k8", "k7", "k6"]);
    expect(first).toMatchObject({ hasBefore: false, hasAfter: true });
    const none = await keys.list({ limit: 3, before: "k8" });
    expect(none).toEqual({ entries: [], hasBefore: false, hasAfter: true });
    expect(await keys.list({ limit: 3, after: "k0" })).toEqual({
      entries: [],
      hasBefore: true,
      hasAfter: false,
    });
  });

  test("neither repeats nor leaves out a key because one was made between two pages", async () => {
    const { keys } = await withKeys();
    const first = idsOf(await keys.list({ limit: 4 })) ?? [];
    await keys.insert(newKey({ id: "k9", now: 7 }));
    const second = idsOf(await keys.list({ limit: 5, after: first.at(-1) })) ?? [];
    expect([...first, ...second]).toEqual(["k8", "k7", "k6", "k5", "k4", "k3", "k2", "k1", "k0"]);
  });

  test("is told apart into the keys that work and those that ended, at the moment that was named", async () => {
    const storage = await withKeys();
    const { keys } = storage;
    await keys.insert(newKey({ id: "short", now: 4, expiresAt: 100 }));
    for (const id of ["k8", "k5", "k1"]) await keys.revoke(id, 10);
    const only = async (filter: KeyFilter, limit: number) => {
      const found = (await walk((wish) => keys.list(wish, filter), limit)).flat();
      expect(await keys.count(filter)).toBe(found.length);
      return found;
    };
    for (const limit of [1, 2, 20]) {
      expect(await only({ state: "working", now: 99 }, limit)).toEqual([
        ...["k7", "short", "k6", "k4", "k3", "k2", "k0"],
      ]);
      expect(await only({ state: "ended", now: 99 }, limit)).toEqual(["k8", "k5", "k1"]);
      expect(await only({ state: "ended", now: 100 }, limit)).toEqual(["k8", "short", "k5", "k1"]);
    }
    // The place of a key that ended meanwhile is still a place.
    const filter: KeyFilter = { state: "working", now: 100 };
    expect(idsOf(await keys.list({ limit: 2, after: "k5" }, filter))).toEqual(["k4", "k3"]);
    expect(await keys.list({ limit: 2, after: "k7" }, { state: "ended", now: 100 })).toMatchObject({
      hasBefore: true,
    });
    expect(await keys.list({ limit: 2, after: "k8" }, filter)).toMatchObject({ hasBefore: false });
  });

  test("names the keys that one account alone answers for", async () => {
    const { keys } = await withKeys();
    await keys.insert(newKey({ id: "alone", accounts: ["a1"] }));
    await keys.insert(newKey({ id: "both", accounts: ["a1", "a2"] }));
    expect(idsOf(await keys.list({ limit: 9 }, { state: "working", now: 1, onlyAccount: "a1" }))).toEqual([
      "alone",
    ]);
  });

  test("has no page behind or before a key that is not there", async () => {
    const { keys } = await withKeys();
    expect(await keys.list({ limit: 3, after: "x" })).toBeNull();
    expect(await keys.list({ limit: 3, before: "x" })).toBeNull();
  });
});

test("the list of accounts comes oldest first and each account once", async () => {
  const { storage } = await newStorage();
  for (const [at, now] of [1, 2, 2, 2, 3].entries())
    await storage.accounts.save(newAccount({ id: `a${at}`, externalId: `e${at}`, now }));
  for (const limit of [1, 2, 5]) {
    const pages = await walk((wish) => storage.accounts.page(wish), limit);
    expect(pages.flat()).toEqual(["a0", "a1", "a2", "a3", "a4"]);
  }
  expect(await storage.accounts.page({ limit: 2, after: "x" })).toBeNull();
});
