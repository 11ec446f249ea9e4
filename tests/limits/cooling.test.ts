import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { type Cooling, createCooling } from "../../src/limits/cooling.ts";
import { NEVER, slackOf } from "../../src/limits/rest.ts";
import type { LimitVerdict } from "../../src/providers/limit.ts";
import { isHeld, mergeLimits } from "../../src/storage/merge-limits.ts";
import type { LimitReading, LimitRow, LimitStore } from "../../src/storage/port.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;

let clock: VirtualClock;
let store: FakeStore;
let cooling: Cooling;

/** The store by its port, in memory, on the same clock. */
class FakeStore implements LimitStore {
  readonly rows = new Map<string, LimitRow>();
  readonly writes: (readonly LimitRow[])[] = [];
  isDown = false;
  read(): Promise<LimitReading> {
    return Promise.resolve({ rows: [...this.rows.values()], storeNow: clock.now() });
  }
  async merge(rows: readonly LimitRow[]): Promise<void> {
    if (this.isDown) throw new Error("away");
    this.writes.push(rows);
    for (const row of rows) {
      const key = `${row.accountId} ${row.scope}`;
      const old = this.rows.get(key);
      this.rows.set(key, old === undefined ? row : mergeLimits(old, row));
    }
  }
}

function another(now = clock): Cooling {
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  return createCooling({ clock: now, logger, waitUntil: () => {}, storage: { limits: store } });
}

beforeEach(() => {
  clock = new VirtualClock();
  store = new FakeStore();
  cooling = another();
});

const guessed: LimitVerdict = { class: "window", scope: "*", untilMs: null, isStated: false, code: "used" };
const stated = (ms: number): LimitVerdict => ({ ...guessed, untilMs: clock.now() + ms, isStated: true });
const refused = (verdict: LimitVerdict, account = "a") => cooling.refused(account, verdict, "No.");
const phase = (model = "m", account = "a") => cooling.of(account, model)?.phase ?? null;
const until = () => (cooling.of("a", "m")?.until ?? 0) - clock.now();

describe("a stated end", () => {
  test("holds until a moment after it, and is then tried by one request", async () => {
    refused(stated(HOUR));
    expect(cooling.of("a", "other")).toMatchObject({
      scope: "*",
      isStated: true,
      phase: "active",
      code: "used",
    });
    const slack = slackOf({ accountId: "a", scope: "*", isStated: true });
    expect(slack).toBeGreaterThanOrEqual(1_000);
    expect(slack).toBeLessThanOrEqual(5_000);
    await clock.advance(HOUR + slack - 1);
    expect(phase()).toBe("active");
    await clock.advance(1);
    expect(phase()).toBe("over");
    const probe = cooling.probe("a", "m");
    expect(phase()).toBe("probing");
    probe.end(true);
    expect(phase()).toBeNull();
  });

  test("a request whose headers never come keeps others waiting for a minute", async () => {
    refused(stated(1));
    await clock.advance(10_000);
    cooling.probe("a", "m");
    expect(phase()).toBe("probing");
    await clock.advance(MINUTE);
    expect(phase()).toBe("over");
  });

  test("the later of two wins, and a guess does not shorten it", async () => {
    refused(stated(HOUR));
    refused(stated(MINUTE));
    refused(guessed);
    expect(until()).toBe(HOUR);
    refused(stated(2 * HOUR));
    expect(until()).toBe(2 * HOUR);
  });

  test("replaces a guess, although it is sooner", () => {
    refused(guessed);
    refused(stated(1_000));
    expect([until(), cooling.of("a", "m")?.isStated]).toEqual([1_000, true]);
  });

  test("after it, a refusal with an end in the past is a guess", async () => {
    refused(stated(1_000));
    await clock.advance(10_000);
    refused({ ...guessed, untilMs: clock.now() - 1, isStated: true });
    expect([until(), cooling.of("a", "m")?.isStated]).toEqual([MINUTE, false]);
  });

  test("is not ended by a request that was under way, nor by one that passes before it", async () => {
    const since = clock.now();
    await clock.advance(5);
    refused(stated(HOUR));
    cooling.succeeded("a", "m", since);
    await clock.advance(5);
    cooling.succeeded("a", "m", clock.now());
    expect(phase()).toBe("active");
  });
});

describe("a guess", () => {
  test("doubles up to 15 minutes with every refusal after its end", async () => {
    const waits: number[] = [];
    for (let strike = 0; strike < 7; strike++) {
      refused(guessed);
      waits.push(until() / MINUTE);
      await clock.advance(until());
      expect(phase()).toBe("over");
    }
    expect(waits).toEqual([1, 2, 4, 8, 15, 15, 15]);
  });

  test("refusals of requests that were under way add nothing", async () => {
    refused(guessed);
    await clock.advance(30_000);
    for (let n = 0; n < 50; n++) refused(guessed);
    expect(until()).toBe(30_000);
  });

  test("starts over after a success, and after an hour", async () => {
    for (const restart of ["success", "hour"]) {
      refused(guessed);
      await clock.advance(MINUTE);
      refused(guessed);
      expect(until()).toBe(2 * MINUTE);
      await clock.advance(restart === "hour" ? 2 * HOUR : 2 * MINUTE);
      if (restart === "success") cooling.succeeded("a", "m", clock.now());
      refused(guessed);
      expect([restart, until()]).toEqual([restart, MINUTE]);
      await clock.advance(3 * HOUR);
    }
  });

  test("of missing money doubles from an hour on, of a missing right stays an hour", async () => {
    const waits = async (verdict: LimitVerdict) => {
      const found: number[] = [];
      for (let strike = 0; strike < 3; strike++) {
        refused(verdict);
        found.push(until() / HOUR);
        await clock.advance(until());
      }
      cooling.clear("a");
      await clock.advance(1);
      return found;
    };
    expect(await waits({ ...guessed, class: "billing" })).toEqual([1, 2, 4]);
    expect(await waits({ ...guessed, class: "denied" })).toEqual([1, 1, 1]);
  });

  test("by the vendor's calendar lasts as long, and refuses nobody", () => {
    refused({ ...guessed, class: "billing", untilMs: clock.now() + 20 * 24 * HOUR });
    expect([until(), cooling.of("a", "m")?.isStated]).toEqual([20 * 24 * HOUR, false]);
  });
});

test.each(["content", "burst", "overload", "edge", "this_request", "auth"] as const)(
  "%s never cools",
  (name) => {
    refused({ ...stated(HOUR), class: name });
    expect(phase()).toBeNull();
    expect(cooling.rows()).toEqual([]);
  },
);

test("a model's limit leaves the other models alone", () => {
  refused({ ...stated(HOUR), class: "model_window", scope: "*opus*" });
  expect([phase("claude-opus-5"), phase("claude-sonnet-5")]).toEqual(["active", null]);
});

test("a blocked account stays so until the owner acts", async () => {
  refused({ ...guessed, class: "blocked" });
  expect(cooling.of("a", "m")).toMatchObject({ class: "blocked", until: NEVER, isStated: true });
  expect(cooling.rowOf("a", "m")?.words).toBe("No.");
  await clock.advance(400 * 24 * HOUR);
  cooling.learn(await store.read());
  expect(phase()).toBe("active");
  cooling.clear("a");
  expect(phase()).toBeNull();
});

describe("other processes", () => {
  test("know with their next read, and one that knows already writes nothing again", async () => {
    refused(stated(HOUR));
    await clock.advance(1);
    const other = another();
    other.learn(await store.read());
    expect(other.of("a", "m")).toEqual(cooling.of("a", "m"));
    await clock.advance(10_000);
    expect(store.writes).toHaveLength(1);
  });

  test("an older read does not bring back what was cleared, nor shorten what is known", async () => {
    refused(stated(HOUR));
    await clock.advance(1);
    const old = await store.read();
    cooling.clear("a");
    cooling.learn(old);
    expect(phase()).toBeNull();
    await clock.advance(1);
    refused(stated(2 * HOUR));
    cooling.learn(old);
    expect(until()).toBe(2 * HOUR);
  });

  test("a clock that is wrong by minutes changes no end", async () => {
    refused(stated(HOUR));
    await clock.advance(1);
    for (const skew of [-5 * MINUTE, 5 * MINUTE]) {
      const shifted = new VirtualClock(clock.now() + skew);
      const other = another(shifted);
      other.learn(await store.read());
      const limit = other.of("a", "m");
      expect([skew, (limit?.until ?? 0) - shifted.now()]).toEqual([skew, until()]);
      expect(limit?.phase).toBe("active");
    }
  });

  test("many refusals at once are one write, and later ones at most one in five seconds", async () => {
    for (let n = 0; n < 100; n++) refused(stated(HOUR));
    await clock.advance(1);
    expect(store.writes).toHaveLength(1);
    for (let n = 0; n < 10; n++) {
      await clock.advance(1_000);
      refused(stated(HOUR - n * 1_000));
    }
    expect(store.writes.length).toBeLessThanOrEqual(3);
  });

  test("a failed write is repeated until it succeeds", async () => {
    store.isDown = true;
    refused(stated(HOUR));
    await clock.advance(5_000);
    expect([phase(), store.writes.length]).toEqual(["active", 0]);
    store.isDown = false;
    await clock.advance(10_000);
    expect(store.writes).toHaveLength(1);
  });

  test("after a longer failure the next request writes it", async () => {
    store.isDown = true;
    refused(stated(HOUR));
    await clock.advance(2 * MINUTE);
    store.isDown = false;
    expect(phase()).toBe("active");
    await clock.advance(1);
    expect(store.writes).toHaveLength(1);
  });
});

const anyRow = fc
  .record({
    class: fc.constantFrom("window", "billing") as fc.Arbitrary<LimitRow["class"]>,
    until: fc.integer({ min: 1, max: 12 }),
    isStated: fc.boolean(),
    strikes: fc.constant(0),
    seenAt: fc.integer({ min: 1, max: 10 }),
    clearedAt: fc.integer({ min: 0, max: 10 }),
  })
  .map((row): LimitRow => ({ accountId: "a", scope: "*", code: "x", words: null, ...row }));

test("rows merge to the same in any order, and once more changes nothing", () => {
  fc.assert(
    fc.property(anyRow, anyRow, (one, other) => {
      const merged = mergeLimits(one, other);
      expect(mergeLimits(other, one)).toEqual(merged);
      expect(mergeLimits(merged, one)).toEqual(merged);
      expect(merged.clearedAt).toBe(Math.max(one.clearedAt, other.clearedAt));
      // Neither forgets what holds still.
      const held = [one, other].filter(({ seenAt }) => seenAt > merged.clearedAt);
      expect(isHeld(merged)).toBe(held.length > 0);
      const ends = held.filter(({ isStated }) => isStated).map((row) => row.until);
      if (merged.isStated && isHeld(merged)) expect(merged.until).toBe(Math.max(...ends));
    }),
  );
});
