/** Large bodies are parsed in a queue: keys alternate, one runs at a time, and other requests come first between two. */
import { describe, expect, test } from "vitest";
import { createWorkQueue } from "../../src/proxy/request/work-queue.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const never = new AbortController().signal;

describe("work in the queue", () => {
  test("alternates between keys, however many of one key wait", async () => {
    const clock = new VirtualClock();
    const queue = createWorkQueue(clock, true);
    const order: string[] = [];
    const of = (key: string) => queue.run(key, never, () => void order.push(key));
    await Promise.all([...Array.from({ length: 6 }, () => of("greedy")), of("other"), of("third")]);
    expect(order.indexOf("other")).toBeLessThanOrEqual(2);
    expect(order.indexOf("third")).toBeLessThanOrEqual(3);
    expect(order).toHaveLength(8);
  });

  test("never overlaps, and pauses for as long as the work before took, at most 100 ms", async () => {
    const clock = new VirtualClock();
    const queue = createWorkQueue(clock, true);
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
    const all = Promise.all([work, long, work].map((each) => queue.run("key", never, each)));
    await clock.advance(10_000);
    await all;
    expect(begun).toEqual([0, 80, 80 + 5_000 + 100]);
  });

  test("goes on after a failure, and skips a client that has left", async () => {
    const clock = new VirtualClock();
    const queue = createWorkQueue(clock, true);
    const left = new AbortController();
    const failing = queue.run("a", never, () => {
      left.abort(new Error("left"));
      throw new Error("broken");
    });
    const gone = queue.run("a", left.signal, () => "worked for nobody");
    const next = queue.run("a", never, () => "served");
    const results = await Promise.allSettled([failing, gone, next]);
    expect(
      results.map((result) => (result.status === "fulfilled" ? result.value : result.reason.message)),
    ).toEqual(["broken", "left", "served"]);
  });

  test("does not make one request wait for another where the runtime forbids it", async () => {
    const queue = createWorkQueue(new VirtualClock(), false);
    const stuck = queue.run("a", never, () => new Promise(() => {}));
    void stuck;
    expect(await queue.run("a", never, () => "served")).toBe("served");
  });
});
