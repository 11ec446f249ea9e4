/**
 * A database with 100,000 keys, 1,000 accounts and a registry as big as models.dev's: what a request costs does not grow
 * with it. How much time that is, `bench/scale.ts` measures.
 */
import { createClient } from "@libsql/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addAccounts, addKeys, addKnownKeys, addModelLists } from "../../harness/large-database.ts";
import { BIG } from "../../harness/models-dev.ts";
import { ADMIN_TOKEN, TEST_KEY } from "../../harness/secrets.ts";
import { createKeyLookup } from "../../src/keys/lookup.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { OPERATION_NAMES } from "../http/own-error.ts";
import { random } from "../support/config.ts";
import { isRead, type RoundTrip } from "../support/counted-client.ts";
import {
  type CountedProcess,
  type Issued,
  issue,
  openProcesses,
  type Processes,
  settle,
} from "./processes.ts";

const KEYS = 100_000;
const ACCOUNTS = 1_000;

let processes: Processes;
/** Has filled the database, and has no other part in the tests. */
let first: CountedProcess;
let key: Issued;
/** The texts of keys, more of them than a process remembers. */
let known: string[];
const endings: (() => unknown)[] = [];

beforeAll(async () => {
  processes = await openProcesses({ registry: BIG, atEnd: (work) => endings.push(work) });
  first = await processes.process();
  const ids = await settle(first);
  key = await issue(first, { label: "in use" });
  await Promise.all(OPERATION_NAMES.map((operation) => first.post(operation, key.key)));
  await first.settled();
  const client = createClient({ url: `file:${processes.file}`, timeout: 5_000 });
  await addKeys(client, KEYS);
  known = await addKnownKeys(client, 1_100);
  await addAccounts(client, createSealer([TEST_KEY], random), ACCOUNTS);
  client.close();
  await addModelLists(first.storage, ids, Date.now());
}, 180_000);

afterAll(async () => {
  for (const end of endings.reverse()) await end();
});

async function answered(answer: Promise<Response>): Promise<void> {
  const response = await answer;
  const text = await response.text();
  expect([response.status, text]).toEqual([200, text]);
}

/** Takes what was counted since the last time, once it has all ended. */
async function trips(process: CountedProcess): Promise<RoundTrip[]> {
  await process.settled();
  return process.trips.splice(0);
}

/** How the database goes about a statement, a line for each step. */
async function planOf(statement: string): Promise<string[]> {
  const client = createClient({ url: `file:${processes.file}`, timeout: 10_000 });
  const args = Array.from(statement.matchAll(/\?/g), () => null);
  const { rows } = await client.execute({ sql: `explain query plan ${statement}`, args });
  client.close();
  return rows.map((row) => String(row.detail));
}

/** The page of an owner who has logged in. */
async function ownersPage(process: CountedProcess) {
  const origin = "https://kleis.example";
  const login = await process.app.fetch(
    new Request(`${origin}/admin/login`, {
      method: "POST",
      headers: { origin },
      body: new URLSearchParams({ token: ADMIN_TOKEN }),
    }),
  );
  const cookie = login.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  return async (path: string) => {
    const answer = await process.app.fetch(new Request(origin + path, { headers: { cookie } }));
    expect([path, answer.status]).toEqual([path, 200]);
    return answer.text();
  };
}

test("the database holds the keys that the other tests count on", async () => {
  const now = Date.now();
  const [working, ended] = await Promise.all([
    first.storage.keys.count({ state: "working", now }),
    first.storage.keys.count({ state: "ended", now }),
  ]);
  expect(working + ended).toBe(KEYS + known.length + 1);
  expect(Math.min(working, ended)).toBeGreaterThan(KEYS / 10);
  expect(await first.storage.accounts.list()).toHaveLength(ACCOUNTS + 3);
  expect(BIG.length).toBeGreaterThan(4_800_000);
});

test.each([
  ["messages", "claude-sonnet-5"],
  ["responses", "gpt-5.5"],
  ["chat", "copilot/gpt-5-mini"],
] as const)("%s reads once in a cold process and never in a warm one", async (operation, model) => {
  const process = await processes.process();
  const ask = () => answered(process.post(operation, key.key, model));
  await ask();
  expect((await trips(process)).filter(isRead)).toHaveLength(1);
  for (let round = 0; round < 5; round++) await ask();
  expect((await trips(process)).filter(isRead)).toEqual([]);
  process.clock.ms += 10_000;
  await ask();
  expect((await trips(process)).filter(isRead)).toHaveLength(1);
});

test("a cold look at a key goes through its index, and at nothing else of the keys", async () => {
  const process = await processes.process();
  await answered(process.post("messages", key.key));
  const [cold] = await trips(process);
  const other = await issue(first);
  await answered(process.post("messages", other.key));
  const [second] = await trips(process);
  const statements = [...(cold?.statements ?? []), ...(second?.statements ?? [])];
  expect(statements).toHaveLength(6);
  for (const statement of statements) {
    const steps = (await planOf(statement)).filter((step) => step.includes("api_keys"));
    expect(steps.length).toBeGreaterThan(0);
    for (const step of steps) expect(step).toMatch(/^SEARCH api_keys USING (COVERING )?INDEX api_keys_hash/);
  }
});

test("a guessed key reads no rows, cold or warm", async () => {
  const process = await processes.process();
  const guess = async (name: string) => {
    expect((await process.post("messages", `kleis_${name.padEnd(43, "x")}`)).status).toBe(401);
    return (await trips(process)).map(({ rows }) => rows.reduce((sum, each) => sum + each));
  };
  expect(await guess("cold")).toEqual([0]);
  await answered(process.post("messages", key.key));
  await trips(process);
  expect(await guess("warm")).toEqual([0]);
});

test("a process remembers the thousand keys that it saw last, and no more", async () => {
  const process = await processes.process();
  const lookup = createKeyLookup(process.runtime);
  const find = async (text: string) => {
    expect(await lookup.find(text)).toMatchObject({ ok: true });
    return (await trips(process)).length;
  };
  for (const text of known) expect(await find(text)).toBe(1);
  for (const text of known.slice(-1_000)) expect(await find(text)).toBe(0);
  expect(await find(known[0] ?? "")).toBe(1);
  // Room was made for it.
  expect(await find(known.at(-1_000) ?? "")).toBe(1);
});

/** The statements that are about keys in the first place, with how many rows each brought. */
const ofKeys = (made: RoundTrip[]) =>
  made.flatMap(({ statements, rows }) =>
    statements.flatMap((statement, at) =>
      /^select .*? from "api_keys"/.test(statement) ? [{ statement, rows: rows[at] ?? 0 }] : [],
    ),
  );

test("the API's lists come a page at a time, and a page is all that is read", async () => {
  const process = await processes.process();
  interface List {
    keys: { id: string }[];
    accounts: { id: string }[];
    has_more: boolean;
  }
  const ids = new Set<string>();
  let after = "";
  for (let pages = 0; pages < 3; pages++) {
    const { keys, has_more } = await process.own<List>("GET", `/keys${after}`);
    expect([keys.length, has_more]).toEqual([500, true]);
    for (const { id } of keys) ids.add(id);
    after = `?after=${keys.at(-1)?.id}`;
  }
  expect(ids.size).toBe(1_500);
  const read = ofKeys(await trips(process));
  for (const { statement, rows } of read) {
    expect(rows).toBeLessThanOrEqual(501);
    const plan = (await planOf(statement)).join("; ");
    expect(plan).toMatch(/(SCAN|SEARCH) api_keys USING (COVERING )?INDEX/);
    // Only what was made in one moment has to be sorted.
    expect(plan).not.toContain("TEMP B-TREE FOR ORDER BY");
  }
  const accounts = await process.own<List>("GET", "/accounts?limit=7");
  expect(accounts.accounts).toHaveLength(7);
  const listed = (await trips(process)).filter(({ statements }) =>
    /from "provider_accounts"/.test(statements[0] ?? ""),
  );
  expect(listed.map(({ rows }) => rows)).toEqual([[8]]);
});

test("no page of the owner's reads or shows more keys than fit on it", async () => {
  const process = await processes.process();
  const page = await ownersPage(process);
  for (const path of [
    "/admin",
    "/admin/page/keys",
    "/admin/page/keys/new",
    "/admin/page/use",
    "/admin/page/models",
    "/admin/page/accounts/acc_10/remove",
  ]) {
    await trips(process);
    const text = await page(path);
    const read = ofKeys(await trips(process));
    for (const { rows } of read) expect([path, Math.min(rows, 102)]).toEqual([path, Math.min(rows, 101)]);
    expect((text.match(/class="card key/g) ?? []).length).toBeLessThanOrEqual(70);
  }
});
