/** Batches before a store that loses acknowledgements, is away, and outlives its processes: every row once, or never. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sortableId } from "../../src/sortable-id.ts";
import type { DecisionRow, Storage, UsageBatch } from "../../src/storage/port.ts";
import { StorageError } from "../../src/storage/port.ts";
import { BACKLOG_ROWS, BATCH_ROWS, createBatchWriter, FLUSH_MS } from "../../src/usage/batch.ts";
import { createMemoryStorage } from "../support/memory-storage.ts";
import { runtimeOver } from "../support/runtime.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

type Fate = "taken" | "refused" | "unacknowledged" | "late";

/** A store in memory that keeps ids as libSQL does. */
class Store {
  readonly rows: string[] = [];
  readonly sent: UsageBatch[] = [];
  readonly ids = new Map<string, string>();
  running = 0;
  most = 0;
  fates: Fate[] = [];

  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async write(batch: UsageBatch): Promise<void> {
    this.sent.push(batch);
    this.running++;
    this.most = Math.max(this.most, this.running);
    const fate = this.fates.shift() ?? "taken";
    try {
      if (fate === "late") await this.#clock.sleep(4_000);
      if (fate === "refused") throw new StorageError("away");
      this.#take(batch);
      if (fate === "unacknowledged") throw new StorageError("timed out");
    } finally {
      this.running--;
    }
  }

  #take(batch: UsageBatch): void {
    const contents = JSON.stringify(batch);
    const known = this.ids.get(batch.id);
    // An id whose contents change would lose rows.
    if (known !== undefined) {
      expect(contents).toBe(known);
      return;
    }
    this.ids.set(batch.id, contents);
    this.rows.push(...batch.decisions.map(({ id }) => id));
  }
}

function start(more: { outlivesRequests?: boolean; sharesPromises?: boolean } = {}) {
  const clock = new VirtualClock();
  const storage = createMemoryStorage(() => clock.now());
  const store = new Store(clock);
  const usage: Storage["usage"] = { write: (batch) => store.write(batch) };
  const { runtime, settled, logged } = runtimeOver({ ...storage, usage }, { clock, more });
  const added: string[] = [];
  const newWriter = () => createBatchWriter(runtime);
  const row = (): DecisionRow => {
    const id = sortableId(runtime, "req_");
    added.push(id);
    const none = { upstreamId: null, accountId: null, provider: null, agent: null };
    return { ...none, id, at: clock.now(), keyId: "k", model: "m", outcome: "complete", record: {} };
  };
  return { clock, store, settled, logged, added, newWriter, row };
}

describe("rows are written", () => {
  test("when the last running request has ended, and not before", async () => {
    const { store, newWriter, row, added, settled } = start();
    const writer = newWriter();
    const [one, other] = [writer.begin(), writer.begin()];
    writer.add(row());
    one();
    one();
    await settled();
    expect(store.sent).toEqual([]);
    writer.add(row());
    other();
    await settled();
    expect(store.rows).toEqual(added);
    expect(store.sent).toHaveLength(1);
  });

  test("as soon as there are 200, while requests run", async () => {
    const { store, newWriter, row, settled } = start();
    const writer = newWriter();
    writer.begin();
    for (let count = 1; count < BATCH_ROWS; count++) writer.add(row());
    await settled();
    expect(store.rows).toEqual([]);
    writer.add(row());
    await settled();
    expect(store.rows).toHaveLength(BATCH_ROWS);
  });

  test("by a server after ten seconds, while requests run", async () => {
    const { clock, store, newWriter, row, settled } = start({ outlivesRequests: true });
    const writer = newWriter();
    writer.begin();
    writer.add(row());
    await clock.advance(FLUSH_MS - 1);
    expect(store.rows).toEqual([]);
    await clock.advance(1);
    await settled();
    expect(store.rows).toHaveLength(1);
  });

  test("by a server after an outage, without another request", async () => {
    const { clock, store, newWriter, row, added } = start({ outlivesRequests: true });
    const writer = newWriter();
    store.fates = Array.from({ length: 6 }, () => "refused");
    writer.add(row());
    await clock.advance(120_000);
    expect(store.rows).toEqual(added);
  });

  test("at shutdown, while a pause after a failure runs", async () => {
    const { store, newWriter, row, added, settled } = start();
    const writer = newWriter();
    store.fates = ["refused"];
    writer.add(row());
    await settled();
    writer.add(row());
    await settled();
    expect(store.rows).toEqual([]);
    await writer.flush();
    expect(store.rows).toEqual(added);
  });
});

test("while the store is away the newest 5,000 rows wait, in batches of 200", async () => {
  const { store, newWriter, row, added, settled } = start();
  const writer = newWriter();
  store.fates = Array.from({ length: 10_000 }, () => "refused");
  writer.begin();
  for (let count = 0; count < BACKLOG_ROWS + 900; count++) writer.add(row());
  await settled();
  store.fates = [];
  await writer.flush();
  await settled();
  // The first batch was frozen before the backlog was full.
  expect(store.rows).toHaveLength(BACKLOG_ROWS + BATCH_ROWS);
  expect(store.rows.at(-1)).toBe(added.at(-1));
  expect(Math.max(...store.sent.map(({ decisions }) => decisions.length))).toBe(BATCH_ROWS);
});

test("a batch that nobody acknowledged for half a day is given up, since its id may be forgotten", async () => {
  const { clock, store, newWriter, row, added, logged } = start();
  const writer = newWriter();
  store.fates = ["unacknowledged"];
  writer.add(row());
  await clock.advance(12 * 60 * 60_000);
  store.ids.clear();
  writer.add(row());
  await writer.flush();
  expect(store.rows).toEqual(added);
  expect(logged.map(({ event }) => event)).toContain("usage_lost");
});

const fate = fc.constantFrom<Fate>("taken", "refused", "unacknowledged", "late");
const step = fc.oneof(
  fc.record({ do: fc.constant("add" as const), rows: fc.integer({ min: 1, max: 250 }) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 70_000 }) }),
  fc.record({ do: fc.constant("flush" as const) }),
  fc.record({ do: fc.constant("kill" as const) }),
);

test("whatever becomes of writes and processes, no row is written twice, and a process that lives loses none", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 20 }),
      fc.array(fate, { maxLength: 30 }),
      fc.boolean(),
      fc.boolean(),
      async (steps, fates, outlivesRequests, sharesPromises) => {
        const { clock, store, newWriter, row, added } = start({ outlivesRequests, sharesPromises });
        store.fates = [...fates];
        let writer = newWriter();
        let bornAt = 0;
        for (const each of steps) {
          if (each.do === "add") {
            const end = writer.begin();
            for (let count = 0; count < each.rows; count++) writer.add(row());
            end();
          } else if (each.do === "wait") await clock.advance(each.ms);
          else if (each.do === "flush") void writer.flush();
          else {
            writer = newWriter();
            bornAt = added.length;
          }
        }
        store.fates = [];
        // The pause and a write that is lost have passed.
        await clock.advance(100_000);
        await clock.pass(writer.flush());
        await clock.advance(100_000);
        await clock.pass(writer.flush());
        expect(new Set(store.rows).size).toBe(store.rows.length);
        // One write at a time, and what a killed process had begun.
        const kills = steps.filter((each) => each.do === "kill").length;
        expect(store.most).toBeLessThanOrEqual(1 + kills);
        const written = new Set(store.rows);
        const living = added.slice(bornAt);
        if (living.length <= BACKLOG_ROWS) expect(living.filter((id) => !written.has(id))).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
});
