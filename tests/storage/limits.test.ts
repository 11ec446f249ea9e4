/** The limits that processes share, and whose turn it is to ask for a quota. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { mergeLimits } from "../../src/storage/merge-limits.ts";
import type { LimitRow } from "../../src/storage/port.ts";
import { newAccount, newKey, newStorage } from "../support/storage.ts";

const HOUR = 60 * 60_000;

function limit(change: Partial<LimitRow> = {}): LimitRow {
  const now = Date.now();
  return {
    accountId: "a1",
    scope: "*",
    class: "window",
    code: "usage_limit_reached",
    words: "You've hit your limit",
    until: now + HOUR,
    isStated: true,
    strikes: 0,
    seenAt: now,
    clearedAt: 0,
    ...change,
  };
}

test("a row comes back as it was stored, with the store's clock, also with a request and with the accounts", async () => {
  const { storage } = await newStorage();
  await storage.keys.insert(newKey());
  const before = Date.now();
  expect((await storage.limits.read()).rows).toEqual([]);
  const rows = [
    limit(),
    limit({ scope: "claude-opus-*", class: "model_window", isStated: false, strikes: 2 }),
  ];
  await storage.limits.merge(rows, Date.now());
  const reading = await storage.limits.read();
  expect(reading.rows).toEqual(expect.arrayContaining(rows));
  expect(reading.rows).toHaveLength(2);
  expect(reading.storeNow).toBeGreaterThanOrEqual(before - 1_000);
  expect(reading.storeNow).toBeLessThanOrEqual(Date.now() + 1_000);
  const asked = await storage.requests.read("hash-k1", { accounts: true, settings: [] });
  expect(asked?.accounts?.limits.rows).toEqual(reading.rows);
  expect((await storage.requests.accounts()).limits.rows).toEqual(reading.rows);
  expect(await storage.requests.read("hash-k2", { accounts: true, settings: [] })).toBeNull();
});

test("the store merges as mergeLimits does, in any order, and a row that comes twice changes nothing", async () => {
  const { storage } = await newStorage();
  const base = Date.now();
  const near = fc.integer({ min: 0, max: 6 }).map((step) => base + step * 1_000);
  const row = fc.record({
    class: fc.constantFrom("window" as const, "billing" as const),
    code: fc.constantFrom("a", "b"),
    until: near,
    isStated: fc.boolean(),
    strikes: fc.integer({ min: 0, max: 3 }),
    seenAt: near,
    clearedAt: fc.oneof(fc.constant(0), near),
  });
  const histories = fc.array(fc.array(row, { minLength: 1, maxLength: 5 }), { minLength: 40, maxLength: 40 });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(histories, async (accounts) => {
      run++;
      const rowsOf = accounts.map((changes, at) =>
        changes.map((change) =>
          limit({ ...change, accountId: `a${run}-${at}`, words: JSON.stringify(change) }),
        ),
      );
      for (let step = 0; step < 5; step++) {
        await storage.limits.merge(
          rowsOf.flatMap((rows) => rows[step] ?? []),
          Date.now(),
        );
      }
      await storage.limits.merge(
        rowsOf.flatMap((rows) => rows.at(-1) ?? []),
        Date.now(),
      );
      const stored = new Map((await storage.limits.read()).rows.map((each) => [each.accountId, each]));
      for (const rows of rowsOf) {
        expect(stored.get(rows[0]?.accountId ?? "")).toEqual(rows.reduce(mergeLimits));
      }
    }),
    { numRuns: 6 },
  );
});

test("a process whose clock is wrong stores times by the store's clock; a cleared row stays never cleared", async () => {
  const { storage } = await newStorage();
  const wrong = Date.now() + 5 * 60_000;
  await storage.limits.merge([limit({ seenAt: wrong, until: wrong + HOUR })], wrong);
  const [row] = (await storage.limits.read()).rows;
  expect(Math.abs((row?.seenAt ?? 0) - Date.now())).toBeLessThan(60_000);
  expect((row?.until ?? 0) - (row?.seenAt ?? 0)).toBe(HOUR);
  expect(row?.clearedAt).toBe(0);
});

test("a row goes a day after it could last hold, and with its account", async () => {
  const { storage } = await newStorage();
  await storage.accounts.save(newAccount());
  const old = Date.now() - 25 * HOUR;
  await storage.limits.merge([limit({ scope: "old", seenAt: old - HOUR, until: old })], Date.now());
  await storage.limits.merge([limit()], Date.now());
  expect((await storage.limits.read()).rows.map(({ scope }) => scope)).toEqual(["*"]);
  await storage.accounts.remove("a1", 1);
  expect((await storage.limits.read()).rows).toEqual([]);
});

test("a row that Kleis did not write bars no account", async () => {
  const { storage, client } = await newStorage();
  await storage.limits.merge([limit(), limit({ scope: "m" })], Date.now());
  await client.execute("update account_limits set class = 'planted' where scope = 'm'");
  expect((await storage.limits.read()).rows.map(({ scope }) => scope)).toEqual(["*"]);
});

test("one of several callers may ask for a quota, and the next only later", async () => {
  const { storage, client } = await newStorage();
  await storage.accounts.save(newAccount());
  const claims = await Promise.all([1, 2, 3].map(() => storage.polls.claim("a1", HOUR)));
  expect(claims.filter((taken) => taken)).toHaveLength(1);
  await client.execute("update provider_accounts set next_poll_at = next_poll_at - 3600000");
  expect(await storage.polls.claim("a1", HOUR)).toBe(true);
  await storage.polls.postpone("a1", -1);
  expect(await storage.polls.claim("a1", HOUR)).toBe(true);
  // The store's clock was put back by days.
  await storage.polls.postpone("a1", 48 * HOUR);
  expect(await storage.polls.claim("a1", HOUR)).toBe(true);
  expect(await storage.polls.claim("gone", HOUR)).toBe(false);
});
