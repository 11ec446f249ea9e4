/** Batches are written once; decisions are kept as a ring; the audit for 90 days. */
import { expect, test } from "vitest";
import { idsBefore } from "../../src/sortable-id.ts";
import type { AuditLine, DecisionRow } from "../../src/storage/port.ts";
import { newStorage } from "../support/storage.ts";

const DAY = 24 * 60 * 60_000;
const NOW = 1_790_000_000_000;

const idAt = (prefix: string, at: number, tail = "x") => idsBefore(prefix, at) + tail;

function decision(at: number, change: Partial<DecisionRow> = {}): DecisionRow {
  return {
    id: idAt("req_", at),
    upstreamId: null,
    at,
    keyId: "k1",
    accountId: "a1",
    provider: "claude",
    model: "claude-sonnet-5",
    outcome: "complete",
    agent: "claude-cli",
    record: { policy: "off", candidates: [] },
    ...change,
  };
}

const batch = (at: number, decisions: DecisionRow[]) => ({ id: idAt("bat_", at), at, decisions });

test("a batch that comes again is written once, also where its rows differ from what is there", async () => {
  const { storage, client } = await newStorage();
  const first = batch(NOW, [decision(NOW), decision(NOW + 1, { upstreamId: "up-1" })]);
  await storage.usage.write(first);
  await storage.usage.write(first);
  const count = "select count(*) from requests";
  expect((await client.execute(count)).rows[0]?.[0]).toBe(2);
  await storage.usage.write({ ...first, decisions: [decision(NOW + 2)] });
  expect((await client.execute(count)).rows[0]?.[0]).toBe(2);
  // The same request in another batch: the first record stays.
  await storage.usage.write(batch(NOW + 5, [decision(NOW, { outcome: "other" }), decision(NOW + 3)]));
  const { entries } = await storage.decisions.list({}, { limit: 10 });
  expect(entries.map(({ at, outcome }) => [at - NOW, outcome])).toEqual([
    [3, "complete"],
    [1, "complete"],
    [0, "complete"],
  ]);
  expect(await storage.decisions.get("up-1")).toEqual(first.decisions[1]);
  expect(await storage.decisions.get(decision(NOW).id)).toEqual(first.decisions[0]);
  expect(await storage.decisions.get("gone")).toBeNull();
});

test("another trouble than a known id is a StorageError", async () => {
  const { storage, client } = await newStorage();
  await client.execute("create trigger no before insert on requests begin select raise(abort, 'no'); end");
  await expect(storage.usage.write(batch(NOW, [decision(NOW)]))).rejects.toThrow("cannot write");
  expect((await client.execute("select id from usage_batches")).rows).toEqual([]);
});

test("the list is filtered, newest first, and goes on after an entry", async () => {
  const { storage } = await newStorage();
  const rows = Array.from({ length: 9 }, (_, at) =>
    decision(NOW + at, {
      keyId: at % 2 === 0 ? "k1" : "k2",
      accountId: at % 3 === 0 ? null : "a1",
      outcome: at === 4 ? "limited" : "complete",
    }),
  );
  await storage.usage.write(batch(NOW, rows));
  const list = async (...args: Parameters<typeof storage.decisions.list>) => {
    const { entries, hasAfter } = await storage.decisions.list(...args);
    return [entries.map(({ at }) => at - NOW), hasAfter];
  };
  expect(await list({}, { limit: 4 })).toEqual([[8, 7, 6, 5], true]);
  expect(await list({}, { limit: 4, after: idAt("req_", NOW + 5) })).toEqual([[4, 3, 2, 1], true]);
  expect(await list({}, { limit: 4, after: idAt("req_", NOW + 1) })).toEqual([[0], false]);
  expect(await list({ keyId: "k2" }, { limit: 9 })).toEqual([[7, 5, 3, 1], false]);
  expect(await list({ keyId: "k1", accountId: "a1" }, { limit: 9 })).toEqual([[8, 4, 2], false]);
  expect(await list({ outcome: "limited" }, { limit: 9 })).toEqual([[4], false]);
});

test("of decisions the newest 20,000 stay, for two weeks; ids of batches for a day", async () => {
  const { storage, client } = await newStorage();
  await storage.usage.write(batch(NOW - 15 * DAY, [decision(NOW - 15 * DAY)]));
  await storage.usage.write(batch(NOW - DAY, [decision(NOW - DAY)]));
  await storage.usage.write(batch(NOW, [decision(NOW)]));
  const times = async () =>
    (await client.execute("select at from requests order by id")).rows.map((row) => row[0]);
  expect(await times()).toEqual([NOW - DAY, NOW]);
  const { rows } = await client.execute("select at from usage_batches order by id");
  expect(rows.map((row) => row[0])).toEqual([NOW - DAY, NOW]);

  await client.execute(`with recursive n(value) as (select 1 union all select value + 1 from n where value < 20000)
    insert into requests select 'req_zz' || value, null, ${NOW}, 'k', null, null, 'm', 'o', null, '{}' from n`);
  await storage.usage.write(batch(NOW + 1, [decision(NOW + 1)]));
  expect((await client.execute("select count(*) from requests")).rows[0]?.[0]).toBe(20_000);
  expect((await times()).slice(0, 1)).toEqual([NOW + 1]);
});

test("an audit line comes back as it was, once, for 90 days", async () => {
  const { storage } = await newStorage();
  const line = (at: number, change: Partial<AuditLine> = {}): AuditLine => ({
    id: idAt("aud_", at),
    at,
    by: "session",
    requestId: "req_1",
    action: "account.update",
    target: "acc_1",
    detail: { enabled: false },
    ...change,
  });
  const lines = [line(NOW - 91 * DAY), line(NOW - 89 * DAY, { detail: null, target: null })];
  await storage.audit.add(lines);
  await storage.audit.add(lines);
  await storage.audit.add([]);
  await storage.audit.add([line(NOW, { by: "admin token" })]);
  expect((await storage.audit.list({ limit: 5 })).entries).toEqual([
    line(NOW, { by: "admin token" }),
    lines[1],
  ]);
  expect(await storage.audit.list({ limit: 1 })).toMatchObject({ hasAfter: true });
  expect(await storage.audit.list({ limit: 5, after: line(NOW).id })).toEqual({
    entries: [lines[1]],
    hasAfter: false,
  });
});
