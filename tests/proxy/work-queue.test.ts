/** Large bodies are read in turns: keys alternate, one works at a time, and others come first between two of them. */
import { describe, expect, test } from "vitest";
import { createWorkQueue } from "../../src/proxy/request/work-queue.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const never = new AbortController().signal;

describe("turns", () => {
  test("alternate between keys, however many of one key wait", async () => {
    const clock = new VirtualClock();
    const turns = createWorkQueue(clock, true);
    const order: string[] = [];
    const of = (key: string) => turns.run(key, never, () => void order.push(key));
    await Promise.all([...Array.from({ length: 6 }, () => of("greedy")), of("other"), of("third")]);
    expect(order.indexOf("other")).toBeLessThanOrEqual(2);
    expect(order.indexOf("third")).toBeLessThanOrEqual(3);
    expect(order).toHaveLength(8);
  });

  test("never overlap, and pause for as long as the one before took, at most 100 ms", async () => {
    const clock = new VirtualClock();
    const turns = createWorkQueue(clock, true);
    const begun: number[] = [];
    const start = clock.now();
    const work = async () => {
      begun.push(clock.now() - start);
      await clock.sleep(40);
    };
    const long = async () => {
      begun.push(clock.now() - start);
      await clock.sleep(5_000);
    };
    const all = Promise.all([work, long, work].map((each) => turns.run("key", never, each)));
    await clock.advance(10_000);
    await all;
    expect(begun).toEqual([0, 80, 80 + 5_000 + 100]);
  });

  test("go on after one that fails, and skip who has left", async () => {
    const clock = new VirtualClock();
    const turns = createWorkQueue(clock, true);
    const left = new AbortController();
    const failing = turns.run("a", never, () => {
      left.abort(new Error("left"));
      throw new Error("broken");
    });
    const gone = turns.run("a", left.signal, () => "worked for nobody");
    const next = turns.run("a", never, () => "served");
    const results = await Promise.allSettled([failing, gone, next]);
    expect(
      results.map((result) => (result.status === "fulfilled" ? result.value : result.reason.message)),
    ).toEqual(["broken", "left", "served"]);
  });

  test("do not make one request wait for another where the runtime forbids it", async () => {
    const turns = createWorkQueue(new VirtualClock(), false);
    const stuck = turns.run("a", never, () => new Promise(() => {}));
    void stuck;
    expect(await turns.run("a", never, () => "served")).toBe("served");
  });
});
