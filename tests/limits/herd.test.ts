import { expect, test } from "vitest";
import { createHerd, HERD_MS, HERD_SIZE } from "../../src/limits/herd.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

test("after a limit was learned a few requests at a time wait for the next account's headers", async () => {
  const clock = new VirtualClock();
  const herd = createHerd(clock);
  const running: (() => void)[] = [];
  const go = () => void herd.turn("b").then((end) => running.push(end));
  for (let n = 0; n < 20; n++) go();
  await clock.advance(0);
  expect(running).toHaveLength(20);
  for (const end of running.splice(0)) end();

  herd.moved();
  for (let n = 0; n < 20; n++) go();
  await clock.advance(500);
  expect(running).toHaveLength(HERD_SIZE);
  running[0]?.();
  running[0]?.();
  await clock.advance(100);
  expect(running).toHaveLength(HERD_SIZE + 1);
  await clock.advance(HERD_MS);
  expect(running).toHaveLength(20);
});

test("accounts do not wait for each other, and a client that leaves does not wait", async () => {
  const clock = new VirtualClock();
  const herd = createHerd(clock);
  herd.moved();
  for (let n = 0; n < HERD_SIZE; n++) await herd.turn("b");
  await herd.turn("c");
  const abort = new AbortController();
  let isOver = false;
  void herd.turn("b", abort.signal).then(() => {
    isOver = true;
  });
  await clock.advance(100);
  expect(isOver).toBe(false);
  abort.abort();
  await clock.advance(0);
  expect(isOver).toBe(true);
});
