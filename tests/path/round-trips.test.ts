/**
 * What a request costs at the database, counted where the calls are made. Cold is the first request of a process, warm
 * is every one within eight seconds after it; what goes on behind a request (the note that a key was used) is told apart.
 */
import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY, POLICIES, writePolicies } from "../../src/limits/policy.ts";
import { FRESH_MS } from "../../src/storage/read-cache.ts";
import { isRead, type RoundTrip } from "../support/counted-client.ts";
import { newAccount } from "../support/storage.ts";
import { type CountedProcess, issue, openProcesses, type Processes, settle } from "./processes.ts";

/** How long a slow machine is waited for. */
const PATIENCE = { timeout: 20_000 };

const UNKNOWN = (name: string) => `kleis_${name.padEnd(43, "x")}`;

/** A processes with an account of each provider, whose lists of models have all been fetched and stored by another process. */
async function settled(): Promise<{
  processes: Processes;
  first: CountedProcess;
  ids: Record<string, string>;
}> {
  const processes = await openProcesses();
  const first = await processes.process();
  const ids = await settle(first);
  // Whatever is asked of the network at first has been.
  await answered(first.post("messages", (await issue(first)).key));
  await first.settled();
  return { processes, first, ids };
}

async function answered(answer: Promise<Response>): Promise<Response> {
  const response = await answer;
  const text = await response.clone().text();
  expect([response.status, text]).toEqual([200, text]);
  return response;
}

/** Accounts that keep no list of models, which would be read for in the background where an account is new or changed. */
async function addOpenAiKeys(
  processes: Processes,
  { storage }: CountedProcess,
  count: number,
): Promise<string[]> {
  const apiKey = processes.fakes.codex.issueApiKey();
  const ids = Array.from({ length: count }, (_, at) => `acc_${at}`);
  for (const [at, id] of ids.entries()) {
    await storage.accounts.save(
      newAccount({
        id,
        provider: "codex",
        kind: "api_key",
        externalId: `console-${at}`,
        accessToken: null,
        refreshToken: null,
        apiKey,
        expiresAt: null,
        metadata: {},
        now: at,
      }),
    );
  }
  return ids;
}

async function refused(answer: Promise<Response>, status: number): Promise<void> {
  expect((await answer).status).toBe(status);
}

/** The trips since the last time that this was asked, once all of them have ended. */
async function spent(process: CountedProcess): Promise<{ reads: RoundTrip[]; notes: RoundTrip[] }> {
  await process.settled();
  const trips = process.trips.splice(0);
  // How requests were decided is written behind them, which keeps none waiting.
  const notes = trips.filter((trip) => !isRead(trip) && !trip.statements[0]?.includes('"usage_batches"'));
  for (const { statements } of notes) {
    expect(statements).toEqual([expect.stringMatching(/^update "api_keys" set "last_used_at"/)]);
  }
  return { reads: trips.filter(isRead), notes };
}

const WAYS = [
  ["messages", "claude-sonnet-5", "claude"],
  ["count_tokens", "claude-sonnet-5", "claude"],
  ["responses", "gpt-5.5", "codex"],
  ["chat", "gpt-5-mini", "copilot"],
  ["chat", "swift", "copilot"],
  ["messages", "copilot/claude-haiku-4.5", "copilot"],
] as const;

describe.each(WAYS)("%s with %s, which goes to %s", (operation, model, provider) => {
  test("reads once in a cold process and never in a warm one", async () => {
    const { processes, first } = await settled();
    const { key } = await issue(first);
    const asked = processes.registryAsked();
    const process = await processes.process();
    const cold = await answered(process.post(operation, key, model));
    expect(cold.headers.get("x-kleis-provider")).toBe(provider);
    const { reads, notes } = await spent(process);
    expect(reads).toHaveLength(1);
    expect(notes).toHaveLength(1);

    for (let round = 0; round < 3; round++) await answered(process.post(operation, key, model));
    process.clock.ms += FRESH_MS - 1;
    await answered(process.post(operation, key, model));
    expect(await spent(process)).toEqual({ reads: [], notes: [] });

    // So that no change made elsewhere stays unseen for longer than ten seconds it takes one reading again.
    process.clock.ms += 1;
    await answered(process.post(operation, key, model));
    await answered(process.post(operation, key, model));
    expect((await spent(process)).reads).toHaveLength(1);
    expect(processes.registryAsked()).toBe(asked);
    expect(processes.fakes.violations()).toEqual([]);
  });
});

test("limits, failover and sessions cost a cold process nothing more, and a warm one nothing", async () => {
  const { processes, first, ids } = await settled();
  const { key } = await issue(first);
  const policy = { ...DEFAULT_POLICY, failover: "own_accounts" as const };
  const policies = new Map(["claude", "codex"].map((provider) => [provider, policy]));
  await first.storage.settings.set(POLICIES, writePolicies(policies), 1);
  const process = await processes.process();
  const now = process.clock.ms;
  const until = now + 3_600_000;
  const times = { until, seenAt: now, clearedAt: 0, isStated: true, strikes: 0 };
  const limit = {
    accountId: ids.claude ?? "",
    scope: "*",
    class: "window",
    code: "used",
    words: null,
    ...times,
  } as const;
  await first.storage.limits.merge([limit], now);

  await answered(process.post("responses", key));
  expect((await spent(process)).reads).toHaveLength(1);
  for (let round = 0; round < 3; round++) {
    await answered(process.post("responses", key));
    expect((await process.post("messages", key)).status).toBe(429);
  }
  expect(await spent(process)).toEqual({ reads: [], notes: [] });
});

test("a second key in a warm process costs the look at its own row", async () => {
  const { processes, first } = await settled();
  const [one, other] = [await issue(first), await issue(first)];
  const process = await processes.process();
  await answered(process.post("messages", one.key));
  await spent(process);
  await answered(process.post("responses", other.key));
  const { reads } = await spent(process);
  expect(reads).toMatchObject([{ statements: [expect.stringContaining('from "api_keys"')], rows: [1] }]);
});

test("a key that was looked up later than the accounts is read again together with them", async () => {
  const { processes, first } = await settled();
  const [one, other] = [await issue(first), await issue(first)];
  const process = await processes.process();
  await answered(process.post("messages", one.key));
  process.clock.ms += 5_000;
  await answered(process.post("messages", other.key));
  await spent(process);
  process.clock.ms += 5_000;
  await answered(process.post("messages", other.key));
  await answered(process.post("messages", other.key));
  expect((await spent(process)).reads).toHaveLength(1);
});

test("the list of models costs a cold process one reading as well", async () => {
  const { processes, first } = await settled();
  const { key } = await issue(first);
  const process = await processes.process();
  const headers = { authorization: `Bearer ${key}` };
  const ask = async () => process.app.fetch(new Request("https://kleis.example/v1/models", { headers }));
  await answered(ask());
  await answered(ask());
  expect((await spent(process)).reads).toHaveLength(1);
});

describe("a guessed key", () => {
  test("costs one trip that brings nothing, however cold the process is, and is not asked for twice", async () => {
    const { processes, first } = await settled();
    const { key } = await issue(first);
    const process = await processes.process();
    for (const name of ["a", "b", "c", "c"]) await refused(process.post("messages", UNKNOWN(name)), 401);
    const guesses = await spent(process);
    expect(guesses.notes).toEqual([]);
    expect(guesses.reads.map(({ rows }) => rows.reduce((sum, each) => sum + each))).toEqual([0, 0, 0]);
    await answered(process.post("messages", key));
    expect((await spent(process)).reads).toHaveLength(1);
    await refused(process.post("messages", UNKNOWN("d")), 401);
    expect((await spent(process)).reads).toMatchObject([{ rows: [0] }]);
  });

  test("does not keep old accounts in use: guessing on and on, what was disabled elsewhere is still seen", async () => {
    const { processes, first, ids } = await settled();
    const { key } = await issue(first, { providers: ["claude"] });
    const process = await processes.process();
    await answered(process.post("messages", key));
    await first.own("PATCH", `/accounts/${ids.claude}`, { enabled: false });
    for (let second = 0; second < 11; second++) {
      process.clock.ms += 1_000;
      await refused(process.post("messages", UNKNOWN(`guess-${second}`)), 401);
    }
    await refused(process.post("messages", key), 403);
  });
});

test("requests that begin together in a cold process read for themselves: none waits for another", async () => {
  const { processes, first } = await settled();
  const { key } = await issue(first);
  const process = await processes.process();
  const gate = createGate();
  process.counted.hold = (trip) => (isRead(trip) ? gate.opened : undefined);
  const answers = Array.from({ length: 4 }, () => answered(process.post("messages", key)));
  await expect.poll(() => process.trips.length, PATIENCE).toBe(4);
  gate.open();
  await Promise.all(answers);
  expect((await spent(process)).reads).toHaveLength(4);
});

test("of a burst on stale data one request reads, and the others do not wait", async () => {
  const { processes, first } = await settled();
  const { key } = await issue(first);
  const process = await processes.process();
  await answered(process.post("messages", key));
  await spent(process);
  process.clock.ms += FRESH_MS;
  const gate = createGate();
  process.counted.hold = (trip) => (isRead(trip) ? gate.opened : undefined);
  const slow = answered(process.post("messages", key));
  await expect.poll(() => process.trips.length, PATIENCE).toBe(1);
  await Promise.all(Array.from({ length: 3 }, () => answered(process.post("messages", key))));
  gate.open();
  await slow;
  // Behind their answers one of the others may have looked for new names of models.
  const { reads } = await spent(process);
  expect(reads.filter(({ statements }) => statements[0]?.includes('from "api_keys"'))).toHaveLength(1);
  expect(reads.length).toBeLessThanOrEqual(2);
});

test("what is noted behind a request delays no response: the key's use, and how it was decided", async () => {
  const { processes, first } = await settled();
  const { key } = await issue(first);
  const process = await processes.process();
  const gate = createGate();
  process.counted.hold = (trip) => (isRead(trip) ? undefined : gate.opened);
  await answered(process.post("messages", key));
  await expect.poll(() => process.trips.filter((trip) => !isRead(trip)).length, PATIENCE).toBe(2);
  gate.open();
  await process.settled();
});

test("a token that another process renewed is used after one reading", async () => {
  const { processes, first, ids } = await settled();
  const { key } = await issue(first);
  const process = await processes.process();
  await answered(process.post("messages", key));
  await spent(process);
  await first.own("POST", `/accounts/${ids.claude}/refresh`);
  const renewed = await first.storage.accounts.secrets(ids.claude ?? "");
  process.clock.ms += 10_000;
  await answered(process.post("messages", key));
  expect((await spent(process)).reads).toHaveLength(1);
  expect(processes.fakes.claude.last().headers.authorization).toBe(`Bearer ${renewed?.accessToken}`);
});

test("a change made here is seen by the next request, after one reading", async () => {
  const { processes, first } = await settled();
  const [id = ""] = await addOpenAiKeys(processes, first, 1);
  const process = await processes.process();
  const { key } = await issue(process, { accounts: [id] });
  const ask = () => process.post("responses", key);
  await answered(ask());
  await process.own("PATCH", `/accounts/${id}`, { label: "mine" });
  await spentAll(process);
  await answered(ask());
  expect((await spent(process)).reads).toHaveLength(1);
  await process.own("PATCH", `/accounts/${id}`, { enabled: false });
  await spentAll(process);
  await refused(ask(), 403);
  expect((await spent(process)).reads).toHaveLength(1);
});

test("a key that is limited to one of very many accounts reads once, too", async () => {
  const { processes, first } = await settled();
  await addOpenAiKeys(processes, first, 60);
  const { key } = await issue(first, { accounts: ["acc_0"] });
  const process = await processes.process();
  const answer = await answered(process.post("responses", key));
  expect(answer.headers.get("x-kleis-account")).toBe("acc_0");
  expect((await spent(process)).reads).toHaveLength(1);
});

function createGate(): { opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Forgets what was counted, whatever it was. */
async function spentAll(process: CountedProcess): Promise<void> {
  await process.settled();
  process.trips.length = 0;
}
